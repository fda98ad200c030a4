# Fifty callers at once cost two passes over Flex, and each gets a result that includes all that was committed before it was called.
# A result is shared under the same effective prune and max_removals only, and never with a transaction that has written something.

use strict;
use warnings;

use FlexSync;
use Test::More;

my $db = FlexSync->start(conf => "max_connections = 100\n");
my $sim = $db->sim;
my $number = 0;

sub make_crew
{
	my $element = 'element-' . ++$number;
	return ($element, $db->make_call($element, @_));
}

sub statuses
{
	my %count;
	$count{ $_->{status} }++ foreach @_;
	return \%count;
}

# ---- fifty at once

$sim->configure(latency_ms => 100);
my ($element, $call) = make_crew(1 .. 5);
my @sessions = $db->sessions(50);
$sim->clear_log;
my @results = $db->sync_together(50, $call);
is_deeply([ grep { !/^(ok|coalesced)$/ } keys %{ statuses(@results) } ], [], 'fifty at once: ok or coalesced')
  or diag(explain(statuses(@results)));
cmp_ok(statuses(@results)->{coalesced}, '>=', 48, 'all but two of them coalesced');
cmp_ok($sim->counts->{list}, '<=', 3, 'at most three listings together');
is($sim->counts->{add}, 5, 'nobody is called twice');
is(scalar(grep { $_->{desired} != 5 || $_->{kept} + $_->{added} != 5 } @results), 0, 'every result counts five');
my %run = map { $_->{run_id} => 1 } grep { $_->{status} eq 'ok' } @results;
is_deeply([ grep { !$run{ $_->{run_id} } } @results ], [], 'and has the run_id of a run that was');
is($db->value('SELECT count(*) FROM flex_sync_log'), scalar keys %run, 'a coalesced one has no log row of its own');
$db->agrees($element, 'after fifty at once');

# ---- what was committed before a call is in its result: each adds somebody, then syncs

($element, $call) = make_crew();
$sim->clear_log;
$db->together(\@sessions, map {
	my $member = "'$call', '" . technician($_) . "'";
	"INSERT INTO flex_desired_crew VALUES ($member, '" . resource($_) . "');
	SELECT status FROM flex_sync_crew('$call');
	SELECT count(*) FROM flex_crew_assignments WHERE (crew_call_id, technician_id) = ($member)"
} 1 .. 50);
my %seen = map { $_->finish => 1 } @sessions;
is_deeply([ grep { !/^(ok|coalesced)\n1\z/ } keys %seen ], [], 'each of fifty who change the crew first finds it synced');
is($sim->counts->{add}, 50, 'each is called once');
$db->agrees($element, 'after all of them');
$sim->configure(latency_ms => 0);

# ---- a run that began before the call is not shared, one that began after it is

($element, $call) = make_crew(1, 2);
my ($one, $two, $three) = map { $db->session } 1 .. 3;
$sim->fault(kind => 'list', hold => 1);
$one->start_sync($call);
$sim->held;
$db->desire($call, 1 .. 3);
$_->start_sync($call) foreach $two, $three;
$_->wait_for_lock foreach $two, $three;
$sim->release;
@results = map { $_->finish_sync } $one, $two, $three;
is_deeply(statuses(@results[ 1, 2 ]), { ok => 1, coalesced => 1 }, 'of two that come while one runs, one syncs');
is_deeply([ map { $_->{desired} } @results[ 1, 2 ] ], [ 3, 3 ], 'and both count what was committed before they came');
my ($synced, $shared) = sort { $b->{status} cmp $a->{status} } @results[ 1, 2 ];
is_deeply({ %$shared, status => 'ok' }, $synced, 'the result that is shared is the whole row');

# ---- only under the same effective policy

sub shares
{
	my ($name, $expected, $first, $second) = @_;
	my $holder = $db->session;
	$holder->run("BEGIN; SELECT pg_advisory_xact_lock(flex_sync_lock_key('$call'))");
	$two->start_sync($call, %$first);
	$two->wait_for_lock;
	$three->start_sync($call, %$second);
	$three->wait_for_lock;
	$holder->run('ROLLBACK');
	my @both = map { $_->finish_sync } $two, $three;
	is_deeply([ sort map { $_->{status} } @both ], $expected, $name) or diag(explain(\@both));
	return;
}

shares('the same arguments', [qw(coalesced ok)], { prune => 'owned' }, { prune => 'owned' });
shares("the default, and the same by argument", [qw(coalesced ok)], {}, { prune => 'all', max_removals => 5 });
shares('another prune', [qw(ok ok)], { prune => 'all' }, { prune => 'none' });
shares('another max_removals', [qw(ok ok)], {}, { max_removals => 6 });
$db->set_server(max_removals => 6);
shares('another default', [qw(coalesced ok)], {}, { max_removals => 6 });
$db->set_server(max_removals => undef);
$db->make_server('second');
$three->run("SET flex_sync.server = 'second'");
shares('another server', [qw(ok ok)], {}, {});
$three->run('RESET flex_sync.server');

