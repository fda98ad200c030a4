# Cancel, timeouts and termination in the middle of a sync: the server's own code and text, and nothing stays behind.

use strict;
use warnings;

use BackendProcess;
use FlexSync;
use Test::More;
use Time::HiRes qw(sleep);

my $db = FlexSync->start;
my $sim = $db->sim;
my $call = $db->make_call('element-1', 1 .. 3);
my $session = $db->session;
is($session->sync($call)->{status}, 'ok', 'a crew is there');
my $backend = BackendProcess->new($session->pid);
my @descriptors = $backend->descriptors;

# Starts a sync and waits until Flex has its listing.
sub hang
{
	my ($statement) = @_;
	$sim->fault(kind => 'list', hang => 1);
	$session->start($statement // "SELECT flex_sync_crew('$call')");
	is($sim->held, 1, 'a listing is under way');
	return;
}

# The simulator looks now and then.
sub flex_sees_nobody
{
	my $tries = 0;
	sleep 0.01 while $sim->held(0) && ++$tries < 200;
	return $tries < 200;
}

sub is_clean
{
	my ($after) = @_;
	$db->wait_until("SELECT count(*) = 0 FROM pg_locks WHERE locktype = 'advisory'");
	pass("no lock is held $after");
	ok(flex_sees_nobody(), "Flex sees that the client left $after");
	is(scalar $db->assignments($call), 3, "the rows are as they were $after");
	return;
}

sub works_on
{
	my ($after) = @_;
	is($session->value('SELECT 1'), 1, "the backend goes on $after");
	is($session->sync($call)->{status}, 'ok', "and syncs $after");
	cmp_ok(scalar $backend->descriptors, '<=', scalar @descriptors, "with no more descriptors than before $after");
	return;
}

# ---- a cancel while listing

hang();
$session->cancel;
is($session->finish_sqlstate, '57014', 'a cancel');
like($session->error, qr/^ERROR:  57014: canceling statement due to user request$/m, "in the server's words");
is_clean('after a cancel');
works_on('after a cancel');

# ---- a cancel that is caught

hang("DO \$\$ BEGIN PERFORM flex_sync_crew('$call'); EXCEPTION WHEN query_canceled THEN RAISE NOTICE 'caught %', SQLSTATE; END \$\$");
$session->cancel;
is($session->finish_sqlstate, '', 'an EXCEPTION block catches a cancel');
like($session->error, qr/NOTICE: .*caught 57014/, 'as query_canceled');
is_clean('after a cancel that was caught');
works_on('after a cancel that was caught');

# ---- timeouts while another sync is waited for

my $other = $db->session;
$other->run("BEGIN; SELECT pg_advisory_xact_lock(flex_sync_lock_key('$call'))");
is($session->sqlstate_of("SET statement_timeout = '100ms'; SELECT flex_sync_crew('$call')"), '57014', 'statement_timeout');
like($session->error, qr/^ERROR:  57014: canceling statement due to statement timeout$/m, "in the server's words");
is($session->sqlstate_of("SET statement_timeout = 0; SET lock_timeout = '100ms'; SELECT flex_sync_crew('$call')"),
	'55P03', 'lock_timeout');
like($session->error, qr/^ERROR:  55P03: canceling statement due to lock timeout$/m, "in the server's words");
$session->run('RESET lock_timeout');
$session->start("SELECT flex_sync_crew('$call')");
$session->wait_for_lock;
$session->cancel;
is($session->finish_sqlstate, '57014', 'a cancel while waiting for the lock');
$other->run('ROLLBACK');
is_clean('after the timeouts');
works_on('after the timeouts');

# ---- a cancel in the middle of changing Flex: what was done is adopted by the next sync

$db->desire($call, 1 .. 4);
$sim->fault(kind => 'add', hang => 'after');
$session->start("SELECT flex_sync_crew('$call')");
is($sim->held, 1, 'an add is under way');
$session->cancel;
is($session->finish_sqlstate, '57014', 'a cancel while adding');
is_clean('after a cancel while adding');
my $result = $session->sync($call);
is("$result->{status} $result->{adopted} $result->{added}", 'ok 1 0', 'the next sync finds the contact');
$db->agrees('element-1', 'after it');

# ---- termination

hang();
$db->run('SELECT pg_terminate_backend(' . $session->pid . ')');
is($session->finish_sqlstate, '57P01', 'pg_terminate_backend');
like($session->error, qr/^FATAL:  57P01: terminating connection due to administrator command$/m, "in the server's words");
$db->wait_until('SELECT NOT EXISTS (SELECT FROM pg_stat_activity WHERE pid = ' . $session->pid . ')');
$db->wait_until("SELECT count(*) = 0 FROM pg_locks WHERE locktype = 'advisory'");
ok(flex_sees_nobody(), 'Flex sees that the client left');
is($db->sync($call)->{status}, 'ok', 'somebody else syncs');
unlike(PostgreSQL::Test::Utils::slurp_file($db->node->logfile), qr/PANIC|terminated by signal/, 'the server never faltered');
done_testing;
