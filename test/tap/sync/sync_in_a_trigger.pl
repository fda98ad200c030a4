# A trigger on flex_crew_assignments calls flex_sync_crew for the crew that is being synced: it gets `busy`, and the outer
# sync goes on. For another crew it syncs.

use strict;
use warnings;

use FlexSync;
use Test::More;

my $db = FlexSync->start;
my $call = $db->make_call('element-1', 1 .. 3);
my $alias = $db->make_call('element-1', 4);
my $other = $db->make_call('element-2', 5);

$db->run(q(
	CREATE TABLE seen (target uuid, status text, run_id bigint);
	CREATE FUNCTION sync_again() RETURNS trigger LANGUAGE plpgsql AS $$
	BEGIN
		INSERT INTO seen SELECT TG_ARGV[0]::uuid, r.status, r.run_id FROM flex_sync_crew(TG_ARGV[0]::uuid) AS r;
		RETURN NULL;
	END $$;
));

foreach my $target ($call, $alias)
{
	$db->run("TRUNCATE seen; CREATE TRIGGER again AFTER INSERT ON flex_crew_assignments
		FOR EACH ROW EXECUTE FUNCTION sync_again('$target')");
	$db->sim->seed('element-1', []);
	$db->run('DELETE FROM flex_crew_assignments; DELETE FROM flex_sync_contact');
	my $result = $db->sync($call);
	is($result->{status}, 'ok', 'the outer sync goes on') or diag(explain($result));
	is($result->{added}, 4, 'and adds everybody');
	is_deeply([ $db->rows('SELECT DISTINCT status, run_id FROM seen') ], [ { status => 'busy', run_id => undef } ],
		'the trigger gets busy');
	is($db->value('SELECT count(*) FROM seen'), 4, 'once a row');
	$db->agrees('element-1', 'after it');
	$db->run('DROP TRIGGER again ON flex_crew_assignments');
}

$db->run("TRUNCATE seen; CREATE TRIGGER again AFTER INSERT ON flex_crew_assignments
	FOR EACH ROW WHEN (NEW.crew_call_id <> '$other') EXECUTE FUNCTION sync_again('$other')");
$db->desire($call, 1 .. 3, 6);
is($db->sync($call)->{status}, 'ok', 'a trigger that syncs another crew');
is_deeply([ $db->rows('SELECT status FROM seen') ], [ { status => 'ok' } ], 'the other crew is synced');
$db->agrees($_, 'one sync within the other') foreach 'element-1', 'element-2';
is_deeply([ map { $_->{status} } $db->rows('SELECT status FROM flex_sync_log ORDER BY run_id') ], [qw(ok ok ok rolled_back ok)],
	'every sync but the busy ones has a log row, also that of the rehearsal');
done_testing;
