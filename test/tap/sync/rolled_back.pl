# A transaction that ends without a commit after Flex has done what the sync asked for: nothing must be unlocked or mended. The
# next sync adopts the contacts: one contact, one row.

use strict;
use warnings;

use FlexSync;
use Test::More;
use Time::HiRes qw(sleep);

my $db = FlexSync->start(conf => "max_prepared_transactions = 2\n");
my $sim = $db->sim;
my $number = 0;

# Syncs a new crew of three, ends it by a function, and syncs it again.
sub is_adopted_after
{
	my ($name, $end) = @_;
	my $element = 'element-' . ++$number;
	my $call = $db->make_call($element, 1 .. 3);
	$sim->clear_log;
	$end->($db->session, $call);
	is(scalar $db->flex_contacts($element), 3, "$name: the contacts are in Flex");
	is_deeply([ $db->assignments($call) ], [], "$name: no row");
	is($db->value("SELECT count(*) FROM flex_sync_log WHERE crew_call_id = '$call'"), 0, "$name: no log row");

	my $result = $db->sync($call);
	is("@{$result}{qw(status adopted added)}", 'ok 3 0', "$name: the next sync adopts");
	is($sim->counts->{add}, 3, "$name: nobody is called twice");
	$db->agrees($element, $name);
	return is($db->value("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'"), 0, "$name: no lock is left");
}

# Syncs as far as the closing listing, which does not come.
sub hang_in_closing_listing
{
	my ($session, $call) = @_;
	$sim->fault(kind => 'list', skip => 1, hang => 1);
	$session->start_sync($call);
	sleep 0.005 until grep { $_->{element} eq "element-$number" } $sim->held;
	return;
}

is_adopted_after('ROLLBACK', sub {
	my ($session, $call) = @_;
	$session->run('BEGIN');
	is($session->sync($call)->{added}, 3, 'ROLLBACK: the sync added');
	$session->run('ROLLBACK');
});
is_adopted_after('an error later in the transaction', sub {
	my ($session, $call) = @_;
	$session->run('BEGIN');
	$session->sync($call);
	$session->sqlstate_of('SELECT 1 / 0');
	$session->run('COMMIT');
});
is_adopted_after('an error in the same statement', sub {
	my ($session, $call) = @_;
	is($session->sqlstate_of("SELECT 1 / r.failed FROM flex_sync_crew('$call') AS r"), '22012', 'the statement fails');
});
is_adopted_after('cancel', sub {
	my ($session, $call) = @_;
	hang_in_closing_listing($session, $call);
	$session->cancel;
	is($session->finish_sqlstate, '57014', 'the sync is cancelled');
});
is_adopted_after('terminate', sub {
	my ($session, $call) = @_;
	hang_in_closing_listing($session, $call);
	$db->run('SELECT pg_terminate_backend(' . $session->pid . ')');
	is($session->finish_sqlstate, '57P01', 'the backend is terminated');
	$session->quit;
});
is_adopted_after('ROLLBACK PREPARED', sub {
	my ($session, $call) = @_;
	$session->run('BEGIN');
	$session->sync($call);
	$session->run("PREPARE TRANSACTION 'sync'");
	is($db->sync($call, nowait => 1)->{status}, 'busy', 'a prepared transaction keeps the lock');
	$db->run("ROLLBACK PREPARED 'sync'");
});

is_adopted_after('crash', sub {
	my ($session, $call) = @_;
	$session->run('BEGIN');
	$session->sync($call);
	$db->restart('immediate');
});

# The other way round: what is deleted in Flex stays deleted.
my $call = $db->make_call('element-9', 1 .. 3);
$db->sync($call);
$db->run('BEGIN');
$db->run("DELETE FROM flex_desired_crew WHERE crew_call_id = '$call' AND technician_id <> '" . technician(1) . "'");
is($db->sync($call)->{removed}, 2, 'two removed');
$db->run('ROLLBACK');
is(scalar $db->assignments($call), 3, 'their rows are back');
my $result = $db->sync($call);
is("@{$result}{qw(status kept added stale)}", 'ok 1 2 2', 'the next sync adds them again');
$db->agrees('element-9', 'after a rolled back removal');
done_testing;
