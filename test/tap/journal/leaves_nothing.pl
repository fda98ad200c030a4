# A thousand syncs that change something, some of them rolled back, leave no worker, shared memory, descriptor or memory behind.

use strict;
use warnings;

use BackendProcess;
use FlexSync;
use Test::More;

my $db = FlexSync->start(conf => "dynamic_shared_memory_type = mmap\n", server => { max_removals => 10 });
my $call = $db->make_call('element-1');
my $other = $db->make_call('element-2');
my $session = $db->session;

sub segments { return scalar(() = glob $db->node->data_dir . '/pg_dynshmem/mmap.*') }
sub worker { return $db->value("SELECT pid FROM pg_stat_activity WHERE backend_type = 'flex_sync journal'") }

my $before = segments();
my $member = "('$call', '" . technician(1) . "', 'resource-1')";
my $sync = "PERFORM flex_sync_crew('$call');";
my $loop = <<"SQL";
DO \$\$
BEGIN
	FOR i IN 1 .. 50 LOOP
		INSERT INTO flex_desired_crew VALUES $member;
		$sync
		DELETE FROM flex_desired_crew WHERE crew_call_id = '$call';
		$sync
		BEGIN
			INSERT INTO flex_desired_crew VALUES ('$other', gen_random_uuid(), 'other-' || i);
			PERFORM flex_sync_crew('$other');
			RAISE division_by_zero;
		EXCEPTION WHEN division_by_zero THEN
			NULL;
		END;
	END LOOP;
END
\$\$
SQL

sub sync_often
{
	$session->run($loop);
	$db->run('SELECT flex_sync_purge()');
	return;
}
sync_often();
my $worker = worker();
my @processes = map { BackendProcess->new($_) } $session->pid, $worker;
my @descriptors = map { scalar $_->descriptors } @processes;
my @memory = map { $_->memory_kb } @processes;
my $segments = segments();
sync_often() foreach 1 .. 6;
is(worker(), $worker, 'one worker served all of them');
is(segments(), $segments, 'no shared memory');
is_deeply([ map { scalar $_->descriptors } @processes ], \@descriptors, 'no descriptors');
my @grown = map { $processes[$_]->memory_kb - $memory[$_] } 0, 1;
note("@grown kB");
cmp_ok($grown[0], '<', 1000, 'no memory in the session');
cmp_ok($grown[1], '<', 500, 'nor in the worker');
$session->quit;
$db->wait_until(q(SELECT NOT EXISTS (SELECT FROM pg_stat_activity WHERE backend_type = 'flex_sync journal')));
pass('the worker goes with its session');
is(segments(), $before, 'and so does the shared memory');
is($db->value('SELECT count(*) FROM flex_sync_journal'), 0, 'what was rolled back is settled');
is($db->value("SELECT count(*) FROM flex_sync_log WHERE status = 'rolled_back'"), 350, 'each run is in the log');
done_testing;
