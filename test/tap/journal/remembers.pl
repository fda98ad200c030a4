# What a sync has done in Flex is remembered whatever becomes of its transaction, also while Flex's listing does not show it yet: nobody is
# called twice, what is ours is known as ours, the log tells, and the journal is empty once a sync has committed.

use strict;
use warnings;

use FlexSync;
use Test::More;
use Time::HiRes qw(sleep time);

my $db = FlexSync->start(conf => "max_prepared_transactions = 2\nwal_writer_delay = 10ms\n", server => { deadline => '1s', prune => 'owned' });
my $sim = $db->sim;
my $number = 0;

sub journal { return $db->rows('SELECT * FROM flex_sync_journal ORDER BY run_id, ordinal') }

# Syncs a new crew of three, ends it by a function, and syncs it again: what Flex shows is adopted, and nothing must be unlocked or mended.
sub is_adopted_after
{
	my ($name, $end) = @_;
	my $element = 'element-' . ++$number;
	$sim->configure(listing_lag_ms => 0);
	my $call = $db->make_call($element, 1 .. 3);
	$sim->clear_log;
	$end->($db->session, $call, 3);
	is(scalar $db->flex_contacts($element), 3, "$name: the contacts are in Flex");
	is_deeply([ $db->assignments($call) ], [], "$name: no row");
	is($db->value("SELECT count(*) FROM flex_sync_log WHERE crew_call_id = '$call'"), 0, "$name: no log row");

	my $result = $db->sync($call);
	is("@{$result}{qw(status adopted added)}", 'ok 3 0', "$name: the next sync adopts");
	is($sim->counts->{add}, 3, "$name: nobody is called twice");
	$db->agrees($element, $name);
	return is($db->value("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'"), 0, "$name: no lock is left");
}

# A crew of three, with roles, of whom the second is in Flex and goes; Flex shows nothing for a minute. Ended by a function, then synced again.
sub is_remembered_after
{
	my ($name, $end) = @_;
	my $element = 'element-' . ++$number;
	$sim->configure(listing_lag_ms => 0);
	$sim->seed($element, [ 'resource-2' ]);
	my $call = $db->make_call($element, 2);
	is($db->sync($call)->{adopted}, 1, "$name: a crew of one");
	$db->desire($call, { technician => 1, role => 'role-1' }, 3);
	$sim->configure(listing_lag_ms => 60_000);
	$sim->clear_log;
	$end->($db->session, $call, 2);
	is($sim->counts->{add}, 2, "$name: two are called");
	my ($run) = map { $_->{run_id} } journal();
	ok($run, "$name: the journal tells");

	my $result = $db->sync($call);
	is($result->{status}, 'partial', "$name: the next sync waits for Flex to show them") or diag(explain($result));
	is($sim->counts->{add}, 2, "$name: nobody is called twice");
	is(scalar journal(), 0, "$name: the journal is empty");
	my $log = $db->log_of($run);
	is("@{$log}{qw(status added removed roles_set failed)}", 'rolled_back 2 1 1 1', "$name: the log tells of the run") or diag(explain($log));
	ok($log->{settled_at}, "$name: and when it was settled");
	like($log->{message}, qr/rolled back, or its session ended.*2 added, 1 removed.*1 roles? set/s, "$name: and what it had done");
	is_deeply([ sort map { "$_->{action} $_->{outcome}" } $db->operations_of($run) ], [ 'add done', 'add done', 'remove done', 'set_role done' ],
		"$name: each operation is in the log");

	$sim->configure(listing_lag_ms => 0);
	$result = $db->sync($call);
	is("@{$result}{qw(status added)}", 'ok 0', "$name: Flex shows them, and all is well") or diag(explain($result));
	$db->agrees($element, $name);
	$db->desire($call);
	is($db->sync($call, max_removals => 9)->{status}, 'ok', "$name: nobody is desired any more");
	is($db->flex_contacts($element), 0, "$name: what the run had added was ours to remove");
	return;
}

# Syncs until the closing listing hangs.
sub hang
{
	my ($session, $call) = @_;
	$sim->fault(kind => 'list', skip => 1, hang => 1);
	$session->start_sync($call);
	sleep 0.005 until $sim->held;
	return;
}

