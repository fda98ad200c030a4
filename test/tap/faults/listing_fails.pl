# A listing that fails, in whatever way, tells nothing: nothing is sent, nothing is deleted, in Flex or here; the status says
# so, a diagnostic tells why, and the log has its row.

use strict;
use warnings;

use FlexSync;
use Test::More;

my $db = FlexSync->start(
	server => { request_timeout => '500ms', deadline => '1s', retries => 0, max_response_bytes => '64kB' });
my $sim = $db->sim;

# Everything would be to do: one to keep, one to add, one to remove, one to prune, and a row to forget.
my $call = $db->make_call('element-1', 1 .. 3);
is($db->sync($call)->{status}, 'ok', 'before any trouble');
$db->desire($call, 1, 2, 4);
$sim->delete_line(($db->assignments($call))[1]{flex_line_item_id});
$sim->add_row('element-1', 'resource-9');

sub fails
{
	my ($name, $code, %expected) = @_;
	my @before = ([ $db->assignments ], [ $db->rows('SELECT * FROM flex_sync_contact ORDER BY 3') ], $sim->dump);
	$sim->clear_log;
	my $result = $db->sync($call);
	$sim->clear_faults;
	is($result->{status}, $expected{status} // 'failed', "$name: status") or diag(explain($result));
	my $diagnostic = $result->{diagnostics}[0];
	is("$diagnostic->{action} $diagnostic->{code}", "list $code", "$name: diagnostic");
	like($diagnostic->{message}, $expected{message} // qr/\w.*\.$/, "$name: message");
	is($diagnostic->{http_status}, $expected{http_status}, "$name: HTTP status") if $expected{http_status};
	is_deeply([ grep { $_->{method} ne 'GET' } $sim->log ], [], "$name: nothing but listings is sent");
	is_deeply([ [ $db->assignments ], [ $db->rows('SELECT * FROM flex_sync_contact ORDER BY 3') ], $sim->dump ],
		\@before, "$name: nothing changes");
	my $logged = $db->log_of($result->{run_id});
	return is_deeply(
		[ @{$logged}{qw(status failed message diagnostics)} ],
		[ @{$result}{qw(status failed message diagnostics)} ],
		"$name: the log tells it");
}

sub fails_with
{
	my ($name, $rule, $code, %expected) = @_;
	$sim->fault(kind => 'list', times => 0, %$rule);
	return fails($name, $code, %expected);
}

fails_with('status 503', { status => 503 }, 'http_status', http_status => 503);
fails_with('status 404', { status => 404 }, 'not_found', http_status => 404);
fails_with('status 429', { status => 429 }, 'rate_limited', status => 'deferred', http_status => 429);
fails_with('redirect', { redirect => $sim->host_url('localhost') }, 'redirect', http_status => 302);
fails_with('connection closed', { drop => 'after' }, 'connection_lost');
fails_with('no answer', { hang => 1 }, 'timeout', message => qr/waiting for the first byte/);
fails_with('slow body', { slow_body => { bytes => 1, every_ms => 5 } }, 'timeout', message => qr/reading the answer/);
fails_with('cut body', { cut_body => 1 }, 'connection_lost');
fails_with('huge body', { huge_body => 70000 }, 'too_large', message => qr/max_response_bytes/);
fails_with('deep JSON', { deep_json => 20000 }, 'malformed');
fails_with('X-Total-Count', { headers => { 'X-Total-Count' => '8' } }, 'malformed', message => qr/part of the list/);
fails_with("relabelled to '$_'", { relabel => $_ }, 'void', message => qr/cannot be true/) foreach 'service-offering', 'kontakt';

# What is no listing, whatever its status says.
my $contact = '"type": "contact", "resourceId": "resource-1"';
my %bodies = (
	'an empty body' => '',
	'HTML' => '<html><body>Please log in</body></html>',
	'an object' => "{\"rows\": [{\"id\": \"1\", $contact}]}",
	'a row without an id' => "[{\"id\": \"1\", $contact}, {$contact}]",
	'one id twice' => "[{\"id\": \"1\", $contact}, {\"id\": \"1\", $contact}]",
	'resources that disagree' => "[{\"id\": \"1\", $contact, \"resource\": {\"id\": \"resource-2\"}}]",
);
fails_with($_, { body => $bodies{$_} }, 'malformed', http_status => 200) foreach sort keys %bodies;
fails_with('not UTF-8', { body_hex => unpack 'H*', "[{\"id\": \"\xff\", $contact}]" }, 'malformed');

$db->run("ALTER USER MAPPING FOR CURRENT_USER SERVER flex OPTIONS (SET token 'wrong')");
fails('a token that Flex does not know', 'unauthorized', http_status => 401, message => qr/token/);
$db->run("ALTER USER MAPPING FOR CURRENT_USER SERVER flex OPTIONS (SET token '" . $sim->token . "')");
$db->set_server(url => 'http://127.0.0.1:1/f5/api');
fails('nobody at home', 'unreachable');
$db->set_server(url => $sim->url =~ s/f5/f6/r);
fails('a wrong path', 'not_found', http_status => 404);
$db->set_server(url => $sim->url);

# Repeated, until there is no time left.
$db->set_server(retries => 3, deadline => '400ms');
fails_with('repeated: status 503', { status => 503 }, 'http_status');
fails_with('repeated: status 429', { status => 429 }, 'rate_limited', status => 'deferred');
$db->set_server(deadline => undef);

my $result = $db->sync($call);
is("@{$result}{qw(status kept added removed pruned stale)}", 'ok 1 2 1 1 1', 'when the trouble is over');
$db->agrees('element-1', 'when the trouble is over');
done_testing;
