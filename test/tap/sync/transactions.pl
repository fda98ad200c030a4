# Syncs within transactions: savepoints, several crews, DO blocks, functions with and without EXCEPTION. Whatever the transaction
# takes back, the next sync finds in Flex; nobody is called twice.

use strict;
use warnings;

use FlexSync;
use Test::More;

my $db = FlexSync->start;
my $sim = $db->sim;
my $session = $db->session;
my $other = $db->session;
my $number = 0;

sub make_crew
{
	my $element = 'element-' . ++$number;
	$sim->clear_log;
	return ($element, $db->make_call($element, @_));
}

# ROLLBACK TO after a sync gives back rows and lock; a sync in the same transaction adopts.
my ($element, $call) = make_crew(1 .. 3);
$session->run('BEGIN; SAVEPOINT before');
is($session->sync($call)->{added}, 3, 'a sync after a savepoint');
is($other->sync($call, nowait => 1)->{status}, 'busy', 'holds the lock');
$session->run('ROLLBACK TO before');
is($other->run("SELECT pg_try_advisory_lock(flex_sync_lock_key('$call')), pg_advisory_unlock(flex_sync_lock_key('$call'))"),
	't|t', 'ROLLBACK TO gives the lock back');
my $result = $session->sync($call);
is("@{$result}{qw(status adopted added)}", 'ok 3 0', 'a sync after ROLLBACK TO adopts');
$session->run('COMMIT');
is($sim->counts->{add}, 3, 'nobody is called twice');
$db->agrees($element, 'after COMMIT');

# The crew changes in the transaction, and back; the last sync counts.
$session->run('BEGIN; SAVEPOINT before');
$session->run("DELETE FROM flex_desired_crew WHERE crew_call_id = '$call' AND technician_id = '" . technician(1) . "'");
is($session->sync($call)->{removed}, 1, 'a change that is not committed yet is seen');
$session->run('ROLLBACK TO before');
$result = $session->sync($call);
is("@{$result}{qw(status kept added stale)}", 'ok 2 1 1', 'taken back, it is called again');
$session->run('COMMIT');
$db->agrees($element, 'after the change and back');

# RELEASE keeps what an inner sync did.
($element, $call) = make_crew(1, 2);
$session->run('BEGIN; SAVEPOINT inner_one');
$session->sync($call);
$session->run('RELEASE inner_one; COMMIT');
$db->agrees($element, 'after RELEASE');

# Several crews in one transaction, and one of them again.
my @crews = map { [ make_crew(1 .. $_) ] } 1 .. 3;
$session->run('BEGIN');
is($session->sync($_->[1])->{status}, 'ok', "$_->[0] in a transaction") foreach @crews;
like($session->sync($crews[0][1])->{status}, qr/^(ok|coalesced)$/, 'the first of them again');
is($other->sync($_->[1], nowait => 1)->{status}, 'busy', "$_->[0] stays locked until the end") foreach @crews;
$session->run('COMMIT');
$db->agrees($_->[0], 'after a transaction of several crews') foreach @crews;
$session->run('SELECT (flex_sync_crew(id)).status FROM flex_crew_calls ORDER BY id');
$db->agrees($_->[0], 'after one statement for all crews') foreach @crews;

# DO, PL/pgSQL with EXCEPTION, SQL functions.
$db->run(q(
	CREATE FUNCTION guarded_sync(call uuid, divisor int) RETURNS text LANGUAGE plpgsql AS $$
	DECLARE result flex_sync_result;
	BEGIN
		result := flex_sync_crew(call);
		PERFORM 1 / divisor;
		RETURN result.status;
	EXCEPTION
		WHEN division_by_zero THEN RETURN 'undone';
		WHEN object_not_in_prerequisite_state THEN RETURN SQLSTATE;
	END $$;
	CREATE FUNCTION sql_sync(call uuid) RETURNS text LANGUAGE sql AS 'SELECT status FROM flex_sync_crew(call)';
));
($element, $call) = make_crew(1, 2);
$session->run("DO \$\$ BEGIN PERFORM flex_sync_crew('$call'); PERFORM flex_sync_crew('$call'); END \$\$");
$db->agrees($element, 'after a DO block');
is($sim->counts->{add}, 2, 'that synced twice');

($element, $call) = make_crew(1, 2);
is($session->value("SELECT guarded_sync('$call', 0)"), 'undone', 'an error after the sync, caught');
is_deeply([ $db->assignments($call) ], [], 'takes the rows back');
is($session->value("SELECT guarded_sync('$call', 1)"), 'ok', 'again, without the error');
$db->agrees($element, 'after an EXCEPTION block');
is($sim->counts->{add}, 2, 'nobody is called twice');
my $without = $db->make_call(undef, 1);
is($session->value("SELECT guarded_sync('$without', 1)"), '55000', 'an error of ours, caught');
is($session->value("SELECT guarded_sync('$call', 1)"), 'ok', 'and the session goes on');

($element, $call) = make_crew(1, 2);
is($session->value("SELECT sql_sync('$call')"), 'ok', 'a SQL function');
$db->agrees($element, 'after a SQL function');

# Beside work of the transaction's own: both are committed, or neither.
($element, $call) = make_crew(1, 2);
$session->run("BEGIN; CREATE TABLE beside (status text)");
$session->run("INSERT INTO beside SELECT status FROM flex_sync_crew('$call'); COMMIT");
is($db->value('SELECT status FROM beside'), 'ok', 'INSERT ... SELECT from a sync');
$db->agrees($element, 'after INSERT ... SELECT');
is($db->value("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'"), 0, 'no lock is left');
done_testing;
