# Ten thousand errors of every kind in one backend cost no memory, no descriptors and no locks.

use strict;
use warnings;

use BackendProcess;
use FlexSync;
use Test::More;

my $db = FlexSync->start;
my $sim = $db->sim;
my $call = $db->make_call('element-1', 1 .. 3);
my $broken = $db->make_call('element-2', 1);
my $refused = $db->make_call('element-3', 1 .. 3);
my $session = $db->session;
$session->run('SET client_min_messages = error');
is($session->sync($call)->{status}, 'ok', 'a sync works');
my $backend = BackendProcess->new($session->pid);

# The desired crew of one call cannot be read.
$db->run("ALTER TABLE flex_desired_crew RENAME TO desired_table;
	CREATE VIEW flex_desired_crew AS
	SELECT crew_call_id, technician_id, flex_resource_id,
	       CASE WHEN crew_call_id = '$broken' THEN (1 / (length(flex_resource_id) - 10))::text END AS business_role_id
	FROM desired_table");

# Runs a statement so often, each in a transaction of its own, and counts what it raised.
$session->run(q{CREATE PROCEDURE repeat(times int, statement text, INOUT state text DEFAULT NULL, INOUT seen int DEFAULT 0)
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

sub costs_nothing
{
	my ($name, $work) = @_;
	my @descriptors = $backend->descriptors;
	my $before = $backend->memory_kb;
	$work->();
	my $grown = $backend->memory_kb - $before;
	note("$name: $grown kB");
	cmp_ok($grown, '<', 300, "$name: no memory");
	is_deeply([ $backend->descriptors ], \@descriptors, "$name: no descriptors");
	is($db->value('SELECT count(*) FROM pg_locks WHERE pid = ' . $session->pid), 0, "$name: no locks");
	return;
}

sub raises
{
	my ($times, $state, $statement) = @_;
	my $quoted = $statement =~ s/'/''/gr;
	is($session->run("CALL repeat(1000, '$quoted')"), "$state|1000", "$state is raised");
	costs_nothing("$times times $state", sub { $session->run("CALL repeat($times, '$quoted')") });
	return;
}

raises(10_000, '22004', 'SELECT flex_sync_crew(NULL)');
raises(10_000, 'P0002', "SELECT flex_sync_crew('ca110000-0000-4000-8000-00000000000f')");
raises(10_000, '22012', "SELECT flex_sync_crew('$broken')");

# Without a subtransaction around them, too: each aborts its transaction.
$session->run("\\set VERBOSITY sqlstate\n");
sub plain
{
	my ($times) = @_;
	$session->sqlstate_of(("SELECT flex_sync_crew('$broken');\nSELECT flex_sync_crew(NULL);\n") x ($times / 2));
	return;
}
plain(500);
costs_nothing('2000 errors that nobody caught', sub { plain(2000) });
$session->run("\\set VERBOSITY verbose\n");

done_testing;