# ---- failed and deferred ones are shared, partial and blocked ones are not

foreach my $case (
	[ failed => { status => 403 } ],
	[ deferred => { status => 429, headers => { 'Retry-After' => '120' } } ])
{
	my ($status, $rule) = @$case;
	$sim->clear_log;
	$sim->fault(kind => 'list', times => 0, %$rule);
	shares("$status: one asks, both know", [ $status, $status ], {}, {});
	is($sim->counts->{total}, 1, "$status: after one request");
	$sim->clear_faults;
}
$db->desire($call, 1 .. 4);
$sim->fault(kind => 'add', status => 422);
shares('partial: the next one tries itself', [qw(ok partial)], {}, {});
$db->desire($call);
shares('blocked: each is told by itself', [qw(blocked blocked)], { max_removals => 0 }, { max_removals => 0 });
is($db->value("SELECT count(*) FROM flex_sync_log WHERE status = 'blocked'"), 2, 'with a log row of its own');
$db->desire($call, 1 .. 4);

# ---- never with a transaction that has written something

foreach my $case (
	[ 'has written', "CREATE TEMP TABLE mine (x int)", [qw(ok ok)] ],
	[ 'has only read', 'SELECT count(*) FROM flex_desired_crew', [qw(coalesced ok)] ])
{
	my ($name, $work, $expected) = @$case;
	$_->run("BEGIN; $work") foreach $two, $three;
	my $holder = $db->session;
	$holder->run("BEGIN; SELECT pg_advisory_xact_lock(flex_sync_lock_key('$call'))");
	$two->start("SELECT status FROM flex_sync_crew('$call'); COMMIT");
	$two->wait_for_lock;
	$three->start("SELECT status FROM flex_sync_crew('$call'); COMMIT");
	$three->wait_for_lock;
	$holder->run('ROLLBACK');
	is_deeply([ sort map { $_->finish } $two, $three ], $expected, "a transaction that $name");
}

# Its own change of the crew is in its result.
$two->run("BEGIN; DELETE FROM flex_desired_crew WHERE technician_id = '" . technician(4) . "'");
$sim->fault(kind => 'list', hold => 1);
$one->start_sync($call);
$sim->held;
$two->start_sync($call);
$two->wait_for_lock;
$three->start_sync($call);
$three->wait_for_lock;
$sim->release;
$one->finish_sync;
is($two->finish_sync->{desired}, 3, 'a change of its own is in its result');
$two->run('COMMIT');
is($three->finish_sync->{desired}, 3, 'and in that of the one behind it');

# ---- once a statement, and once for each statement

sub listings_of
{
	my ($statement) = @_;
	$sim->clear_log;
	$two->run($statement);
	return $sim->counts->{list};
}

is(listings_of("SELECT (flex_sync_crew('$call')).*"), 1, '(flex_sync_crew(id)).* syncs once');
is(listings_of("SELECT (flex_sync_crew(id)).* FROM flex_crew_calls WHERE id = '$call'"), 1, 'of a row, too');
is(listings_of("SELECT status, run_id, (r).message FROM flex_sync_crew('$call') AS r"), 1, 'in FROM it syncs once');
is(listings_of("SELECT (flex_sync_crew('$call')).status, (flex_sync_crew('$call', prune => 'none')).status"), 2,
	'another policy is another sync');
my @columns = split /\|/, $two->run("SELECT (flex_sync_crew('$call')).run_id, (flex_sync_crew('$call')).run_id");
is($columns[0], $columns[1], 'named twice, one run');
is(listings_of("BEGIN; SELECT flex_sync_crew('$call'); SELECT flex_sync_crew('$call'); COMMIT"), 2,
	'two statements of one transaction are two syncs');
is(listings_of("DO \$\$ BEGIN FOR i IN 1 .. 3 LOOP PERFORM flex_sync_crew('$call'); END LOOP; END \$\$"), 3,
	'each turn of a DO loop is one');
is(listings_of("DO \$\$ BEGIN PERFORM (flex_sync_crew('$call')).*; PERFORM (flex_sync_crew('$call')).*; END \$\$"), 2,
	'each statement of a DO block is one');
