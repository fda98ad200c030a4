# However many syncs end well, fail, are cancelled or raise an error in one backend: it keeps no memory, no descriptors and no locks.

use strict;
use warnings;

use BackendProcess;
use FlexSync;
use Test::More;

my $db = FlexSync->start(server => { retries => 0 });
my $sim = $db->sim;
my $call = $db->make_call('element-1', 1 .. 3);
my $broken = $db->make_call('element-2', 1);
my $session = $db->session;
is($session->sync($call)->{status}, 'ok', 'a sync works');
my $backend = BackendProcess->new($session->pid);

# Does the work so often, after a tenth of it, which may leave what is kept.
sub costs_nothing
{
	my ($times, $name, $work) = @_;
	$work->($times / 10);
	my @descriptors = $backend->descriptors;
	my $before = $backend->memory_kb;
	$work->($times);
	my $grown = $backend->memory_kb - $before;
	note("$times $name: $grown kB");
	cmp_ok($grown, '<', 300, "$times $name: no memory");
	cmp_ok(scalar $backend->descriptors, '<=', scalar @descriptors, "$times $name: no descriptors");
	is($db->value('SELECT count(*) FROM pg_locks WHERE pid = ' . $session->pid), 0, "$times $name: no locks");
	return;
}

sub sync_often
{
	my ($times) = @_;
	$session->run("DO \$\$ BEGIN FOR i IN 1 .. $times LOOP PERFORM flex_sync_crew('$call'); COMMIT; END LOOP; END \$\$");
	return;
}

sub logged { return $db->value("SELECT count(*) FROM flex_sync_log WHERE status = '$_[0]'") }

# ---- syncs

$sim->clear_log;
costs_nothing(10_000, 'syncs of a crew in sync', \&sync_often);
is(logged('ok'), 11_001, 'each is in the log');
is($sim->counts->{total}, 11_000, 'each listed Flex once');
my %connections = map { $_->{connection} => 1 } $sim->log(kind => 'list');
is(keys %connections, 1, 'over one connection');

$sim->fault(kind => 'list', status => 401, times => 0);
costs_nothing(10_000, 'syncs that Flex refused', \&sync_often);
$sim->clear_faults;
$sim->fault(kind => 'list', body => '[{"id": "x", "name": "' . 'long' x 5000 . '"}, null]', times => 0);
costs_nothing(2000, 'syncs whose listing told nothing', \&sync_often);
$sim->clear_faults;
is(logged('failed'), 13_200, 'each is in the log');

costs_nothing(150, 'syncs that were cancelled while listing', sub {
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
});
$sim->clear_faults;
is($session->sync($call)->{status}, 'ok', 'the backend still syncs');

# ---- errors

# The desired crew of one call cannot be read.
$db->run("ALTER TABLE flex_desired_crew RENAME TO desired_table;
	CREATE VIEW flex_desired_crew AS
	SELECT crew_call_id, technician_id, flex_resource_id,
	       CASE WHEN crew_call_id = '$broken' THEN (1 / (length(flex_resource_id) - 10))::text END AS business_role_id
	FROM desired_table");

# Runs a statement so often, each in a transaction of its own, and counts what it raised.
$session->run(q{SET client_min_messages = error;
	CREATE PROCEDURE repeat(times int, statement text, INOUT state text DEFAULT NULL, INOUT seen int DEFAULT 0)
	LANGUAGE plpgsql AS $$
	BEGIN
		FOR i IN 1 .. times LOOP
			BEGIN
				EXECUTE statement;
			EXCEPTION WHEN OTHERS THEN
				state := SQLSTATE;
				seen := seen + 1;
			END;
			COMMIT;
		END LOOP;
	END $$});
my %raised_by = (
	22004 => 'SELECT flex_sync_crew(NULL)',
	P0002 => "SELECT flex_sync_crew('ca110000-0000-4000-8000-00000000000f')",
	22012 => "SELECT flex_sync_crew('$broken')");
foreach my $state (sort keys %raised_by)
{
	my $quoted = $raised_by{$state} =~ s/'/''/gr;
	costs_nothing(10_000, "times $state", sub {
		my ($times) = @_;
		my $raised = $session->run("CALL repeat($times, '$quoted')");
		fail("$state is raised each time, and not $raised") if $raised ne "$state|$times";
	});
}

# Without a subtransaction around them, too: each aborts its transaction.
$session->run("\\set VERBOSITY sqlstate\n");
costs_nothing(2000, 'errors that nobody caught', sub {
	$session->sqlstate_of("$raised_by{22012};\n$raised_by{22004};\n" x ($_[0] / 2));
});
done_testing;
