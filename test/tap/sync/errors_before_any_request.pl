# What is the caller's mistake is found out before anything is sent to Flex.

use strict;
use warnings;

use FlexSync;
use Test::More;

my $db = FlexSync->start;
my $sim = $db->sim;
my $call = $db->make_call('element-1', 1 .. 3);
my $no_element = $db->make_call(undef, 1);
my $sync = "SELECT flex_sync_crew('$call')";
$db->run('CREATE ROLE app LOGIN; GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA public TO app');
my $app = $db->session(user => 'app');
my $session = $db->session;

sub is_refused
{
	my ($who, $state, $statement, $why) = @_;
	$sim->clear_log;
	is($who->sqlstate_of($statement), $state, $why);
	is($sim->counts->{total}, 0, "nothing was sent: $why");
	$who->run('ROLLBACK') if $statement =~ /^BEGIN/;
	return;
}

# ---- the caller

foreach my $grant (
	[ '42501', 'no USAGE on the server', 'GRANT USAGE ON FOREIGN SERVER flex TO app' ],
	[ '42704', 'no user mapping', q(CREATE USER MAPPING FOR app SERVER flex OPTIONS (token 'test-token')) ],
	[ '42501', 'no privilege on the crew calls', 'GRANT SELECT ON flex_crew_calls TO app' ],
	[ '42501', 'no privilege on the desired crew', 'GRANT SELECT ON flex_desired_crew TO app' ],
	[ '42501', 'no privilege on the rows', 'GRANT SELECT ON flex_crew_assignments TO app' ],
	[ '42501', 'no INSERT', 'GRANT INSERT ON flex_crew_assignments TO app' ],
	[ '42501', 'no UPDATE', 'GRANT UPDATE ON flex_crew_assignments TO app' ],
	[ '42501', 'no DELETE', 'GRANT DELETE ON flex_crew_assignments TO app' ])
{
	my ($state, $why, $remedy) = @$grant;
	is_refused($app, $state, $sync, $why);
	$db->run($remedy);
}
$db->run('ALTER TABLE flex_desired_crew ENABLE ROW LEVEL SECURITY; CREATE POLICY p ON flex_desired_crew USING (true)');
is_refused($app, '42501', $sync, 'row level security');
$db->run('DROP POLICY p ON flex_desired_crew; ALTER TABLE flex_desired_crew DISABLE ROW LEVEL SECURITY');

# ---- the transaction

is_refused($app, '25006', "BEGIN READ ONLY; $sync", 'a read-only transaction');
is_refused($app, '0A000', "BEGIN ISOLATION LEVEL REPEATABLE READ; $sync", 'REPEATABLE READ');
is_refused($app, '0A000', "BEGIN ISOLATION LEVEL SERIALIZABLE; $sync", 'SERIALIZABLE');

# ---- arguments and relations

is_refused($session, '22004', 'SELECT flex_sync_crew(NULL)', 'no call');
is_refused($session, '22023', "SELECT flex_sync_crew('$call', prune => 'some')", 'no such policy');
is_refused($session, 'P0002', "SELECT flex_sync_crew('ca110000-0000-4000-8000-00000000000f')", 'no such call');
is_refused($session, '55000', "SELECT flex_sync_crew('$no_element')", 'no element');
is_refused($session, '42704', "SET flex_sync.server = 'other'; $sync", 'no such server');
$session->run('RESET flex_sync.server');
$db->run('ALTER TABLE flex_crew_assignments DROP CONSTRAINT flex_crew_assignments_crew_call_technician_key');
is_refused($session, '55000', $sync, 'no unique index');
$db->run('SELECT FROM flex_sync_setup()');
my $other = $db->session;
$other->run("BEGIN; SELECT pg_advisory_xact_lock(flex_sync_lock_key('$call'))");
is_refused($session, '55P03', "SET lock_timeout = '10ms'; $sync", 'the lock does not come');
$other->run('ROLLBACK');

# ---- with all that granted it works

is($app->sync($call)->{status}, 'ok', 'with all that granted it works');
$db->agrees('element-1', 'after it');
done_testing;
