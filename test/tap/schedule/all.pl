# CALL flex_sync_all over 500 crew calls of which three fail: the others are done and committed, and the error at the end says
# which and why. Crews are listed in parallel, up to max_parallel; the memory that it takes does not grow with their number.

use strict;
use warnings;

use FlexSync;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(sleep time);

my $count = 500;
my $db = FlexSync->start;
my $sim = $db->sim;

# Crew calls 1 to 500, each of an element of its own with one contact to adopt, one to add and one to prune.
$sim->seed("element-$_", [ resource(2 * $_), 'resource-nobody' ]) foreach 1 .. $count;
$db->run("INSERT INTO flex_crew_calls (id, job_id, department, flex_element_id)
	SELECT ('ca110000-0000-4000-8000-' || lpad(i::text, 12, '0'))::uuid, gen_random_uuid(), 'sound', 'element-' || i
	FROM generate_series(1, $count) AS i");
$db->run("INSERT INTO flex_desired_crew
	SELECT ('ca110000-0000-4000-8000-' || lpad(i::text, 12, '0'))::uuid,
	       ('7ec00000-0000-4000-8000-' || lpad((2 * i + j)::text, 12, '0'))::uuid, 'resource-' || (2 * i + j)
	FROM generate_series(1, $count) AS i, generate_series(0, 1) AS j");
my @failing = (77, 250, 499);
$sim->fault(kind => 'list', element => "element-$_", status => 404, times => 0) foreach @failing;

my $session = $db->session;
my $sqlstate = $session->sqlstate_of('CALL flex_sync_all()');
my $said = $session->error;
is($sqlstate, 'P0001', 'strict: an error at the end');
like($said, qr/^ERROR:  P0001: could not sync 3 of 500 crew calls in full$/m, 'tells how many');
like($said, qr/^DETAIL:  .*Crew call ca110000-0000-4000-8000-\d+: failed\. .*404/m, 'which, and why');
like($said, qr/^HINT:  What was done is committed\./m, 'and that the rest is done');
like($said, qr/^NOTICE:  00000: flex_sync_all: 500 crew calls: 497 ok, 3 failed, \d+ s$/m, 'the counts come before it');

is_deeply([ $db->rows('SELECT status, count(*) FROM flex_sync_log GROUP BY status ORDER BY status') ],
	[ { status => 'failed', count => 3 }, { status => 'ok', count => 497 } ], 'all is committed, in the log');
is($db->value('SELECT count(*) FROM flex_crew_assignments'), 2 * 497, 'and in the rows');
is($db->value(q(SELECT array_agg(right(crew_call_id::text, 3)::int ORDER BY crew_call_id) FROM flex_sync_log WHERE status = 'failed'))->[$_],
	$failing[$_], "crew call $failing[$_] failed")
  foreach 0 .. 2;
my %contacts = %{ $sim->dump };
is_deeply(
	[ grep { join(',', sort map { $_->{resource} } @{ $contacts{"element-$_"} }) ne join(',', sort map { resource($_) } 2 * $_, 2 * $_ + 1) } 1 .. $count ],
	\@failing, 'Flex shows the crews of all others');
is($sim->counts->{add}, 497, 'nobody is called twice');

# ---- progress

my @progress = $said =~ /^NOTICE:  00000: (\d+ of .*)$/mg;
my @wrong = grep { !/^\d+ of 500 crew calls: \d+ ok(, \d failed)?, \d+ s$/ } @progress;
is_deeply(\@wrong, [], 'progress: so many of so many crew calls, how they ended, and the seconds');
cmp_ok(scalar @progress, '>=', 9, 'at least every tenth');
cmp_ok(scalar @progress, '<=', 30, 'but not for every batch');
my ($done, $ok, $failed) = $progress[-1] =~ /^(\d+) of 500 crew calls: (\d+) ok(?:, (\d+) failed)?/;
is($ok + ($failed // 0), $done, 'the parts add up');

# ---- in parallel

$sim->configure(latency_ms => 10);
$sim->clear_log;
$db->run('CALL flex_sync_all(strict => false)');
is($sim->counts->{max_in_flight}, 6, 'max_parallel listings at once');
is($sim->counts->{list}, $count, 'a quiet crew takes one request');
$db->set_server(max_parallel => 3);
$db->run(q(CREATE OR REPLACE VIEW flex_due_crew_calls AS SELECT id AS crew_call_id FROM flex_crew_calls WHERE flex_element_id LIKE 'element-1_'));
$sim->clear_log;
$db->run('CALL flex_sync_all()');
is($sim->counts->{max_in_flight}, 3, 'or as many as the server says');
is($sim->counts->{list}, 10, 'only what is due');

# ---- not strict

$db->run(q(CREATE OR REPLACE VIEW flex_due_crew_calls AS SELECT id AS crew_call_id FROM flex_crew_calls WHERE flex_element_id LIKE 'element-7_'));
is($session->sqlstate_of('CALL flex_sync_all(strict => false)'), '', 'not strict: no error');
like($session->error, qr/flex_sync_all: 10 crew calls: 9 ok, 1 failed, \d+ s/, 'but the counts');

# ---- memory: as much after 80 batches as after ten

$sim->configure(latency_ms => 0);
$db->set_server(max_parallel => undef);
$db->run(q(CREATE OR REPLACE VIEW flex_due_crew_calls AS SELECT id AS crew_call_id FROM flex_crew_calls));
my $fresh = $db->session;
$sim->fault(kind => 'list', hold => 'before', skip => 60);
$sim->fault(kind => 'list', hold => 'before', skip => 490 - 61);

# What the server's memory contexts hold, by the server's own count.
sub memory_used
{
	my $from = -s $db->node->logfile;
	$db->run('SELECT pg_log_backend_memory_contexts(' . $fresh->pid . ')');
	my $deadline = time + 30;
	while (time < $deadline)
	{
		return $1 if substr(slurp_file($db->node->logfile), $from) =~ /Grand total: .*; (\d+) used$/m;
		sleep 0.05;
	}
	die 'the backend does not tell its memory';
}

$fresh->start('CALL flex_sync_all(strict => false)');
is(scalar $sim->held(30, 1), 1, 'after ten batches');
my $early = memory_used();
$sim->release;
is(scalar $sim->held(30, 1), 1, 'after eighty');
my $late = memory_used();
$sim->release;
$fresh->finish;
cmp_ok($late - $early, '<', 64 * 1024, 'the memory has not grown') or diag("$early bytes, then $late");
note("$early bytes in use, then $late");
done_testing;
