# flex_sync_check(true) asks Flex exactly once, whatever comes of it, and says how it went and what to do. Without it nothing is sent.

use strict;
use warnings;

use FlexSync;
use Test::More;

my $db = FlexSync->start(server => { request_timeout => '300ms' });
my $sim = $db->sim;

sub finding
{
	my ($session) = (@_, $db);
	return ($session->rows(q(SELECT * FROM flex_sync_check(true) WHERE check_name = 'flex')))[0];
}

is(finding()->{status}, 'warning', 'no crew call has an element');
is($sim->counts->{total}, 0, 'so that nothing is sent');
my $call = $db->make_call('element-1', 1);
$db->run('SELECT FROM flex_sync_check(); SELECT FROM flex_sync_check(false); SELECT FROM flex_sync_check(NULL)');
is($sim->counts->{total}, 0, 'without probe nothing is sent');

my @case = (
	[ 'all is well', {}, 'ok', qr/^Flex takes the token and listed element "element-1" in \d+ ms\.$/, undef ],
	[ 'the token', { wrong_token => 1 }, 'error', qr/401.* It took \d+ ms\./, qr/^Check the token of the user mapping for server "flex"/ ],
	[ 'forbidden', { status => 403 }, 'error', qr/403/, qr/^Check the token/ ],
	[ 'no such element', { status => 404 }, 'warning', qr/^Flex answered in \d+ ms, and has no element "element-1"\.$/, qr/^Check the flex_element_id/ ],
	[ 'down', { status => 503 }, 'error', qr/503/, qr/^Try again later/ ],
	[ 'no answer', { hang => 1 }, 'error', qr/It took 3\d\d ms/, qr/request_timeout/ ],
	[ 'a dropped connection', { drop => 'before' }, 'error', qr/\w/, qr/^Try again later/ ],
	[ 'too many requests', { status => 429, headers => { 'Retry-After' => '0' } }, 'error', qr/429/, qr/^Try again later/ ],
	[ 'no JSON', { body => 'oops' }, 'error', qr/\w/, qr/"url"/ ],
);
foreach my $case (@case)
{
	my ($name, $fault, $status, $detail, $hint) = @$case;
	$sim->fault(kind => 'list', times => 0, %$fault) if %$fault;
	$sim->clear_log;
	my $finding = finding();
	is($finding->{status}, $status, "$name: status");
	like($finding->{detail}, $detail, "$name: detail");
	defined $hint ? like($finding->{hint}, $hint, "$name: hint") : is($finding->{hint}, undef, "$name: hint");
	is($sim->counts->{total}, 1, "$name: one request");
	$sim->clear_faults;
}
$db->set_server(url => 'http://127.0.0.1:1/f5/api');
is(finding()->{status}, 'error', 'nobody there');
$db->set_server(url => $sim->url);
is($db->value('SELECT count(*) FROM flex_sync_log'), 0, 'it writes no log row');
is(join(' ', $db->run(q(SELECT string_agg(detail || coalesce(hint, ''), ' ') FROM flex_sync_check(true))) =~ /test-token/g), '', 'nor the token anywhere');

# For a role that may read too little, and without a mapping.
$db->run('CREATE ROLE plain LOGIN; GRANT EXECUTE ON FUNCTION flex_sync_check TO plain; GRANT USAGE ON FOREIGN SERVER flex TO plain');
my $plain = $db->session(user => 'plain');
$sim->clear_log;
is(finding($plain), undef, 'without a user mapping it cannot ask');
$db->make_mapping('flex', 'plain');
is(finding($plain)->{status}, 'error', 'nor where it may not read which element there is');
is($sim->counts->{total}, 0, 'so that nothing is sent');
$db->run('GRANT SELECT ON flex_crew_calls TO plain');
is(finding($plain)->{status}, 'ok', 'with both it can');
done_testing;
