# What the database refuses once Flex was changed: the sync ends partial, with its operations and its memory kept, and nobody is called
# again. What it refuses before is a diagnostic of the technicians whom it concerns, and the rest is done.

use strict;
use warnings;

use FlexSync;
use Test::More;

my $db = FlexSync->start;
my $sim = $db->sim;
my $session = $db->session;
my $number = 0;

sub call_of
{
	my $element = 'element-' . ++$number;
	$sim->clear_log;
	return ($element, $db->make_call($element, @_));
}

sub codes { return join ' ', map { "$_->{action}/$_->{code}" } @{ $_[0]->{diagnostics} } }

# ---- settings of the session

foreach my $zone ('Asia/Jakarta', 'Asia/Kolkata', 'Asia/Shanghai', 'Asia/Manila')
{
	my ($element, $call) = call_of(1);
	my $odd = $db->session;
	$odd->run("SET DateStyle = 'SQL, DMY'; SET TimeZone = '$zone'; SET IntervalStyle = 'sql_standard'");
	my $result = $odd->sync($call);
	is($result->{status}, 'ok', "$zone: a session with odd settings syncs");
	is($db->run("SELECT abs(extract(epoch FROM clock_timestamp() - started_at)) < 600
		FROM flex_sync_log WHERE run_id = $result->{run_id}"), 't', "$zone: and the log knows when");
}

# ---- a crew that cannot be read any more once rows exist

{
	my ($element, $call) = call_of(1, 2);
	$db->run(q(
		ALTER TABLE flex_desired_crew RENAME TO desired_crew;
		CREATE VIEW flex_desired_crew AS
		SELECT d.* FROM desired_crew AS d
		WHERE 1 / (SELECT CASE WHEN EXISTS (SELECT FROM flex_crew_assignments AS a WHERE a.crew_call_id = d.crew_call_id
		                                    AND d.technician_id = '7ec00000-0000-4000-8000-000000000001') THEN 0 ELSE 1 END) = 1));
	foreach my $try (1, 2)
	{
		$sim->clear_log;
		if ($try == 2)
		{
			is($session->sqlstate_of("SELECT flex_sync_crew('$call')"), '22012', 'the next sync cannot even begin');
			is($sim->counts->{add} // 0, 0, 'and calls nobody');
			next;
		}
		my $result = $session->sync($call);
		is("@{$result}{qw(status desired failed)} " . codes($result), 'partial 2 1 sync/22012', 'a view that begins to raise ends the sync')
		  or diag(explain($result));
		is($sim->counts->{add}, 2, 'two were called');
		is(scalar $db->operations_of($result->{run_id}), 2, 'and the log tells it');
		is($db->run("SELECT count(*) FROM flex_sync_contact WHERE flex_element_id = '$element'"), 2, 'and it is remembered');
	}
	$db->run('DROP VIEW flex_desired_crew; ALTER TABLE desired_crew RENAME TO flex_desired_crew');
	my $result = $session->sync($call);
	is("@{$result}{qw(status kept)}", 'ok 2', 'the next sync goes on');
}

# ---- our own tables are locked

{
	my ($element, $call) = call_of(1);
	my $other = $db->session;
	foreach my $table (qw(flex_sync_log flex_sync_contact))
	{
		$sim->clear_log;
		$other->run("BEGIN; LOCK TABLE $table IN SHARE MODE");
		$session->run("SET lock_timeout = '100ms'");
		is($session->sqlstate_of("SELECT flex_sync_crew('$call')"), '55P03', "$table is locked: the sync does not begin");
		is($sim->counts->{add} // 0, 0, 'and nobody is called');
		$session->run('RESET lock_timeout');
		$other->run('ROLLBACK');
	}
	$sim->clear_log;
	my (undef, $second) = call_of(1);
	$other->run('BEGIN; LOCK TABLE flex_sync_contact IN SHARE MODE');
	$session->run("SET lock_timeout = '100ms'; CALL flex_sync_all(strict => false); RESET lock_timeout");
	$other->run('ROLLBACK');
	is($db->run("SELECT string_agg(status || ' ' || (diagnostics -> 0 ->> 'code'), ',') FROM
		(SELECT * FROM flex_sync_log ORDER BY run_id DESC LIMIT 7) AS l WHERE status <> 'ok'"), 'failed 55P03,failed 55P03',
		'flex_sync_all: a crew that has something to do fails by itself');
	is($sim->counts->{add} // 0, 0, 'and nobody is called');
	$other->run('BEGIN; LOCK TABLE flex_crew_assignments IN SHARE MODE');
	$session->run("SET lock_timeout = '100ms'");
	is(codes($session->sync($call)), 'add/55P03', 'flex_crew_assignments is locked: nobody is called');
	is($sim->counts->{add} // 0, 0, 'nobody');
	$session->run('RESET lock_timeout');
	$other->run('ROLLBACK');
	is($session->sync($_)->{status}, 'ok', 'once the locks are gone the sync goes on') foreach $call, $second;
}

# ---- rows that cannot be forgotten

foreach my $deferrable ('', 'DEFERRABLE', 'DEFERRABLE INITIALLY DEFERRED')
{
	my ($element, $call) = call_of(1 .. 4);
	$session->sync($call);
	$db->run("CREATE TABLE payroll (assignment_id uuid REFERENCES flex_crew_assignments (id) $deferrable);
		INSERT INTO payroll SELECT id FROM flex_crew_assignments WHERE crew_call_id = '$call'
		AND technician_id IN ('@{[ technician(1) ]}', '@{[ technician(2) ]}')");
	my %line = map { $_->{technician_id} => $_->{flex_line_item_id} } $db->assignments($call);
	$sim->delete_line($line{ technician($_) }) foreach 1 .. 3;
	$db->desire($call, 1, 4, 5);
	$sim->clear_log;
	my $result = $session->sync($call, max_removals => 5);
	is("@{$result}{qw(status kept added stale)}", 'partial 1 2 1', "$deferrable: the rest is done") or diag(explain($result));
	is(codes($result), 'forget/23503 forget/23503', 'what cannot go is a diagnostic');
	is(scalar $db->assignments($call), 4, 'its row stays');
	$sim->clear_log;
	$db->run('CALL flex_sync_all(strict => false)');
	is($sim->counts->{add} // 0, 0, 'flex_sync_all goes through');
	$db->run('DROP TABLE payroll');
	is($session->sync($call)->{status}, 'ok', 'once nothing refers to it, it goes');
	$db->agrees($element, 'then');
}

# ---- rows that are locked over a sync

{
	my ($element, $call) = call_of(1 .. 3);
	$db->run('CREATE TABLE people AS SELECT technician_id AS id FROM flex_desired_crew GROUP BY 1; ALTER TABLE people ADD PRIMARY KEY (id);
		ALTER TABLE flex_crew_assignments ADD CONSTRAINT person FOREIGN KEY (technician_id) REFERENCES people (id)');
	$db->set_server(deadline => '4s');
	my $other = $db->session;
	$other->run("BEGIN; SELECT FROM people WHERE id = '@{[ technician(2) ]}' FOR UPDATE");
	my $result = $session->sync($call);
	is("@{$result}{qw(status added)} " . codes($result), 'partial 2 add/55P03', 'one locked row leaves time for the others')
	  or diag(explain($result));
	is($sim->counts->{add}, 2, 'whose row is locked is not called');
	is($session->run('SHOW lock_timeout'), '0', 'lock_timeout is as it was');
	$other->run('ROLLBACK');
	is($session->sync($call)->{status}, 'ok', 'the next sync does the rest');
	$db->agrees($element, 'then');
	$db->set_server(deadline => undef);
	$db->run('ALTER TABLE flex_crew_assignments DROP CONSTRAINT person; DROP TABLE people');
}

# ---- lines that the application holds unique

{
	my ($element, $call) = call_of(1 .. 4);
	$db->run('CREATE UNIQUE INDEX lines ON flex_crew_assignments (flex_line_item_id)');
	$session->sync($call);
	$db->desire($call,
		{ technician => 1, resource => resource(2) }, { technician => 2, resource => resource(3) },
		{ technician => 3, resource => resource(1) }, 4);
	$sim->clear_log;
	my $result = $session->sync($call);
	is("@{$result}{qw(status kept adopted failed)}", 'ok 1 3 0', 'three technicians swap their resources') or diag(explain($result));
	is($sim->counts->{add} // 0, 0, 'and nobody is called');
	$db->agrees($element, 'then');
	$db->run('DROP INDEX lines');
}

# ---- a listing that lacks one contact

{
	my ($element, $call) = call_of(1 .. 10);
	$session->sync($call);
	$sim->clear_log;
	$sim->fault(kind => 'list', lost_row => 4, times => 1);
	my $result = $session->sync($call);
	is("@{$result}{qw(status kept http_requests)}", 'ok 10 2', 'it is asked for once more') or diag(explain($result));
	is(($sim->counts->{add} // 0) + ($sim->counts->{delete} // 0), 0, 'and nobody is called again');
}

done_testing;
