# Syncs that fail or are cancelled cost no memory, no descriptors and no locks, however many there are.

use strict;
use warnings;

use BackendProcess;
use FlexSync;
use Test::More;

my $db = FlexSync->start(server => { retries => 0 });
my $sim = $db->sim;
my $call = $db->make_call('element-1', 1 .. 3);
my $session = $db->session;
is($session->sync($call)->{status}, 'ok', 'a sync works');
my $backend = BackendProcess->new($session->pid);

sub costs_nothing
{
	my ($name, $work) = @_;
	my @descriptors = $backend->descriptors;
	my $before = $backend->memory_kb;
	$work->();
	my $grown = $backend->memory_kb - $before;
	note("$name: $grown kB");
	cmp_ok($grown, '<', 300, "$name: no memory");
	cmp_ok(scalar $backend->descriptors, '<=', scalar @descriptors, "$name: no descriptors");
	is($db->value('SELECT count(*) FROM pg_locks WHERE pid = ' . $session->pid), 0, "$name: no locks");
	return;
}

sub sync_often
{
	my ($times) = @_;
	$session->run("DO \$\$ BEGIN FOR i IN 1 .. $times LOOP PERFORM flex_sync_crew('$call'); COMMIT; END LOOP; END \$\$");
	return;
}

# ---- refused

$sim->fault(kind => 'list', status => 401, times => 0);
is($session->sync($call)->{status}, 'failed', 'a sync that Flex refuses');
sync_often(1000);
costs_nothing('10000 syncs that Flex refused', sub { sync_often(10_000) });
is($db->value("SELECT count(*) FROM flex_sync_log WHERE status = 'failed'"), 11_001, 'each is in the log');
$sim->clear_faults;

# ---- a listing that tells nothing

$sim->fault(kind => 'list', body => '[{"id": "x", "name": "' . 'long' x 5000 . '"}, null]', times => 0);
is($session->sync($call)->{status}, 'failed', 'a sync whose listing tells nothing');
sync_often(500);
costs_nothing('2000 syncs whose listing told nothing', sub { sync_often(2000) });
$sim->clear_faults;

# ---- cancelled while listing

sub cancel_often
{
	my ($times) = @_;
	$sim->fault(kind => 'list', hang => 1, times => $times);
	foreach (1 .. $times)
	{
		$session->start("SELECT flex_sync_crew('$call')");
		$session->wait_for_network;
		$session->cancel;
		my $state = $session->finish_sqlstate;
		return fail("a cancelled sync ends with 57014, not $state") if $state ne '57014';
	}
	return;
}
cancel_often(30);
costs_nothing('150 cancelled syncs', sub { cancel_often(150) });

$sim->clear_faults;
is($session->sync($call)->{status}, 'ok', 'the backend still syncs');
done_testing;
