# Flex speaks UTF-8. In a database of another encoding an id would go out as other bytes than Flex means, and another person be
# called: every function that talks to Flex refuses, before anything else, and the doctor says so.

use strict;
use warnings;

use FlexSync;
use Test::More;

my $db = FlexSync->start;
my $sim = $db->sim;
my $call = $db->make_call('element-1', 1);
$db->run("INSERT INTO flex_crew_calls (id, job_id) VALUES ('ca110000-0000-4000-8000-0000000000aa', gen_random_uuid())");

my %refuses = (
	flex_sync_crew => 'SELECT * FROM flex_sync_crew(NULL)',
	flex_sync_plan => "SELECT * FROM flex_sync_plan(NULL)",
	flex_crew_contacts => 'SELECT * FROM flex_crew_contacts(NULL)',
	flex_sync_job => 'SELECT * FROM flex_sync_job(NULL)',
	flex_sync_all => 'CALL flex_sync_all()');
# The functions that never talk to Flex.
my %works = map { $_ => 1 } qw(flex_sync_validator flex_sync_lock_key flex_sync_setup flex_sync_duplicates flex_sync_repair
  flex_sync_protect flex_sync_check flex_sync_purge flex_sync_crew_counts flex_sync_running flex_sync_dashboard);
my @functions = split /\n/, $db->run(q(SELECT p.proname FROM pg_proc AS p JOIN pg_depend AS d ON d.objid = p.oid AND d.deptype = 'e'
	JOIN pg_extension AS e ON e.oid = d.refobjid AND e.extname = 'flex_sync' WHERE d.classid = 'pg_proc'::regclass));
is_deeply([ grep { !$refuses{$_} && !$works{$_} } @functions ], [], 'it is known of each function whether it talks to Flex');

foreach my $encoding (qw(LATIN1 SQL_ASCII EUC_JP))
{
	my $name = lc $encoding;
	$db->run("CREATE DATABASE $name ENCODING '$encoding' LOCALE 'C' TEMPLATE template0");
	my $session = $db->session(database => $name);
	$session->run("SET client_encoding = 'UTF8'") if $encoding ne 'SQL_ASCII';
	$session->run('CREATE EXTENSION flex_sync');
	my $report = sub { return map { $_->{check_name} => $_ } $session->rows('SELECT * FROM flex_sync_check(true)') };
	my %found = $report->();
	is($found{encoding}{status}, 'error', "$encoding: the doctor says so");
	like($found{encoding}{hint}, qr/UTF8/, "$encoding: and what to do");
	is($found{server}{status}, 'error', "$encoding: and goes on");
	unlike($found{server}{hint}, qr/[^ -~]/, "$encoding: in words that the encoding has");
	is($session->sqlstate_of('SELECT flex_sync_duplicates()'), '42704', "$encoding: an error without a server");
	unlike($session->error, qr/[^ -~\n\t]/, "$encoding: is such words, too");

	$session->run("CREATE SERVER flex FOREIGN DATA WRAPPER flex_sync OPTIONS (url '@{[ $sim->url ]}')");
	$session->run("CREATE USER MAPPING FOR CURRENT_USER SERVER flex OPTIONS (token 'test-token')");
	$session->run('SELECT FROM flex_sync_setup()');
	$session->run("INSERT INTO flex_crew_calls (id, flex_element_id) VALUES ('$call', 'element-1')");
	$sim->clear_log;
	foreach my $function (sort keys %refuses)
	{
		is($session->sqlstate_of($refuses{$function}), '0A000', "$encoding: $function");
		like($session->error, qr/$encoding.*HINT:  .*UTF8/s, "$encoding: $function says what to do");
	}
	is($session->sqlstate_of("BEGIN ISOLATION LEVEL SERIALIZABLE; SELECT flex_sync_crew('$call')"), '0A000', "$encoding: before the rest");
	like($session->error, qr/$encoding/, "$encoding: before the transaction is looked at");
	$session->run('ROLLBACK');
	%found = $report->();
	is($found{encoding}{status}, 'error', "$encoding: the doctor with a server");
	ok(!$found{flex}, "$encoding: does not ask Flex");
	is($sim->counts->{total}, 0, "$encoding: nothing was sent");
}
is((grep { $_->{check_name} eq 'encoding' } $db->rows('SELECT * FROM flex_sync_check()'))[0]{status}, 'ok', 'UTF8 is right');
is($db->sync($call)->{status}, 'ok', 'and works');
done_testing;
