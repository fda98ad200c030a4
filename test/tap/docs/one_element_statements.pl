# Whatever a sync does, the statements that it issues read and write rows of its element's calls only: what lets crews be spread
# over several servers (docs/scaling.md).
#
# Each relation is made of two partitions here: one for the element that is synced, the other for 300 elements with crews of the
# same technicians and resources. After each kind of sync the server's own counters tell how many rows of the other partition
# were read, by a scan or through an index, or written. They must all be 0. The planner is told to prefer indexes, so that what
# is read is what a statement asks for, however small the tables.
#
# Statements that are about more than one element, and why:
#   - hourly_limit and daily_limit sum up the flex_sync_log of the whole foreign server: the limit is the account's. Without
#     these options the statement is not issued, and it reads no other relation.
#   - The run sequence is one for all elements; it is no relation that could be split, and has no rows of an element.
#   - flex_sync_job and flex_sync_all read whose turn it is: the calls of the job, the rows of flex_due_crew_calls. What they do
#     then is bound as any sync is. At its end flex_sync_all purges old runs, which goes by time.
#   - Audit, repair, doctor, views and dashboard are about everything, and no part of a sync.

use strict;
use warnings;

use FlexSync;
use Test::More;

my $db = FlexSync->start(
	server => { retries => 0 },
	conf => "autovacuum = off\nenable_seqscan = off\nenable_hashjoin = off\nenable_mergejoin = off\n");
my $sim = $db->sim;
my $element = 'element-1';
my @ours = map { sprintf 'ca110000-0000-4000-8000-%012d', $_ } 1, 2;
my $calls = "IN ('$ours[0]', '$ours[1]')";

split_relation('flex_crew_calls', 'LIST (id)', $calls);
split_relation('flex_crew_assignments', 'LIST (crew_call_id)', $calls);
split_relation('flex_desired_crew', 'LIST (crew_call_id)', $calls);
split_relation('flex_sync_log', 'LIST (flex_element_id)', "IN ('$element')");
split_relation('flex_sync_contact', 'LIST (flex_element_id)', "IN ('$element')");
split_relation('flex_sync_log_operation', 'RANGE (run_id)', 'FROM (1000) TO (MAXVALUE)');
$db->run("ALTER TABLE $_ ADD FOREIGN KEY (crew_call_id) REFERENCES flex_crew_calls (id)")
  foreach qw(flex_crew_assignments flex_desired_crew);
$db->run('ALTER SEQUENCE flex_sync_run_id_seq RESTART 1000');
fill_others();
is($db->make_call($element), $_, 'a call of the element') foreach @ours;
my ($one, $two) = @ours;

