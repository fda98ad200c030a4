# What Flex answers is bounded and checked, whatever it is; what goes into a URL is encoded; nothing that Flex said stands in a primary
# message, and the token nowhere, on any of these paths.

use strict;
use warnings;
use utf8;

use Encode qw(encode_utf8);
use FlexSync;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time);

my $canary = 'canary-9d1e55b7';
my $words = 'words-of-flex';
my $sim = FlexSim->start(token => $canary);
my $db = FlexSync->start(sim => $sim,
	server => { retries => 0, request_timeout => '2s', max_response_bytes => '100kB' },
	conf => "log_min_messages = debug5\nlog_statement = none\n");
my $session = $db->session;
my $number = 0;
my $log_begins = -s $db->node->logfile;
my $said = '';

sub try
{
	my ($call) = @_;
	my $result = $session->sync($call);
	$said .= $session->{output} . $session->error;
	return $result;
}

# ---- ids in a URL

foreach my $element ('../../x?y', '../..', '..', '.', 'a/b', 'a b', 'a%2Fb', 'a?b=c#d', 'ü', "a;b'c\"d", 'a\\b', '&=+', '%', '%00')
{
	my $resource = "r/$element%25";
	my $name = encode_utf8("element '$element'");
	$sim->seed($element, []);
	my $role = 'r"\\ole ü';
	my $call = $db->make_call(encode_utf8($element), { technician => 1, resource => encode_utf8($resource), role => encode_utf8($role) });
	$sim->clear_log;
	my $result = try($call);
	is("@{$result}{qw(status added)}", 'ok 1', "$name: ok") or diag(explain($result));
	is_deeply([ map { "$_->{element} $_->{resource}" } $sim->log(kind => 'add') ], [ "$element $resource" ], "$name: arrives as it is");
	is_deeply([ grep { $_->{path} !~ m{^/f5/api/line-item/[\w.~%-]+/(row-data/|add-resource/[\w.~%-]+)$} || $_->{path} =~ m{/\.\.?/} } $sim->log ],
		[], "$name: encoded, with no other path");
	is(($sim->dump($element))->[0]{role}, $role, "$name: the role too");
	$db->desire($call);
	# A line's id, too.
	is(try($call)->{status}, 'ok', "$name: and its line is deleted");
}
my $call = $db->make_call('element-lines', 1);
$sim->add_row('element-lines', { id => '../x?y#z', resource => 'resource-9' });
$sim->clear_log;
my $result = try($call);
is("@{$result}{qw(status pruned)}", 'ok 1', 'a line whose id is a path') or diag(explain($result));
is_deeply([ map { $_->{path} } $sim->log(kind => 'delete') ], ['/f5/api/line-item/..%2Fx%3Fy%23z'], 'is encoded, too');

# ---- more lines than anybody has

$db->set_server(max_response_bytes => '16MB');
$call = $db->make_call('element-many', 1);
is(try($call)->{status}, 'ok', 'before there are many lines');
foreach my $lines (100_000, 100_001)
{
	my $is_too_many = $lines > 100_000;
	$sim->fault(kind => 'list', body => '[' . join(',', map { qq({"id":"$_"}) } 1 .. $lines - 1) . ',' .
		join(',', map { qq({"id":"$_->{id}","type":"contact","resourceId":"$_->{resource}"}) } @{ $sim->dump('element-many') }) . ']');
	$result = try($call);
	is("@{$result}{qw(status kept failed)}", $is_too_many ? 'failed 0 1' : 'ok 1 0', "$lines lines");
	is(scalar @{ $result->{diagnostics} }, $is_too_many ? 1 : 101, 'and so many diagnostics');
	is($result->{diagnostics}[-1]{code}, $is_too_many ? 'too_large' : 'more_diagnostics', 'the last of which says why');
	is($result->{diagnostics}[-1]{message}, $is_too_many ? "Flex's answer is no listing: it holds more than 100,000 lines."
		: 'These are the first 100 diagnostics; there are 99899 more.', 'in words');
}
$db->set_server(max_response_bytes => '100kB');

