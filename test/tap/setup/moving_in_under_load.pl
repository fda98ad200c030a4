# The clean-up and the constraint while others read and write: no duplicate slips in, readers are not held up, and two who do the same
# thing at once do not fail.

use strict;
use warnings;

use Application;
use FlexSync;
use Test::More;
use Time::HiRes qw(sleep);

my $app = Application->start;
my $db = $app->db;
my $call = $app->make_call('sound', 1 .. 3);
$db->run('SELECT FROM flex_sync_setup(); ALTER TABLE flex_crew_assignments DROP CONSTRAINT flex_crew_assignments_crew_call_technician_key');
my $insert = "INSERT INTO flex_crew_assignments (crew_call_id, technician_id, flex_line_item_id) VALUES ('$call', '" . technician(1) . "', gen_random_uuid())";
my $drop = 'ALTER TABLE flex_crew_assignments DROP CONSTRAINT IF EXISTS flex_crew_assignments_crew_call_technician_key';
my $key = 'flex_crew_assignments_crew_call_technician_key';
my ($one, $two, $three) = map { $db->session } 1 .. 3;
$db->run($insert);

# A writer holds a duplicate that is not committed yet.
$one->run("BEGIN; $insert");
$two->start('SELECT flex_sync_protect()');
$two->wait_for_lock;
$one->run('COMMIT');
is($two->finish_sqlstate, '23505', 'a duplicate that is committed while it waits is seen');
like($two->error, qr/1 set of duplicates/, 'and told');
is($db->value("SELECT count(*) FROM pg_locks WHERE relation = 'flex_crew_assignments'::regclass AND mode <> 'AccessShareLock'"), 0, 'nobody is held up any longer');
$db->run("DELETE FROM flex_crew_assignments; $insert");
$one->run("BEGIN; $insert");
$two->start('SELECT flex_sync_protect()');
$two->wait_for_lock;
$one->run('ROLLBACK');
is($two->finish, $key, 'one that is rolled back does not matter');
$db->run($drop);

# One in REPEATABLE READ does not see it, but the index does.
$two->run('BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM flex_crew_assignments');
$db->run($insert);
is($two->sqlstate_of('SELECT flex_sync_protect()'), '23505', 'nor does one slip in behind an old snapshot');
$two->run('ROLLBACK');
$db->run("DELETE FROM flex_crew_assignments; $insert");

# A reader that stays: the index is built beside it, and the constraint waits for it. Another reader comes before that moment.
$one->run('BEGIN; SELECT count(*) FROM flex_crew_assignments');
$three->run('BEGIN; LOCK flex_crew_calls IN ACCESS SHARE MODE');
$two->start('SELECT flex_sync_protect()');
$two->wait_for_lock;
is($db->value("SELECT string_agg(DISTINCT mode, ' ' ORDER BY mode) FROM pg_locks WHERE pid = " . $two->pid . " AND relation = 'flex_crew_assignments'::regclass AND NOT granted"),
	'AccessExclusiveLock', 'with a reader open it waits for the last moment only');
is($db->value('SELECT count(*) FROM pg_locks WHERE pid = ' . $two->pid . q( AND relation = 'flex_crew_assignments'::regclass AND granted AND mode = 'ShareRowExclusiveLock')), 1,
	'and until then holds up writers only');
is($one->run('SELECT count(*) FROM flex_crew_assignments'), 1, 'the reader goes on');
$one->run('COMMIT');
is($two->finish, $key, 'and when it is gone, the constraint is there');
$three->run('COMMIT');
$db->run($drop);

