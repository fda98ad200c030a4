# flex_sync_job and locks: it has them all before it begins, in ascending order, so that jobs which share elements never
# deadlock; what changed while it waited is seen.

use strict;
use warnings;

use FlexSync;
use Test::More;

my $db = FlexSync->start(conf => "deadlock_timeout = 100ms\n");
my $sim = $db->sim;
my @jobs = map { "10b00000-0000-4000-8000-00000000000$_" } 1, 2;

# Two jobs with crew calls of the same eight elements, in opposite orders of their departments.
my @elements = map { "element-$_" } 1 .. 8;
my %call;
foreach my $i (0 .. 7)
{
	foreach my $j (0, 1)
	{
		my $call = $call{"$j-$i"} = $db->make_call($elements[$i], 1 + $i, 11 + $i);
		my $department = 'department-' . ($j ? 9 - $i : $i);
		$db->run("UPDATE flex_crew_calls SET job_id = '$jobs[$j]', department = '$department' WHERE id = '$call'");
	}
}
my %key = map { $_ => $db->value("SELECT flex_sync_lock_key('$call{qq(0-$_)}')") } 0 .. 7;

# ---- all locks before the first request

$sim->configure(latency_ms => 5);
$sim->fault(kind => 'list', hold => 'before');
my ($first, $second, $third) = $db->sessions(3);
$first->start("SELECT status FROM flex_sync_job('$jobs[0]')");
is(scalar $sim->held(10, 1), 1, 'the first listing is held');
is($third->sync($call{"1-$_"}, nowait => 1)->{status}, 'busy', "while the lock of $elements[$_] is taken") foreach 0 .. 7;
is_deeply([ map { $_->{state} } $db->rows('SELECT * FROM flex_sync_activity') ], ['running'], 'flex_sync_activity shows it');

# ---- the second job waits, and is seen to

$second->start("SELECT status FROM flex_sync_job('$jobs[1]')");
$second->wait_for_lock;
my ($waiting) = $db->rows("SELECT * FROM flex_sync_activity WHERE pid = " . $second->pid);
my ($lowest) = sort { $key{$a} <=> $key{$b} } keys %key;
is($waiting->{state}, 'waiting', 'a job that waits is in flex_sync_activity');
is($waiting->{crew_call_id}, $call{"1-$lowest"}, 'with the crew call of the lowest key');
$sim->release;
is($first->finish, join("\n", ('ok') x 8), 'the first job is done');
is($second->finish, join("\n", ('coalesced') x 7, 'ok'),
	'the second one takes the results of the syncs that began after its call: all but the one that was held');
is_deeply([ $db->rows('SELECT * FROM flex_sync_activity') ], [], 'nothing is left in flex_sync_activity');
$db->agrees($_, 'for both jobs') foreach @elements;

# ---- many at once, in opposite orders

my @troubles;
foreach my $round (1 .. 5)
{
	$db->run('UPDATE flex_desired_crew SET flex_resource_id = $$resource-$$ || right(technician_id::text, 2) || (100 + random() * 100)::int');
	my @sessions = $db->sessions(6);
	$db->together(\@sessions, map { "SELECT status FROM flex_sync_job('$_')" } @jobs);
	foreach my $session (@sessions)
	{
		my $sqlstate = $session->finish_sqlstate;
		push @troubles, "round $round: $sqlstate" if $sqlstate ne '';
	}
}
is_deeply(\@troubles, [], 'jobs that share elements do not deadlock');

# ---- an element that changes while the job waits for locks

$db->run("SELECT pg_advisory_lock($key{$lowest})");
$first->start("SELECT crew_call_id, status FROM flex_sync_job('$jobs[0]')");
$first->wait_for_lock;
$sim->seed('element-new', []);
$db->run("UPDATE flex_crew_calls SET flex_element_id = 'element-new' WHERE id = '$call{qq(0-$lowest)}'");
$db->run("SELECT pg_advisory_unlock($key{$lowest})");
like($first->finish, qr/^$call{"0-$lowest"}\|ok$/m, 'the call is synced');
is(scalar $db->flex_contacts('element-new'), 2, 'as the element that it has by now');

# ---- a crew call that goes while another one of its job is synced

my $last = (sort { $a <=> $b } map { $_->{n} } $db->rows("SELECT right(department, 1)::int AS n FROM flex_crew_calls WHERE job_id = '$jobs[0]'"))[-1];
my $victim = $call{"0-$last"};
my $before = scalar $db->flex_contacts($elements[$last]);
$db->run("DELETE FROM flex_crew_assignments WHERE crew_call_id = '$call{qq(1-$last)}'");
$db->run("DELETE FROM flex_desired_crew WHERE crew_call_id = '$call{qq(1-$last)}'");
$db->run("DELETE FROM flex_crew_calls WHERE id = '$call{qq(1-$last)}'");
$sim->fault(kind => 'list', hold => 'before');
$first->start("SELECT crew_call_id, status, message FROM flex_sync_job('$jobs[0]')");
is(scalar $sim->held(10, 1), 1, 'the first crew of the job is being listed');
$db->run("DELETE FROM flex_$_ WHERE crew_call_id = '$victim'") foreach qw(crew_assignments desired_crew);
$db->run("DELETE FROM flex_crew_calls WHERE id = '$victim'");
$sim->release;
like($first->finish, qr/^$victim\|skipped\|The crew call was deleted, or got another flex_element_id/m,
	'a crew call that is deleted meanwhile is skipped');
is(scalar $db->flex_contacts($elements[$last]), $before, 'its contacts are not taken for nobody\'s');

# The same for one that gets another element, whose lock the job has not.
--$last;
$victim = $call{"0-$last"};
$sim->fault(kind => 'list', hold => 'before');
$first->start("SELECT crew_call_id, status FROM flex_sync_job('$jobs[0]')");
is(scalar $sim->held(10, 1), 1, 'the first crew of the job is being listed');
$sim->seed('element-other', []);
$db->run("UPDATE flex_crew_calls SET flex_element_id = 'element-other' WHERE id = '$victim'");
$sim->release;
like($first->finish, qr/^$victim\|skipped$/m, 'one that gets another element meanwhile is skipped, too');
is_deeply($sim->dump('element-other'), [], 'and left to the next sync');
done_testing;