# Puts a partitioned table of the same columns and indexes in the place of a table.
sub split_relation
{
	my ($table, $by, $ours) = @_;
	my $key = $by =~ /\((\w+)\)/ ? $1 : die;
	my @indexes = map { $_->{definition} } $db->rows("SELECT pg_get_indexdef(indexrelid) AS definition FROM pg_index WHERE indrelid = '$table'::regclass");
	$db->run("ALTER TABLE $table RENAME TO ${table}_before;
		CREATE TABLE $table (LIKE ${table}_before INCLUDING DEFAULTS) PARTITION BY $by;
		CREATE TABLE ${table}_ours PARTITION OF $table FOR VALUES $ours;
		CREATE TABLE ${table}_others PARTITION OF $table DEFAULT");
	foreach my $index (@indexes)
	{
		# Unique over the partitions is only what names the key of the partitions.
		my $unique = $index =~ /^CREATE UNIQUE/ && $index =~ /\(.*\b$key\b/ ? 'UNIQUE' : '';
		$db->run($index =~ s/^CREATE (UNIQUE )?INDEX \S+ ON \S+/CREATE $unique INDEX ON $table/r);
	}
	return;
}

# Without ANALYZE: a planner that knows a column's values looks up an index's ends, which would count.
sub fill_others
{
	my $technician = q(('7ec00000-0000-4000-8000-' || lpad(t::text, 12, '0'))::uuid);
	my $call = q(('0ca11000-0000-4000-8000-' || lpad(c::text, 12, '0'))::uuid);
	$db->run("INSERT INTO flex_crew_calls (id, flex_element_id) SELECT $call, 'other-' || c FROM generate_series(1, 300) AS c;
		INSERT INTO flex_desired_crew SELECT $call, $technician, 'resource-' || t, 'role-1' FROM generate_series(1, 300) AS c, generate_series(1, 9) AS t;
		INSERT INTO flex_crew_assignments (crew_call_id, technician_id, flex_line_item_id)
			SELECT $call, $technician, 'line-' || c || '-' || t FROM generate_series(1, 300) AS c, generate_series(1, 9) AS t;
		INSERT INTO flex_sync_contact (server, flex_element_id, flex_line_item_id, flex_resource_id)
			SELECT 'flex', 'other-' || c, 'line-' || c || '-' || t, 'resource-' || t FROM generate_series(1, 300) AS c, generate_series(1, 9) AS t;
		INSERT INTO flex_sync_contact (server, flex_element_id, flex_resource_id)
			SELECT 'flex', 'other-' || c, 'resource-9' FROM generate_series(1, 300) AS c;
		INSERT INTO flex_sync_log SELECT c, $call, 'ok', 9, 9, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 100, '', '[]', NULL, NULL, 'other-' || c,
			'flex', 'all', 5, now(), 'postgres', '' FROM generate_series(1, 300) AS c;
		INSERT INTO flex_sync_log_operation SELECT c, t, 'add', $technician, 'resource-' || t, NULL, 200, 'done', 1
			FROM generate_series(1, 300) AS c, generate_series(1, 9) AS t");
	return;
}

# What a counter has counted is told to the others when a session is idle.
sub flush { $_->run('SELECT pg_stat_force_next_flush()') foreach @_; return }

# Runs it, and gives what it has read and written of the partitions named so: { 'relation' => 'what' }.
sub touched
{
	my ($partition, $sessions, $code) = @_;
	flush($db, @$sessions);
	$db->run('SELECT pg_stat_reset()');
	$code->();
	flush(@$sessions);
	return {
		map { $_->{relation} => $_->{what} } $db->rows("SELECT relation, what
		FROM (SELECT regexp_replace(t.relname, '_(ours|others)\$', '') AS relation,
			concat_ws(', ', nullif(t.seq_tup_read, 0) || ' scanned', nullif(coalesce(t.idx_tup_fetch, 0), 0) || ' fetched',
				nullif((SELECT sum(i.idx_tup_read) FROM pg_stat_user_indexes AS i WHERE i.relid = t.relid), 0) || ' read in indexes',
				nullif(t.n_tup_ins + t.n_tup_upd + t.n_tup_del, 0) || ' written') AS what
			FROM pg_stat_user_tables AS t WHERE t.relname LIKE '%\\_$partition') AS q WHERE what <> ''")
	};
}

sub is_bound
{
	my ($name, $code, @sessions) = @_;
	my $touched = touched('others', [ $db, @sessions ], $code);
	is_deeply($touched, {}, "$name: no row of another element is read or written") or diag(explain($touched));
	return;
}

# A sync with what should come of it.
sub syncs
{
	my ($name, $call, $expected, %arguments) = @_;
	my $result;
	is_bound($name, sub { $result = $db->sync($call, %arguments) });
	is(join(' ', map { "$_ $result->{$_}" } grep { $_ eq 'status' || $result->{$_} } qw(status added adopted removed stale pruned roles_set skipped)),
		$expected, "$name: it was that") or diag(explain($result));
	return $result;
}

# The measure itself: a statement without a condition shows, and so does one on technicians.
is_deeply([ sort keys %{ touched('others', [$db], sub { $db->run('SELECT count(flex_line_item_id) FROM flex_crew_assignments') }) } ],
	['flex_crew_assignments'], 'a statement without a condition is seen');
isnt(touched('others', [$db], sub { $db->run("SELECT * FROM flex_crew_assignments WHERE technician_id = '" . technician(1) . "'") })->{flex_crew_assignments},
	undef, 'and one on technicians');

# The first sync: adds, a role, an adoption, somebody without a resource, a contact of nobody, on two calls of the element.
$sim->seed($element, [ 'resource-3', 'resource-8' ]);
$db->desire($one, 1, 3, { technician => 2, role => 'role-1' }, { technician => 4, resource => undef });
$db->desire($two, 1, 5, 6, 7);
syncs('the first sync', $one, 'status ok added 5 adopted 2 pruned 1 roles_set 1 skipped 1');
my $own = touched('ours', [$db], sub { syncs('a sync with nothing to do', $two, 'status ok skipped 1') });
is_deeply([ sort keys %$own ], [qw(flex_crew_assignments flex_crew_calls flex_desired_crew flex_sync_contact flex_sync_log)],
	'of which its own are what it looks at');

$db->desire($one, 1, 3, { technician => 2, role => 'role-2' });
$db->desire($two, 5, 6);
syncs('a removal, a row to forget and a change of role', $one, 'status ok removed 1 stale 1 roles_set 1');

my ($line) = map { $_->{id} } grep { $_->{resource} eq 'resource-5' } $db->flex_contacts($element);
$sim->delete_line($line);
syncs('a contact that is gone from Flex', $two, 'status ok added 1 stale 1');

$db->desire($two, 5, 6, 7, 8);
$sim->fault(kind => 'add', status => 400, element => $element);
$sim->fault(kind => 'add', drop => 'after', element => $element);
syncs('an add that is refused, and one whose answer is lost', $two, 'status partial added 1');
syncs('the sync after them', $two, 'status ok added 1');

$db->run("ALTER TABLE flex_crew_assignments ADD CHECK (technician_id <> '" . technician(10) . "')");
$db->desire($two, 5, 6, 7, 8, 10);
syncs('a row that cannot be written', $two, 'status partial');
$db->desire($two, 5, 6, 7, 8);

$db->desire($one);
$db->desire($two);
syncs('a crew that is empty by mistake', $one, 'status blocked', max_removals => 1);
syncs('the same, asked to go through with it', $one, 'status ok removed 7', max_removals => 100);

$sim->fault(kind => 'list', status => 503, element => $element);
$db->desire($one, 1 .. 3);
syncs('Flex that fails', $one, 'status failed');

# Several at once: one works, two wait, of whom one works then and the other takes its result; one does not wait.
my ($first, @waiting) = $db->sessions(3);
is_bound(
	'coalescing',
	sub {
		$sim->fault(kind => 'list', hold => 1, element => $element);
		$first->start_sync($one);
		$sim->held;
		$_->start_sync($two) foreach @waiting;
		$_->wait_for_lock foreach @waiting;
		is($db->sync($two, nowait => 'true')->{status}, 'busy', 'one that does not wait');
		$sim->release;
		is($first->finish_sync->{status}, 'ok', 'one that works');
		is_deeply([ sort map { $_->finish_sync->{status} } @waiting ], [ 'coalesced', 'ok' ], 'two that wait');
	},
	$first,
	@waiting);

is_bound('a plan', sub { $db->plan($one) });
is_bound('a listing', sub { $db->contacts($one) });
is_bound('the key of the lock', sub { $db->run("SELECT flex_sync_lock_key('$one')") });

# Many crews, where it is the turn of one.
$db->run("CREATE OR REPLACE VIEW flex_due_crew_calls AS SELECT id AS crew_call_id FROM flex_crew_calls WHERE id = '$one'");
$db->desire($one, 1 .. 4);
is_bound('flex_sync_all, with one crew that is due', sub { $db->run('CALL flex_sync_all()') });
$db->agrees($element, 'in the end');

# The limits are the exception, and read the log alone.
$db->set_server(hourly_limit => 2000, daily_limit => 10000);
$db->desire($one, 1 .. 3);
is_deeply([ keys %{ touched('others', [$db], sub { is($db->sync($one)->{status}, 'ok', 'a sync under a limit') }) } ],
	['flex_sync_log'], 'a limit reads the log of all elements, and nothing else of them');
$db->set_server(hourly_limit => 300);
is_deeply([ keys %{ touched('others', [$db], sub { is($db->sync($one)->{status}, 'deferred', 'a limit that is used up') }) } ],
	['flex_sync_log'], 'so does one that is used up');

is($db->value("SELECT count(*) FROM flex_crew_assignments_others"), 2700, 'the other crews are as they were');
done_testing;
