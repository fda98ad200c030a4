# The triggers and views of the crew relations run as whoever syncs. Where that is a superuser and their owner is none, the owner can
# become one: the doctor calls it an error.

use strict;
use warnings;

use FlexSync;
use Test::More;

my $db = FlexSync->start;
my $found = sub { return (grep { $_->{check_name} eq 'superuser' } $_[0]->rows('SELECT * FROM flex_sync_check()'))[0] };
$db->run('CREATE ROLE planner LOGIN; CREATE ROLE root SUPERUSER LOGIN');
$db->run('GRANT USAGE ON FOREIGN SERVER flex TO planner; GRANT EXECUTE ON FUNCTION flex_sync_check TO planner');
$db->run('GRANT SELECT ON flex_crew_calls, flex_crew_assignments, flex_desired_crew, flex_due_crew_calls TO planner');
is($found->($db)->{status}, 'ok', 'a superuser owns all');
foreach my $relation (qw(flex_crew_calls flex_crew_assignments flex_desired_crew flex_due_crew_calls))
{
	my $kind = $relation eq 'flex_due_crew_calls' ? 'VIEW' : 'TABLE';
	$db->run("ALTER $kind $relation OWNER TO planner");
	my $finding = $found->($db);
	is($finding->{status}, 'error', "a plain role owns $relation");
	like($finding->{detail}, qr/$relation.*planner/, 'which the detail names, with its owner');
	like($finding->{hint}, qr/plain role/, 'the hint says what to do');
	$db->run("ALTER $kind $relation OWNER TO root");
	is($found->($db)->{status}, 'ok', 'another superuser does not matter');
}
$db->run('ALTER TABLE flex_desired_crew RENAME TO crew_table; CREATE VIEW crew_view AS SELECT * FROM crew_table');
$db->run('CREATE VIEW flex_desired_crew AS SELECT * FROM crew_view; ALTER VIEW crew_view OWNER TO planner');
like($found->($db)->{detail}, qr/crew_view.*planner/, 'nor does it for a view below');
$db->run('ALTER VIEW crew_view OWNER TO root; CREATE FUNCTION tell() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RETURN NEW; END$$;
	CREATE TRIGGER tell AFTER INSERT ON flex_crew_assignments FOR EACH ROW EXECUTE FUNCTION tell(); ALTER FUNCTION tell OWNER TO planner');
like($found->($db)->{detail}, qr/function public\.tell\(\) of planner/, 'nor for the function of a trigger');
$db->run('ALTER VIEW crew_view OWNER TO planner');
$db->run('GRANT SELECT ON crew_table TO planner; ALTER TABLE flex_crew_assignments OWNER TO planner');
is($found->($db->session(user => 'planner'))->{status}, 'ok', 'who is no superuser may sync what anybody owns');
done_testing;