# How the transaction of a sync ends that adds so many.
my @ends = (
	[ 'ROLLBACK', sub {
		my ($session, $call, $adds) = @_;
		$session->run('BEGIN');
		is($session->sync($call)->{added}, $adds, 'ROLLBACK: the sync added');
		is(scalar $session->rows("SELECT FROM flex_sync_journal WHERE crew_call_id = '$call'"), 0, 'ROLLBACK: its transaction has emptied the journal');
		$session->run('ROLLBACK');
	} ],
	[ 'ROLLBACK TO SAVEPOINT', sub {
		my ($session, $call) = @_;
		$session->run('BEGIN');
		$session->run('SAVEPOINT before');
		$session->sync($call);
		$session->run('ROLLBACK TO SAVEPOINT before');
		$session->run('COMMIT');
	} ],
	[ 'an error later in the transaction', sub {
		my ($session, $call) = @_;
		$session->run('BEGIN');
		$session->sync($call);
		$session->sqlstate_of('SELECT 1 / 0');
		$session->run('COMMIT');
	} ],
	[ 'an error in the same statement', sub {
		my ($session, $call, $adds) = @_;
		is($session->sqlstate_of("SELECT 1 / (r.added - $adds) FROM flex_sync_crew('$call') AS r"), '22012', 'the statement fails');
	} ],
	[ 'statement_timeout', sub {
		my ($session, $call) = @_;
		$session->run("SET statement_timeout = '60s'");
		$session->run('BEGIN');
		$session->sync($call);
		$session->run("SET statement_timeout = '50ms'");
		is($session->sqlstate_of('SELECT pg_sleep(1)'), '57014', 'the transaction is ended by statement_timeout');
		$session->run('ROLLBACK');
	} ],
	[ 'cancel', sub {
		my ($session, $call) = @_;
		hang($session, $call);
		$session->cancel;
		is($session->finish_sqlstate, '57014', 'the sync is cancelled');
	} ],
	[ 'terminate', sub {
		my ($session, $call) = @_;
		hang($session, $call);
		$db->run('SELECT pg_terminate_backend(' . $session->pid . ')');
		is($session->finish_sqlstate, '57P01', 'the backend is terminated');
		$session->quit;
	} ],
	[ 'ROLLBACK PREPARED', sub {
		my ($session, $call) = @_;
		$session->run('BEGIN');
		$session->sync($call);
		$session->run("PREPARE TRANSACTION 'sync'");
		is($db->sync($call, nowait => 1)->{status}, 'busy', 'a prepared transaction keeps the lock');
		$db->run("ROLLBACK PREPARED 'sync'");
	} ],
	[ 'a crash', sub {
		my ($session, $call) = @_;
		hang($session, $call);
		sleep 0.3; # answers are flushed by the WAL writer, and may be lost with the server: then they count as not answered
		$db->restart('immediate');
	} ],
);
foreach my $end (@ends)
{
	is_adopted_after(@$end);
	is_remembered_after(@$end);
}

# The other way round: what is deleted in Flex stays deleted.
$sim->configure(listing_lag_ms => 0);
my $call = $db->make_call('element-removed', 1 .. 3);
$db->sync($call);
$db->run('BEGIN');
$db->run("DELETE FROM flex_desired_crew WHERE crew_call_id = '$call' AND technician_id <> '" . technician(1) . "'");
is($db->sync($call)->{removed}, 2, 'two removed');
$db->run('ROLLBACK');
is(scalar $db->assignments($call), 3, 'their rows are back');
my $result = $db->sync($call);
is("@{$result}{qw(status kept added stale)}", 'ok 1 2 2', 'the next sync adds them again');
$db->agrees('element-removed', 'after a rolled back removal');

# COMMIT PREPARED takes the journal's rows along.
$sim->configure(listing_lag_ms => 0);
$call = $db->make_call('element-prepared', 1, 2);
my $session = $db->session;
$session->run('BEGIN');
$session->sync($call);
$session->run("PREPARE TRANSACTION 'sync'");
is(scalar journal(), 2, 'while a transaction is prepared its run is in the journal');
$db->run("COMMIT PREPARED 'sync'");
is(scalar journal(), 0, 'COMMIT PREPARED empties it');
is($db->sync($call)->{status}, 'ok', 'and nothing is left to settle');
is($db->value("SELECT count(*) FROM flex_sync_log WHERE status = 'rolled_back' AND crew_call_id = '$call'"), 0, 'no run was rolled back');

# Within one transaction: a sync that is rolled back to a savepoint is known to the next one.
$sim->configure(listing_lag_ms => 60_000);
$call = $db->make_call('element-savepoint', 1, 2);
$sim->clear_log;
$session->run('BEGIN');
$session->run('SAVEPOINT before');
$session->sync($call);
$session->run('ROLLBACK TO SAVEPOINT before');
is($session->sync($call)->{status}, 'partial', 'the next sync of the transaction waits too');
is($sim->counts->{add}, 2, 'and calls nobody again');
is($session->value("SELECT count(*) FROM flex_sync_log WHERE status = 'rolled_back' AND crew_call_id = '$call'"), 1, 'it has settled the first');
$session->run('ROLLBACK');
is($db->sync($call)->{status}, 'partial', 'after another rollback it is settled again');
is($sim->counts->{add}, 2, 'still each is called once');
is($db->value("SELECT count(*) FROM flex_sync_log WHERE status = 'rolled_back' AND crew_call_id = '$call'"), 1,
	'the run that changed something is in the log, the one that did not is not');

