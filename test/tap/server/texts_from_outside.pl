# Texts that come from outside the database are none of its encoding's until they are looked at: claims of a token, names of roles that
# were made in a database of another encoding, what libcurl says. Whatever they hold, a dump of the log can be restored.

use strict;
use warnings;

use FlexSync;
use PostgreSQL::Test::Utils;
use Test::More;

my $db = FlexSync->start;
my $sim = $db->sim;
my $call = $db->make_call('element-1', 1);
my $session = $db->session;
is($session->sync($call)->{status}, 'ok', 'a sync');

# All that the log holds is text of the encoding, and the sync ended ok.
sub logs
{
	my ($name, $like) = @_;
	my $bad = q(SELECT convert_from(textsend(concat_ws('|', triggered_by, application_name, message, diagnostics, server, department)), 'UTF8')
		FROM flex_sync_log ORDER BY run_id DESC LIMIT 1);
	is($session->sqlstate_of($bad), '', "$name: the log's row is text") or diag($session->error);
	like($session->run('SELECT triggered_by FROM flex_sync_log ORDER BY run_id DESC LIMIT 1'), $like, "$name: and tells who it was")
	  if $like;
	return;
}

foreach my $claim (
	[ 'half a surrogate pair', '\udc00', qr/^a\?+z$/ ],
	[ 'the other half', '\ud800', qr/^(postgres|a\?+z)$/ ],
	[ 'U+0000', '\u0000', qr/^a\?z$/ ],
	[ 'a pair', '\ud83d\ude00', qr/^a[^?]+z$/ ],
	[ 'another script', "\xc3\xa9", qr/^a\xc3\xa9z$/ ],
	[ 'the last character', '\udbff\udfff', qr/^a[^?]*z$/ ])
{
	my ($name, $text, $like) = @$claim;
	$session->run(qq(SELECT set_config('request.jwt.claims', '{"sub": "a${text}z"}', false)));
	is($session->sync($call)->{status}, 'ok', "a claim with $name: the sync ends ok");
	logs("a claim with $name", $like);
}
$session->run('RESET request.jwt.claims');

# ---- roles are the cluster's, and their names as they were typed

$db->run(q(CREATE DATABASE latin ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0));
my $latin = $db->session(database => 'latin');
$latin->run(qq(SET client_encoding = 'LATIN1'; CREATE ROLE "jos\xe9" SUPERUSER LOGIN));
$db->make_mapping('flex', 'PUBLIC');
my $jose = $db->session(user => "jos\xe9");
is($jose->run("SELECT status FROM flex_sync_crew('$call')"), 'ok', 'a role of another encoding');
logs('a role of another encoding', qr/^jos\?$/);
$db->run('DROP USER MAPPING FOR PUBLIC SERVER flex');
is($jose->sqlstate_of("SELECT flex_sync_crew('$call')"), '42704', 'has no user mapping');
like($jose->error, qr/"jos\?"/, 'which it is told in the encoding');
$jose->run("SELECT FROM flex_sync_check()");
is($jose->sqlstate_of("SELECT convert_from(textsend(concat(detail, hint)), 'UTF8') FROM flex_sync_check()"), '', 'by the doctor, too');

# ---- what libcurl says is cut after so many bytes

$db->set_server(url => 'https://' . "\xc3\xa9" x 30 . '.' . "a\xc3\xa9" x 30 . '.' . "\xc3\xa9" x 30 . '.' . "\xc3\xa9" x 30 . '.example');
foreach my $more ('', 'a')
{
	$db->set_server(url => "https://$more" . "\xc3\xa9" x 126 . '.example', retries => 0);
	my $found = $db->run("SELECT message FROM flex_sync_crew('$call')");
	logs("a message of libcurl: $found");
}
$db->set_server(url => $sim->url);

# ---- what Flex shows

foreach my $bad ('"\udc00"', '"\u0000"', "\"\xff\"", "\"\xed\xb0\x80\"", "\"\xf4\x90\x80\x80\"")
{
	foreach my $field (qw(id resourceId name type business-role))
	{
		my %row = (id => '"line"', resourceId => '"resource"', name => '"name"', type => '"contact"', 'business-role' => 'null', $field => $bad);
		my $body = '[{' . join(', ', map { "\"$_\": $row{$_}" } sort keys %row) . '}]';
		$sim->clear_faults;
		$sim->fault(kind => 'list', body_hex => unpack('H*', $body), status => 200, times => 0);
		is($db->sync($call)->{status}, 'failed', "$field " . unpack('H*', $bad) . ': no listing');
		logs("$field " . unpack('H*', $bad));
	}
}
$sim->clear_faults;
$sim->reset;
$sim->seed('element-1', []);
$db->run('DELETE FROM flex_crew_assignments; DELETE FROM flex_sync_contact');
$sim->fault(kind => 'add', body => '{"addedResourceLineIds": ["line\udc00"]}', act => 1);
$session->sync($call);
logs('an add whose line is no text');

# ---- all of it is restored

my $dump = "$PostgreSQL::Test::Utils::tmp_check/dump";
$db->run('CREATE DATABASE restored TEMPLATE template0');
$db->node->command_ok([ 'pg_dump', '-Fc', '-f', $dump, '-d', $db->node->connstr('postgres') ], 'a dump');
$db->node->command_ok([ 'pg_restore', '-e', '-d', $db->node->connstr('restored'), $dump ], 'can be restored');
done_testing;
