# flex_sync_job: every crew call of a job, in the order of departments, once for each element; what it skips and says; what it
# refuses before anything is sent.

use strict;
use warnings;

use FlexSync;
use Test::More;

my $db = FlexSync->start;
my $sim = $db->sim;
my $job = '10b00000-0000-4000-8000-000000000001';
my $other_job = '10b00000-0000-4000-8000-000000000002';

sub make_call_of
{
	my ($of_job, $department, $element, @desired) = @_;
	my $call = $db->make_call($element, @desired);
	my $text = defined $department ? "'$department'" : 'NULL';
	$db->run("UPDATE flex_crew_calls SET job_id = '$of_job', department = $text WHERE id = '$call'");
	return $call;
}

sub sync_job
{
	my ($arguments) = @_;
	return $db->rows("SELECT * FROM flex_sync_job($arguments)");
}

sub told
{
	return [ map { join ' ', map { $_ // '-' } @{$_}{qw(status crew_call_id added)} } @_ ];
}

my $video = make_call_of($job, 'video', 'element-video', 1, 2);
my $lights = make_call_of($job, 'lights', 'element-lights', 3);
my $sound = make_call_of($job, 'sound', 'element-sound', 4, 5, 6);
my $nameless = make_call_of($job, undef, 'element-nameless', 7);
my $elsewhere = make_call_of($other_job, 'sound', 'element-elsewhere', 8);

# ---- departments

my @rows = sync_job("'$job'");
is_deeply(told(@rows), [ "ok $lights 1", "ok $sound 3", "ok $video 2", "ok $nameless 1" ],
	'a row for each crew call, in the order of departments, those without one last');
$db->agrees("element-$_", 'after the job') foreach qw(video lights sound nameless);
is_deeply($sim->dump('element-elsewhere'), [], 'the crew calls of other jobs are left alone');
is_deeply([ $db->rows('SELECT crew_call_id, job_id, department FROM flex_sync_log ORDER BY run_id LIMIT 2') ],
	[ { crew_call_id => $lights, job_id => $job, department => 'lights' },
		{ crew_call_id => $sound, job_id => $job, department => 'sound' } ],
	'the log tells job and department');

$sim->clear_log;
@rows = sync_job("'$job'");
is_deeply(told(@rows), [ map { "ok $_ 0" } $lights, $sound, $video, $nameless ], 'again: nothing to do');
is_deeply([ @{ $sim->counts }{qw(list total)} ], [ 4, 4 ], 'a listing each');

@rows = sync_job("'$job', ARRAY['video', 'sound']");
is_deeply(told(@rows), [ "ok $sound 0", "ok $video 0" ], 'the departments that are named');
@rows = sync_job("'$job', departments => '{pyro,video,pyro,pyro}'");
is_deeply(told(@rows), [ "ok $video 0", 'skipped - 0' ], 'a department without a crew call is skipped, once');
is($rows[1]{message}, 'The job has no crew call for department "pyro".', 'and says why');
is($rows[1]{run_id}, undef, 'without a run');
is_deeply(told(sync_job("'$job', '{}'")), [], 'no department, no row');
is_deeply(told(sync_job("'10b00000-0000-4000-8000-00000000dead', '{sound}'")), [], 'a job without crew calls gives no row');

# ---- elements

my $alias = make_call_of($job, 'audio', 'ELEMENT-VIDEO', 1, 2);
$db->run("UPDATE flex_crew_calls SET flex_element_id = 'element-video' WHERE id = '$alias'");
my $bare = make_call_of($job, 'rigging', undef, 9);
$sim->clear_log;
@rows = sync_job("'$job'");
is_deeply(told(@rows), [ "ok $alias 0", "ok $lights 0", "skipped $bare 0", "ok $sound 0", "ok $nameless 0" ],
	'two crew calls of one element are synced once; one without an element is skipped');
is($rows[0]{adopted}, 2, 'the rows of both calls are written');
is($rows[2]{message}, 'The crew call has no flex_element_id.', 'the reason is told');
is($sim->counts->{list}, 4, 'a listing for each element');
$db->agrees('element-video', 'for both of its calls');

# ---- prune, and a crew that fails

$sim->add_row('element-sound', 'resource-99');
@rows = sync_job("'$job', '{sound}', 'none'");
is($rows[0]{pruned}, 0, 'prune => none');
@rows = sync_job("'$job', '{sound}'");
is($rows[0]{pruned}, 1, 'the prune policy of the server');
is($db->run(q(SELECT string_agg(prune, ',' ORDER BY run_id DESC) FROM (SELECT * FROM flex_sync_log ORDER BY run_id DESC LIMIT 2) l)),
	'all,none', 'both are in the log');

$sim->fault(kind => 'list', element => 'element-lights', status => 500, times => 0);
$db->desire($sound, 4);
@rows = sync_job("'$job'");
is_deeply(told(@rows), [ "ok $alias 0", "failed $lights 0", "skipped $bare 0", "ok $sound 0", "ok $nameless 0" ],
	'a crew that fails does not keep the others from being synced');
is($rows[3]{removed}, 2, 'which they are');
like($rows[1]{message}, qr/500/, 'its message tells what Flex said');
$sim->clear_faults;

# ---- the caller's mistakes

$sim->clear_log;
my @mistakes = (
	[ 'NULL', '22004', 'job_id must not be null' ],
	[ "'$job', ARRAY['sound', NULL]", '22023', 'invalid value for argument "departments"' ],
	[ "'$job', prune => 'some'", '22023', 'invalid value for argument "prune": "some"' ],
);
foreach my $mistake (@mistakes)
{
	my ($arguments, $sqlstate, $message) = @$mistake;
	is($db->sqlstate_of("SELECT * FROM flex_sync_job($arguments)"), $sqlstate, "flex_sync_job($arguments)");
	like($db->error, qr/\Q$message\E/, 'says what is wrong');
	like($db->error, qr/HINT:  .*\.$/m, 'and what to do');
}
foreach my $transaction ([ 'BEGIN ISOLATION LEVEL REPEATABLE READ', '0A000' ], [ 'BEGIN READ ONLY', '25006' ])
{
	is($db->sqlstate_of("$transaction->[0]; SELECT * FROM flex_sync_job('$job')"), $transaction->[1], $transaction->[0]);
	$db->run('ROLLBACK');
}
$db->run('CREATE ROLE stranger LOGIN; GRANT EXECUTE ON FUNCTION flex_sync_job TO stranger');
my $stranger = $db->session(user => 'stranger');
is($stranger->sqlstate_of("SELECT * FROM flex_sync_job('$job')"), '42501', 'somebody without USAGE on the server');
like($stranger->error, qr/GRANT USAGE ON FOREIGN SERVER flex TO stranger/, 'is told what to grant');
is($sim->counts->{total}, 0, 'nothing was sent');

# ---- an error of one crew is not that of the others: who has been called stays called

$db->desire($lights, 3, 33);
$db->desire($video, 1, 2, 44);
$db->run("ALTER TABLE flex_desired_crew RENAME TO desired; CREATE VIEW flex_desired_crew AS SELECT crew_call_id, technician_id,
	flex_resource_id, (1 / (crew_call_id <> '$sound')::int)::text AS business_role_id FROM desired");
@rows = sync_job("'$job'");
is_deeply(told(@rows), [ "ok $alias 1", "ok $lights 1", "skipped $bare 0", "failed $sound 0", "ok $nameless 0" ],
	'a crew that cannot be read fails alone');
my ($failed) = grep { $_->{status} eq 'failed' } @rows;
is("$failed->{crew_call_id} $failed->{diagnostics}[0]{code}", "$sound 22012", 'its row says why');
is($db->log_of($failed->{run_id})->{message}, 'The database refused the sync, and nothing was changed. division by zero.', 'and so does the log');
$db->run('DROP VIEW flex_desired_crew; ALTER TABLE desired RENAME TO flex_desired_crew');
$db->agrees("element-$_", 'beside it') foreach qw(lights video);

# ---- a limit that ends in the middle: what is left is deferred, row by row

$db->run('UPDATE flex_sync_log SET started_at = started_at - interval $$2 hours$$');
$db->set_server(hourly_limit => 2);
is_deeply([ map { $_->{status} } sync_job("'$job'") ], [qw(ok ok skipped deferred deferred)], 'the limit defers the rest');
done_testing;
