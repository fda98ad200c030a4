# CALL flex_sync_all commits as it goes: where it could not, it is refused before anything is sent; when its backend dies in the
# middle, all that it reported done stays.

use strict;
use warnings;

use FlexSync;
use Test::More;

my $db = FlexSync->start(conf => "restart_after_crash = on\n", server => { max_parallel => 2 });
my $sim = $db->sim;
my @calls = map { $db->make_call("element-$_", $_) } 1 .. 20;

# ---- where it cannot commit

$db->run(q(
	CREATE FUNCTION in_a_function() RETURNS void LANGUAGE plpgsql AS $$ BEGIN CALL flex_sync_all(); END $$;
	CREATE PROCEDURE in_a_procedure() LANGUAGE plpgsql AS $$ BEGIN CALL flex_sync_all(); END $$;
));
my %refused = (
	'a transaction block' => 'BEGIN; CALL flex_sync_all()',
	'a function' => 'SELECT in_a_function()',
	'a DO block within a transaction' => 'BEGIN; DO $$ BEGIN CALL flex_sync_all(); END $$',
	'a procedure within a transaction' => 'BEGIN; CALL in_a_procedure()',
	'a block with EXCEPTION' => 'DO $$ BEGIN CALL flex_sync_all(); EXCEPTION WHEN division_by_zero THEN END $$',
	'a string of several statements' => 'CALL flex_sync_all()\; SELECT 1',
);
foreach my $where (sort keys %refused)
{
	is($db->sqlstate_of($refused{$where}), '2D000', "in $where it is refused");
	like($db->error, qr/ERROR:  2D000: flex_sync_all cannot run inside a transaction block/, 'with a message of its own');
	$db->run('ROLLBACK');
}
is($sim->counts->{total}, 0, 'nothing was sent');
is($db->sqlstate_of(q(CALL flex_sync_all(prune => 'some'))), '22023', 'an argument that it does not take');
$db->run('SET default_transaction_isolation = $$repeatable read$$');
is($db->sqlstate_of('CALL flex_sync_all()'), '0A000', 'an isolation level that hides what others commit');
$db->run('RESET default_transaction_isolation; SET default_transaction_read_only = on');
is($db->sqlstate_of('CALL flex_sync_all()'), '25006', 'a read-only transaction');
$db->run('RESET default_transaction_read_only');
$db->run('ALTER TABLE flex_crew_assignments DROP CONSTRAINT flex_crew_assignments_crew_call_technician_key');
is($db->sqlstate_of('CALL flex_sync_all()'), '55000', 'no unique index');
$db->run('SELECT flex_sync_protect()');
$db->run('ALTER VIEW flex_due_crew_calls RENAME TO flex_elsewhere');
is($db->sqlstate_of('CALL flex_sync_all()'), '55000', 'no flex_due_crew_calls');
like($db->error, qr/flex_due_crew_calls.*HINT:  .*flex_sync_setup/s, 'is named, and what makes it');
$db->run('ALTER VIEW flex_elsewhere RENAME TO flex_due_crew_calls');
is($sim->counts->{total}, 0, 'all before anything was sent');

# ---- its backend dies

sub committed { return $db->value('SELECT count(*) FROM flex_sync_log') }

my $killed = $db->session;
$sim->fault(kind => 'list', element => 'element-9', hold => 'before');
$killed->start('CALL flex_sync_all()');
is(scalar $sim->held(10, 1), 1, 'in the fifth batch of two');
is(committed(), 8, 'four are committed');
$db->run('SELECT pg_terminate_backend(' . $killed->pid . ')');
is($killed->finish_sqlstate, '57P01', 'it is terminated');
my @reported = $killed->error =~ /^NOTICE:  00000: (\d+) of 20 crew calls: \g1 ok, \d+ s$/mg;
cmp_ok($reported[-1], '>=', 6, 'after it had reported some');
$sim->release;
cmp_ok(committed(), '>=', $reported[-1], 'what was reported done is done');
my @done = $db->rows('SELECT crew_call_id FROM flex_sync_log');
$db->agrees('element-' . (1 * substr $_->{crew_call_id}, -12), 'although the backend is gone') foreach @done;
is($db->value('SELECT count(*) FROM flex_crew_assignments'), committed(), 'and no more than that');

# The same by a crash of the whole server.
$db->run('DELETE FROM flex_sync_log; DELETE FROM flex_sync_contact; DELETE FROM flex_crew_assignments');
my $crashed = $db->session;
$sim->clear_log;
$sim->fault(kind => 'list', element => 'element-15', hold => 'before');
$crashed->start('CALL flex_sync_all()');
is(scalar $sim->held(10, 1), 1, 'in the eighth batch');
my $pid = $crashed->pid;
my $log_end = -s $db->node->logfile;
kill 'KILL', $pid;
isnt($crashed->finish_sqlstate, '', 'the backend is killed, and the server with it');
@reported = $crashed->error =~ /^NOTICE:  00000: (\d+) of 20 crew calls: \g1 ok, \d+ s$/mg;
cmp_ok($reported[-1], '>=', 12, 'after it had reported some');
$sim->release;
delete @{$db}{qw(session sessions)};
$db->node->wait_for_log(qr/ready to accept connections/, $log_end);
$db->{session} = $db->session;
cmp_ok(committed(), '>=', $reported[-1], 'what was reported done is done, after the recovery');
$db->run('CALL flex_sync_all()');
$db->agrees("element-$_", 'after the next run') foreach 1 .. 20;
my %adds;
$adds{ $_->{resource} }++ foreach $sim->log(kind => 'add');
is_deeply([ grep { $_ > 1 } values %adds ], [], 'nobody was called twice');

# ---- where it can commit, though not called by the client itself

$db->desire($calls[0], 1, 101);
is($db->sqlstate_of('DO $$ BEGIN CALL flex_sync_all(); END $$'), '', 'a DO block on its own');
$db->agrees('element-1', 'after it');
$db->desire($calls[0], 1, 102);
is($db->sqlstate_of('CALL in_a_procedure()'), '', 'a procedure on its own');
$db->agrees('element-1', 'after it');
$db->desire($calls[0], 1, 103);
is($db->sqlstate_of('DO $$ DECLARE r record; BEGIN FOR r IN SELECT 1 LOOP CALL flex_sync_all(); END LOOP; END $$'), '',
	'within a loop over a query');
$db->agrees('element-1', 'after it');
done_testing;