$db->run('CREATE FUNCTION sync_it(uuid) RETURNS bigint LANGUAGE plpgsql AS $$ BEGIN RETURN (SELECT (flex_sync_crew($1)).run_id); END $$');
is(listings_of("SELECT sync_it('$call') FROM generate_series(1, 3)"), 3, 'each call of a function is one');
is(listings_of("BEGIN; SAVEPOINT s; SELECT (flex_sync_crew('$call')).*; ROLLBACK TO s; SELECT (flex_sync_crew('$call')).*; COMMIT"), 2,
	'ROLLBACK TO takes what was synced with it');

# A result of another's run stands for the command as well: one row is of one run, and costs nothing more.
sub while_another_syncs
{
	my ($statement) = @_;
	my $holder = $db->session;
	$holder->run("BEGIN; SELECT pg_advisory_xact_lock(flex_sync_lock_key('$call'))");
	$three->start_sync($call);
	$three->wait_for_lock;
	$two->start($statement);
	$two->wait_for_lock;
	$sim->clear_log;
	$holder->run('ROLLBACK');
	return $three->finish_sync;
}

my $synced_by_three = while_another_syncs("SELECT (flex_sync_crew('$call')).run_id, (flex_sync_crew('$call')).status, (flex_sync_crew('$call')).*");
my ($of_run, $status, @row) = split /\|/, $two->finish;
is("$of_run $status $row[0] $row[2]", "$synced_by_three->{run_id} coalesced $synced_by_three->{run_id} coalesced",
	'a result that is shared stands for the whole command');
is($sim->counts->{total}, 1, 'which asks nothing of Flex');

# ---- each statement of a block looks again, also after one that has written nothing

my $gate = $db->session;
$db->run(q(CREATE FUNCTION at_the_gate(c uuid, nowait boolean) RETURNS text LANGUAGE plpgsql AS $$
	DECLARE
		first flex_sync_result := flex_sync_crew(c, nowait => nowait);
		second flex_sync_result;
	BEGIN
		PERFORM pg_advisory_xact_lock_shared(4711);
		second := flex_sync_crew(c, nowait => nowait);
		RETURN concat_ws(' ', first.status, first.desired, second.status, second.desired);
	END $$));

sub waits_at_the_gate
{
	$db->wait_until('SELECT count(*) = 1 FROM pg_locks WHERE NOT granted AND objid = 4711 AND pid = ' . $two->pid);
	return;
}

$gate->run("SELECT pg_advisory_lock(4711)");
my $owner = $db->session;
$owner->run("BEGIN; SELECT pg_advisory_xact_lock(flex_sync_lock_key('$call'))");
$two->start("SELECT at_the_gate('$call', true)");
waits_at_the_gate();
$owner->run('ROLLBACK');
$gate->run("SELECT pg_advisory_unlock(4711)");
is($two->finish, 'busy 0 ok 3', 'the lock goes between two calls with nowait');

$gate->run("SELECT pg_advisory_lock(4711)");
while_another_syncs("SELECT at_the_gate('$call', false)");
waits_at_the_gate();
$db->desire($call, 1 .. 4);
$gate->run("SELECT pg_advisory_unlock(4711)");
is($two->finish, 'coalesced 3 ok 4', 'what is committed between two calls is in the result of the second');

# A stable function has one snapshot for all its statements.
$db->run('ALTER FUNCTION at_the_gate STABLE');
$gate->run("SELECT pg_advisory_lock(4711)");
$owner->run("BEGIN; SELECT pg_advisory_xact_lock(flex_sync_lock_key('$call'))");
$two->start("SELECT at_the_gate('$call', true)");
waits_at_the_gate();
$owner->run('ROLLBACK');
$gate->run("SELECT pg_advisory_unlock(4711)");
is($two->finish, 'busy 0 ok 4', 'busy is never kept, whatever the function');

# A run that was undone stands for nothing.
$db->run(q(CREATE FUNCTION undone(c uuid) RETURNS bigint STABLE LANGUAGE plpgsql AS $$
	BEGIN
		PERFORM flex_sync_crew(c);
		RAISE division_by_zero;
	EXCEPTION WHEN division_by_zero THEN
		RETURN (SELECT run_id FROM flex_sync_crew(c));
	END $$));
my $run_id = $two->run("SELECT undone('$call')");
is($db->value("SELECT count(*) FROM flex_sync_log WHERE run_id = $run_id"), 1, 'a run that was undone is not the result of the next call');

# A function that changes the crew between two calls of one statement.
$db->run(q(CREATE FUNCTION withdraw_and_sync(c uuid) RETURNS int LANGUAGE plpgsql AS $$
	BEGIN
		PERFORM flex_sync_crew(c);
		DELETE FROM flex_desired_crew WHERE crew_call_id = c AND flex_resource_id = 'resource-3';
		RETURN (SELECT desired FROM flex_sync_crew(c));
	END $$));
is($two->run("SELECT withdraw_and_sync('$call')"), 3, 'a function sees what it changed between two syncs');
done_testing;