# ---- ids that no index could hold

foreach my $length (201, 6000)
{
	my ($element, $id) = ("element-long-$length", 'x' x $length);
	$call = $db->make_call($element, 1);
	$sim->fault(kind => 'add', act => 1, body => qq({"addedResourceLineIds": ["$id"]}));
	$sim->clear_log;
	$result = try($call);
	is("@{$result}{qw(status added)}", 'ok 1', "an add answered with a line id of $length bytes: a listing tells") or diag(explain($result));
	is(scalar(my @adds = $sim->log(kind => 'add')), 1, 'it is not made again');
	$db->agrees($element, "a line id of $length bytes");

	foreach my $row ({ id => $id, resource => 'resource-9' }, { resource => $id }, { resource => 'resource-9', role => $id })
	{
		my $line = $sim->add_row($element, $row);
		$result = try($call);
		is("@{$result}{qw(status failed)} $result->{diagnostics}[0]{code}", 'failed 1 malformed', "an id of $length bytes in a listing")
		  or diag(explain($result));
		$sim->delete_line($line);
	}
	is(try($call)->{status}, 'ok', 'without it all is well');

	$db->desire($call, { technician => 1, resource => $id });
	$result = try($call);
	is("@{$result}{qw(status kept)} $result->{diagnostics}[0]{code}", 'ok 1 resource_unclear', "a resource of $length bytes in the database")
	  or diag(explain($result));
}

# ---- what a listing may be

sub is_refused
{
	my ($name, $code, %fault) = @_;
	$sim->clear_log;
	$sim->fault(kind => 'list', %fault);
	my $begun = time;
	$result = try($call);
	is("$result->{status} $result->{diagnostics}[0]{code}", "failed $code", "$name: refused") or diag(explain($result));
	cmp_ok(time - $begun, '<', 2, "$name: at once");
	is($sim->counts->{total}, 1, "$name: nothing else is sent");
	unlike($result->{message}, qr/$words|$canary/, "$name: the message has no words of Flex's");
	return;
}

my $contact = '"type": "contact", "resourceId": "resource-1"';
is_refused('a huge body', 'too_large', huge_body => 50_000_000);
is_refused('a huge body in chunks', 'too_large', huge_body => 50_000_000, chunked => 1);
$sim->configure(compress => 1);
is_refused('a small body that unpacks to a huge one', 'too_large', body => '[' . ' ' x 30_000_000 . ']');
$sim->configure(compress => 0);
is_refused('huge headers', 'too_large', headers => { map { ("X-Long-$_" => 'x' x 6000) } 1 .. 15 });
is_refused('deep arrays', 'malformed', deep_json => 40_000);
is_refused('deep objects', 'malformed', body => '{"a":' x 15_000 . '1' . '}' x 15_000);
is_refused('U+0000 in an id', 'malformed', body => "[{\"id\": \"a\\u0000b\", $contact}]");
is_refused('U+0000 in a name', 'malformed', body => "[{\"id\": \"a\", $contact, \"name\": \"\\u0000\"}]");
is_refused('U+0000 itself', 'malformed', body_hex => unpack('H*', "[{\"id\": \"a\0b\", $contact}]"));
is_refused('half a surrogate pair', 'malformed', body => "[{\"id\": \"\\ud800\", $contact}]");
is_refused("bytes that are no UTF-8: $_", 'malformed', body_hex => unpack('H*', "[{\"id\": \"a\", $contact, \"name\": \"") . $_ . unpack('H*', '"}]'))
  foreach 'ff', 'c0af', 'eda080', 'f4908080', 'e282';
is_refused('words', 'malformed', body => "$words $canary");
is_refused('words in a listing', 'malformed', body => "[{\"id\": \"$words\", \"type\": \"$canary\"}, \"$words\"]");
is_refused('words in a status', 'http_status', status => 500, body => "$words $canary");

# ---- an add whose answer is as bad: unknown, and settled by the listing

