# flex_sync_health, flex_sync_alerts, flex_sync_activity, flex_sync_purge, and what a sync leaves in the server's log and in
# pg_stat_activity.

use strict;
use warnings;

use FlexSync;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time);

my $db = FlexSync->start(server => { retries => 0 });
my $sim = $db->sim;
my @calls = map { $db->make_call("element-$_", 1 .. 3) } 1 .. 4;

sub health { return ($db->rows('SELECT * FROM flex_sync_health'))[0] }
sub alerts { return { map { $_->{alert} => $_ } $db->rows('SELECT * FROM flex_sync_alerts') } }
sub on_target { my ($health) = @_; return join '', map { $health->{"${_}_on_target"} ? 1 : 0 } qw(duplicates missing_crew failure_rate_24h mean_duration_ms_24h) }

# Runs of the log become older by an interval: how a test makes time pass.
sub age { my ($interval, $which) = @_; $db->run("UPDATE flex_sync_log SET started_at = started_at - interval '$interval' " . ($which // '')); return }

# ---- nothing to judge

is_deeply(
	[ $db->rows('SELECT duplicates, missing_crew, syncs_24h, failure_rate_24h, mean_duration_ms_24h, p95_duration_ms_24h FROM flex_sync_health') ],
	[ { duplicates => 0, missing_crew => 12, syncs_24h => 0, failure_rate_24h => undef, mean_duration_ms_24h => undef, p95_duration_ms_24h => undef } ],
	'before the first sync');
is(on_target(health()), '1011', 'all but the crew is on target: there is nothing to judge');
is_deeply(alerts(), {}, 'no alert');

# ---- failures

$db->run('CALL flex_sync_all()');
is(on_target(health()), '1111', 'after a sync of all');
is(health()->{syncs_24h}, 4, 'four syncs');
$sim->fault(kind => 'list', element => 'element-1', status => 500, times => 0);
is($db->sync($calls[0])->{status}, 'failed', 'one fails');
my $health = health();
is($health->{failure_rate_24h}, 0.2, 'one of five');
is(on_target($health), '1101', 'is too much');
my $alert = alerts()->{failure_rate};
is("$alert->{value} $alert->{threshold}", '0.2 0.05', 'and an alert');
is($alert->{since}, $db->value(q(SELECT started_at FROM flex_sync_log WHERE status = 'failed')), 'since it failed');
like($alert->{hint}, qr/flex_sync_log/, 'with what to do');
$sim->clear_faults;
$sim->fault(kind => 'list', status => 429, headers => { 'Retry-After' => '3600' });
is($db->sync($calls[1])->{status}, 'deferred', 'a deferred one');
$health = health();
is("$health->{syncs_24h} $health->{failure_rate_24h}", '6 0.2', 'is a sync, but neither failed nor good');
age('59 minutes');
ok(alerts()->{failure_rate}, 'after 59 minutes the alert is still there');
age('2 minutes');
is_deeply(alerts(), {}, 'after an hour it is gone');
is(health()->{failure_rate_24h}, 0.2, 'the rate of the day is not');
age('23 hours');
is(health()->{syncs_24h}, 0, 'after a day that is, too');

# ---- slow syncs

$db->sync($calls[0]) foreach 1 .. 20;
$db->run(q(UPDATE flex_sync_log SET duration_ms = CASE WHEN run_id = (SELECT max(run_id) FROM flex_sync_log) THEN 10001 ELSE 100 END));
$health = health();
is($health->{mean_duration_ms_24h}, (19 * 100 + 10001) / 20, 'the mean');
cmp_ok($health->{p95_duration_ms_24h}, '>', 100, 'the 95th percentile');
is(on_target($health), '1111', 'under five seconds');
is(alerts()->{slow_sync}{value}, 10001, 'but one was slow');
$db->run('UPDATE flex_sync_log SET duration_ms = 5000');
is(on_target(health()), '1110', 'five seconds are not under five seconds');
is_deeply(alerts(), {}, 'nor over ten');

# ---- duplicates and missing crew

my $technician = technician(1);
$db->run("DELETE FROM flex_crew_assignments WHERE crew_call_id = '$calls[1]' AND technician_id = '$technician'");
is(health()->{missing_crew}, 1, 'a technician without a row');
foreach my $none (undef, '')
{
	$db->desire($calls[1], { technician => 1, resource => $none }, 2, 3);
	is(health()->{missing_crew}, 0, 'without a resource they are not missing');
}
my $bare = $db->make_call(undef, 7);
$db->run("UPDATE flex_crew_calls SET flex_element_id = '' WHERE id = '$bare'");
is(health()->{missing_crew}, 0, 'nor without an element');
$db->run('ALTER TABLE flex_crew_assignments DROP CONSTRAINT flex_crew_assignments_crew_call_technician_key');
$db->assign($calls[2], 1, 'line-x');
$db->assign($calls[2], 2, 'line-y');
$db->assign($calls[2], 2, 'line-z');
is(health()->{duplicates}, 2, 'two technicians with several rows');
$alert = alerts()->{duplicate};
is("$alert->{value} $alert->{threshold}", '2 0', 'are an alert');
is($alert->{since}, $db->value(q(SELECT max(created_at) FROM flex_crew_assignments WHERE flex_line_item_id IN ('line-x', 'line-y', 'line-z'))), 'since the last of them came');
$db->run('SELECT flex_sync_repair(false), flex_sync_protect()');
is_deeply(alerts(), {}, 'mended, it is gone');

# ---- a unique violation of the user's own

$db->run('ALTER TABLE flex_crew_assignments ADD COLUMN badge int; CREATE SEQUENCE badges; CREATE UNIQUE INDEX badge_key ON flex_crew_assignments (badge)');
$db->run('ALTER TABLE flex_crew_assignments ALTER badge SET DEFAULT 1');
$db->desire($calls[3], 1, 2, 3, 8, 9);
is($db->sync($calls[3])->{status}, 'partial', "a unique constraint of the user's");
is(alerts()->{unique_violation}{value}, 1, 'is an alert');
$db->run('ALTER TABLE flex_crew_assignments DROP COLUMN badge');
age('2 hours');
is($db->sync($calls[3])->{status}, 'ok', 'mended');
is_deeply(alerts(), {}, 'it is gone after an hour');

# ---- activity

my ($first, $second, $third) = ($db->session(name => 'first-app'), $db->session(name => 'second'), $db->session(name => 'third'));
$sim->fault(kind => 'list', hold => 'before');
$first->start_sync($calls[0]);
$sim->held(10, 1);
$second->start_sync($calls[0]);
$second->wait_for_lock;
my @activity = sort { $a->{state} cmp $b->{state} } $db->rows('SELECT pid, crew_call_id, state, application_name FROM flex_sync_activity');
is_deeply(\@activity,
	[ { pid => 0 + $first->pid, crew_call_id => $calls[0], state => 'running', application_name => 'first-app' },
		{ pid => 0 + $second->pid, crew_call_id => $calls[0], state => 'waiting', application_name => 'second' } ],
	'flex_sync_activity shows who syncs and who waits');
is($db->value('SELECT count(*) FROM flex_sync_activity WHERE since BETWEEN now() - interval $$1 minute$$ AND clock_timestamp()'), 2, 'and since when');
my ($backend) = $db->rows('SELECT wait_event_type, wait_event, application_name FROM pg_stat_activity WHERE pid = ' . $first->pid);
is($backend->{wait_event_type}, 'Extension', 'a sync that waits for Flex waits for an extension');
like($backend->{wait_event}, qr/^(Extension|FlexSync.*)$/, 'by an event of its own where the version has them');
is($backend->{application_name}, 'first-app', 'application_name is as it was');
$sim->release;
$first->finish;
$second->finish;
is_deeply([ $db->rows('SELECT * FROM flex_sync_activity') ], [], 'nobody, when they are done');

$sim->fault(kind => 'list', hold => 'before');
$third->start('CALL flex_sync_all()');
$sim->held(10, 1);
is($db->value("SELECT count(DISTINCT crew_call_id) FROM flex_sync_activity WHERE state = 'running' AND application_name = 'third'"), 4, 'flex_sync_all shows all crews of its batch');
$third->cancel;
$third->finish_sqlstate;
$sim->release;
is_deeply([ $db->rows('SELECT * FROM flex_sync_activity') ], [], 'nobody, when it is cancelled');

# ---- a line in the server's log

sub logged { my ($from) = @_; return join '', grep { /LOG:  flex_sync/ } split /^/, substr slurp_file($db->node->logfile), $from }
sub log_end { return -s $db->node->logfile }

my $from = log_end();
$db->sync($calls[0]);
is(logged($from), '', 'a quick sync leaves no line');
$db->run('SET flex_sync.log_min_duration = 0');
$db->desire($calls[0], 2 .. 5);
$from = log_end();
$db->sync($calls[0]);
like(logged($from),
	qr/^.* LOG:  flex_sync: crew call "$calls[0]": ok in \d+ ms, 5 requests \(0 repeated\), 2 kept, 0 adopted, 2 added, 1 removed, 0 pruned, 0 failed$/,
	'from log_min_duration on it does, with its counts');
$db->run('SET flex_sync.log_min_duration = -1');
$from = log_end();
$db->sync($calls[0]);
is(logged($from), '', 'turned off');

# Of crews that are listed together each gets what it repeated itself.
$db->set_server(retries => 3);
$sim->fault(kind => 'list', element => 'element-2', status => 503, times => 2);
$from = log_end();
$db->run('CALL flex_sync_all()');
my @lines = split /^/, logged($from);
is(scalar @lines, 1, 'of a batch the crew that repeated requests gets a line');
like($lines[0], qr/"$calls[1]": ok in \d+ ms, \d requests \(2 repeated\)/, 'with its own numbers');
$db->run('RESET flex_sync.log_min_duration');

# Crews that are listed together do not count the time of each other as theirs: together they took hardly longer than the call.
$sim->configure(latency_by_kind_ms => { add => 400 });
$db->desire($_, 11, 12) foreach @calls;
my $last = $db->value('SELECT max(run_id) FROM flex_sync_log');
$db->set_server(max_parallel => 4);
my $begun = time;
$db->run('CALL flex_sync_all()');
my $elapsed = 1000 * (time - $begun);
my ($durations) = $db->rows("SELECT sum(duration_ms), min(duration_ms) FROM flex_sync_log WHERE run_id > $last");
cmp_ok($durations->{sum}, '<', 1.5 * $elapsed, 'the duration of a crew is its own');
cmp_ok($durations->{min}, '>', 390, 'all of it');
$sim->configure(latency_by_kind_ms => {});

# ---- purge

$db->run('UPDATE flex_sync_log SET started_at = now() - run_id * interval $$1 hour$$');
my $runs = $db->value('SELECT count(*) FROM flex_sync_log');
my $old = $db->value(q(SELECT count(*) FROM flex_sync_log WHERE started_at < now() - interval '36 hours'));
cmp_ok($old, '>', 3, 'there are old runs');
is($db->value('SELECT flex_sync_purge()'), 0, 'none is older than 90 days');
is($db->value(q(SELECT flex_sync_purge('36 hours'))), $old, 'those that are older than an interval go');
is($db->value('SELECT count(*) FROM flex_sync_log'), $runs - $old, 'the others stay');
is($db->value('SELECT count(*) FROM flex_sync_log_operation AS o WHERE NOT EXISTS (SELECT FROM flex_sync_log AS l WHERE l.run_id = o.run_id)'), 0, 'operations go with their runs');
my $day = $db->value(q(SELECT count(*) FROM flex_sync_log WHERE started_at >= now() - interval '1 day'));
$db->run("SELECT flex_sync_purge('$_')") foreach '1 hour', '-1 year', '0';
is($db->value('SELECT count(*) FROM flex_sync_log'), $day, 'the last day always stays');
is($db->sqlstate_of('SELECT flex_sync_purge(NULL)'), '22004', 'null is no interval');
like($db->error, qr/HINT:  Pass an interval/, 'and says what is');

# flex_sync_all purges by flex_sync.log_retention.
$db->run(q(UPDATE flex_sync_log SET started_at = now() - interval '40 days' WHERE run_id % 2 = 0));
my $aged = $db->value(q(SELECT count(*) FROM flex_sync_log WHERE started_at < now() - interval '39 days'));
$db->run('CALL flex_sync_all()');
is($db->value(q(SELECT count(*) FROM flex_sync_log WHERE started_at < now() - interval '39 days')), $aged, 'flex_sync_all keeps 90 days');
$db->run(q(SET flex_sync.log_retention = -1));
$db->run(q(UPDATE flex_sync_log SET started_at = now() - interval '400 days' WHERE started_at < now() - interval '39 days'));
$db->run('CALL flex_sync_all()');
is($db->value(q(SELECT count(*) FROM flex_sync_log WHERE started_at < now() - interval '39 days')), $aged, 'or everything, where log_retention is -1');
$db->run(q(SET flex_sync.log_retention = '30d'));
$db->run('CALL flex_sync_all()');
is($db->value(q(SELECT count(*) FROM flex_sync_log WHERE started_at < now() - interval '39 days')), 0, 'or as long as it says');
$db->run('RESET flex_sync.log_retention');

# ---- the log grows: what looks at a day reads a day

$db->run(q(INSERT INTO flex_sync_log SELECT r.* FROM flex_sync_log AS l, generate_series(1, 20000) AS i,
	jsonb_populate_record(l, jsonb_build_object('run_id', 100000 + i, 'started_at', now() - i * interval '1 minute')) AS r
	WHERE l.run_id = (SELECT max(run_id) FROM flex_sync_log)));
$db->run('ANALYZE flex_sync_log');
foreach my $query ('SELECT * FROM flex_sync_health', 'SELECT * FROM flex_sync_alerts')
{
	my $plan = $db->run("EXPLAIN $query");
	like($plan, qr/flex_sync_log_started_at_idx/, "$query goes by the index");
	unlike($plan, qr/Seq Scan on flex_sync_log/, 'not through the whole log');
}

# ---- who may see them

$db->run('CREATE ROLE viewer LOGIN; GRANT SELECT ON flex_sync_health, flex_sync_alerts, flex_sync_activity TO viewer');
my $viewer = $db->session(user => 'viewer');
is($viewer->sqlstate_of('SELECT * FROM flex_sync_health'), '42501', 'somebody who may not use the server');
like($viewer->error, qr/HINT:  Grant it with GRANT USAGE ON FOREIGN SERVER flex TO viewer\./, 'is told what is missing');
$db->run('GRANT USAGE ON FOREIGN SERVER flex TO viewer');
is($viewer->sqlstate_of('SELECT * FROM flex_sync_health'), '42501', 'nor read the crew relations');
$db->run('GRANT SELECT ON flex_crew_calls, flex_crew_assignments, flex_desired_crew TO viewer');
is($viewer->sqlstate_of("SELECT * FROM $_"), '', "with both, $_ is theirs") foreach qw(flex_sync_health flex_sync_alerts flex_sync_activity);
done_testing;