# An add without an answer is paused for a minute, not for two seconds.
$sim->configure(listing_lag_ms => 0);
$call = $db->make_call('element-unanswered', 1);
$sim->clear_log;
$sim->fault(kind => 'add', hang => 1);
$session->start_sync($call);
sleep 0.005 until $sim->held;
$session->cancel;
is($session->finish_sqlstate, '57014', 'cancelled before the answer to an add');
$sim->clear_faults;
is(join(' ', map { $_->{outcome} // 'none' } journal()), 'none', 'the journal has its intent, and no answer');
is($db->value("SELECT status FROM flex_sync_crew('$call')"), 'partial', 'the next sync does not call them');
$db->run("UPDATE flex_sync_contact SET noted_at = noted_at - interval '30 seconds'");
is($db->value("SELECT status FROM flex_sync_crew('$call')"), 'partial', 'nor half a minute later');
$db->run("UPDATE flex_sync_contact SET noted_at = noted_at - interval '31 seconds'");
is($db->value("SELECT status FROM flex_sync_crew('$call')"), 'ok', 'but after a minute');
is($db->flex_contacts('element-unanswered'), 1, 'one contact');

# Other functions settle what belongs to no sync that runs.
$db->run("UPDATE flex_sync_log SET settled_at = settled_at - interval '2 hours'");
foreach my $how ('SELECT flex_sync_purge()', 'CALL flex_sync_all()')
{
	my $call = $db->make_call('element-settled-' . ++$number, 1);
	$session->run('BEGIN');
	$session->sync($call);
	my $statement = 'SELECT count(*) FROM flex_sync_journal';
	is($db->value($statement), 1, "$how: a run under way is in the journal");
	$db->run($how);
	is($db->value($statement), 1, "$how: it is left alone");
	is($db->value('SELECT unsettled_runs FROM flex_sync_health'), 0, "$how: and is not unsettled");
	$session->run('ROLLBACK');
	is($db->value('SELECT unsettled_runs FROM flex_sync_health'), 1, "$how: rolled back it is unsettled");
	is($db->value("SELECT detail FROM flex_sync_check() WHERE check_name = 'unsettled_runs' AND status = 'warning'"),
		'What runs that were rolled back sent to Flex is not settled yet; runs: 1.', "$how: the doctor says so");
	is($db->value("SELECT count(*) FROM flex_sync_alerts WHERE alert = 'rolled_back'"), 0, "$how: no alert yet");
	$db->run('DELETE FROM flex_desired_crew');
	$db->run($how);
	is($db->value($statement), 0, "$how: settles it");
	is($db->value("SELECT count(*) FROM flex_sync_check() WHERE check_name = 'unsettled_runs'"), 0, "$how: the doctor is content");
	is($db->value("SELECT value FROM flex_sync_alerts WHERE alert = 'rolled_back'"), 1, "$how: and an alert is raised");
	$db->run("UPDATE flex_sync_log SET settled_at = settled_at - interval '2 hours'");
	is($db->value("SELECT status FROM flex_sync_log WHERE crew_call_id = '$call' ORDER BY run_id LIMIT 1"), 'rolled_back', "$how: the log tells");
}

# A crew that cannot be settled keeps no other from it.
my @stuck = map { $db->make_call("element-stuck-$_", 1) } 1, 2;
$session->run('BEGIN');
$session->sync($_) foreach @stuck;
$session->run('ROLLBACK');
$db->run(q(
	CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'not this one'; END $$;
	CREATE TRIGGER refuse BEFORE INSERT ON flex_sync_log FOR EACH ROW
		WHEN (NEW.flex_element_id = 'element-stuck-1' AND NEW.status = 'rolled_back') EXECUTE FUNCTION refuse();
));
$db->run('SELECT flex_sync_purge()');
is_deeply([ map { $_->{flex_element_id} } journal() ], ['element-stuck-1'], 'the others are settled');
$db->run('CALL flex_sync_all(strict => false)');
is($db->value("SELECT status FROM flex_sync_log WHERE flex_element_id = 'element-stuck-1'"), 'failed', 'its own sync tells why');
$db->run('DROP TRIGGER refuse ON flex_sync_log');
is($db->sync($stuck[0])->{status}, 'ok', 'and settles it as soon as it can');
is(scalar journal(), 0, 'then the journal is empty');

# The tables may move, and the worker with them.
$call = $db->make_call('element-elsewhere', 1);
$session->sync($call);
$db->run('CREATE SCHEMA elsewhere; ALTER EXTENSION flex_sync SET SCHEMA elsewhere');
$db->desire($call, 2);
is(($session->rows("SELECT status || diagnostics::text AS told FROM elsewhere.flex_sync_crew('$call')"))[0]{told}, 'ok[]', 'the extension in another schema');
$db->run('ALTER EXTENSION flex_sync SET SCHEMA public');

# A quiet sync writes no journal and starts no worker.
$session->quit;
$call = $db->make_call('element-quiet', 1);
$db->sync($call);
$session = $db->session;
is($session->sync($call)->{status}, 'ok', 'a quiet sync');
is($db->value("SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'flex_sync journal'"), 1, 'starts no worker of its own');
done_testing;