foreach my $case (
	[ 'U+0000 in the line id', body => '{"addedResourceLineIds": ["a\u0000b"]}' ],
	[ 'bytes that are no UTF-8', body_hex => unpack('H*', '{"id": "') . 'ff' . unpack('H*', '"}') ],
	[ 'a huge body', huge_body => 50_000_000 ],
	[ 'deep JSON', deep_json => 40_000 ],
	[ 'an empty line id', body => '{"id": ""}' ],
	[ 'a line id that is a number', body => '{"id": 7}' ],
	[ 'an HTML page', body => "<html>$words $canary</html>" ])
{
	my ($name, %fault) = @$case;
	my $element = 'element-' . ++$number;
	$call = $db->make_call($element, 1);
	$sim->clear_log;
	$sim->fault(kind => 'add', act => 1, %fault);
	$result = try($call);
	is("@{$result}{qw(status added)}", 'ok 1', "an add with $name: the listing tells") or diag(explain($result));
	is($sim->counts->{add}, 1, "an add with $name: is sent once");
	$db->agrees($element, "an add with $name");
}

# ---- errors: nothing of Flex's in the primary message

foreach my $case ([ status => 500, body => "$words $canary" ], [ body => "[\"$words $canary\"]" ], [ status => 403, body => "$words $canary" ])
{
	foreach my $function (qw(flex_sync_plan flex_crew_contacts))
	{
		$sim->fault(kind => 'list', @$case);
		like($session->sqlstate_of("SELECT * FROM $function('$call')"), qr/^08/, "$function: an error");
		$said .= $session->error;
		my ($primary) = $session->error =~ /^ERROR:  (.*)$/m;
		like($primary, qr/^\w{5}: could not list the contacts of crew call "$call"$/, "$function: its primary message is ours alone");
		unlike($session->error, qr/$words/, "$function: and the rest has no body of Flex's");
	}
}

# ---- a token that Flex refreshes serves from then on, and is just as secret

my $second = 'canary-5a0f7c21';
$call = $db->make_call('element-token', 1 .. 3);
$sim->clear_log;
$sim->fault(kind => 'list', refresh_token => $second, only_new_token => 1);
$result = try($call);
is("@{$result}{qw(status added)}", 'ok 3', 'a token is refreshed by the listing');
my @tokens = map { $_->{headers}{'X-Auth-Token'} } sort { $a->{ordinal} <=> $b->{ordinal} } $sim->log;
is_deeply(\@tokens, [ $canary, ($second) x 4 ], 'each later request has the new one');
$db->run("ALTER USER MAPPING FOR CURRENT_USER SERVER flex OPTIONS (SET token '$second')");
my $third = 'canary-77e2b90d';
$db->set_server(max_parallel => 1);
$db->desire($call, 1 .. 6);
$sim->clear_log;
$sim->fault(kind => 'add', status => 422, refresh_token => $third, only_new_token => 1);
$result = try($call);
is("@{$result}{qw(status added)}", 'partial 2', 'a token is refreshed by an add that is refused') or diag(explain($result));
@tokens = map { $_->{headers}{'X-Auth-Token'} } sort { $a->{ordinal} <=> $b->{ordinal} } $sim->log;
is_deeply(\@tokens, [ ($second) x 2, ($third) x 3 ], 'each later request has the new one');

# ---- nowhere

my $log = PostgreSQL::Test::Utils::slurp_file($db->node->logfile, $log_begins);
cmp_ok(length $log, '>', 10_000, 'the server has logged a lot');
my $secret = qr/canary-(?!\w*\$)[0-9a-f]{8}/;
unlike($said, $secret, 'no token in what the client saw');
is_deeply([ grep { /$secret/ && !/ALTER USER MAPPING/ } split /\n/, $log ], [], 'nor in the log');
unlike($db->run("SELECT r FROM $_ AS r"), $secret, "nor in $_") foreach qw(flex_sync_log flex_sync_log_operation flex_sync_contact);
done_testing;