# How long the index takes is of no concern to readers: hold it up while it is built.
$db->run(q(CREATE FUNCTION slow(uuid) RETURNS uuid LANGUAGE plpgsql IMMUTABLE AS 'BEGIN PERFORM pg_advisory_xact_lock(4711); RETURN $1; END'));
$three->run('SELECT pg_advisory_lock(4711)');
$db->run('CREATE FUNCTION note_index() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_advisory_xact_lock(4711); END $$;
	CREATE EVENT TRIGGER note_index ON ddl_command_end WHEN TAG IN (\'CREATE INDEX\') EXECUTE FUNCTION note_index()');
$two->start('SELECT flex_sync_protect()');
$two->wait_for_lock;
is($one->run('SET lock_timeout = 1000; SELECT count(*) FROM flex_crew_assignments'), 1, 'a SELECT while the index is built');
is($one->sqlstate_of("SET lock_timeout = 100; $insert"), '55P03', 'a writer waits');
$one->run('RESET lock_timeout');
$db->run('DROP EVENT TRIGGER note_index');
$three->run('SELECT pg_advisory_unlock(4711)');
is($two->finish, $key, 'the constraint');
$db->run($drop);

# Two at once.
$one->run("BEGIN; UPDATE flex_crew_assignments SET created_at = now()");
$_->start('SELECT flex_sync_protect()') foreach $two, $three;
$_->wait_for_lock foreach $two, $three;
$one->run('COMMIT');
is_deeply([ map { $_->finish } $two, $three ], [ $key, $key ], 'two at once: both have it');
$db->run($drop);

# An index that somebody else commits while it waits.
$one->run('BEGIN; CREATE UNIQUE INDEX by_hand ON flex_crew_assignments (technician_id, crew_call_id)');
$two->start('SELECT flex_sync_protect()');
$two->wait_for_lock;
$one->run('COMMIT');
is($two->finish, 'by_hand', 'an index that is there when the wait is over serves');
is($db->sync($call)->{status}, 'ok', 'for a sync, too');
$db->run('DROP INDEX by_hand');

# The clean-up waits for a writer, and sees what it wrote; a set is whole.
$db->run("DELETE FROM flex_crew_assignments; $insert; $insert");
$one->run("BEGIN; $insert");
$two->start('SELECT count(*) FROM flex_sync_repair(false)');
$two->wait_for_lock;
is($db->run('SELECT count(*) FROM flex_crew_assignments'), 2, 'readers go on meanwhile');
$one->run('COMMIT');
is($two->finish, 3, 'the clean-up sees a row that came while it waited');
is($db->value('SELECT count(*) FROM flex_crew_assignments'), 1, 'and one row stays');
$db->run("$insert");
$_->run('BEGIN') foreach $two, $three;
is($two->run('SELECT count(*) FROM flex_sync_repair(false)'), 2, 'two at once: the first');
$three->start('SELECT count(*) FROM flex_sync_repair(false)');
$three->wait_for_lock;
$two->run('COMMIT');
is($three->finish, 0, 'the second has nothing left to do');
$three->run('COMMIT');
is($db->value('SELECT count(*) FROM flex_sync_repair_log'), 3, 'and each row is kept once');

# Where there is nothing to clean up, nobody is held up; so a sync and the clean-up do not meet.
$one->run('BEGIN; UPDATE flex_crew_assignments SET created_at = now()');
is($two->run('SET lock_timeout = 1000; SELECT count(*) FROM flex_sync_repair(false)'), 0, 'nothing to do: no lock');
$one->run('COMMIT');
$db->run('SELECT flex_sync_protect()');
$db->sim->fault(kind => 'list', hold => 'before');
$one->start_sync($call);
is(scalar $db->sim->held, 1, 'in the middle of a sync');
is($two->run('SELECT count(*) FROM flex_sync_repair(false)'), 0, 'in the middle of a sync: the clean-up');
is($two->run('SELECT flex_sync_protect()'), $key, 'in the middle of a sync: the constraint');
$db->sim->release;
is($one->finish_sync->{status}, 'ok', 'and the sync');
$db->agrees($call, 'after all this');

# A sync is refused as soon as its index is gone, before anything is sent; one that is under way ends with a diagnostic.
$db->sim->clear_log;
$db->run($drop);
is($db->sqlstate_of("SELECT FROM flex_sync_crew('$call')"), '55000', 'without an index a sync is refused');
is($db->sim->counts->{total}, 0, 'before anything is sent');
$db->run('ALTER TABLE flex_crew_assignments ADD CONSTRAINT late UNIQUE (crew_call_id, technician_id) DEFERRABLE; CREATE UNIQUE INDEX beside ON flex_crew_assignments (crew_call_id, technician_id)');
is($db->sqlstate_of("SELECT FROM flex_sync_crew('$call')"), '55000', 'nor with one that is deferrable, even beside one that is not');
done_testing;
