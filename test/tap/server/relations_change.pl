# The crew relations change under a backend whose statements are prepared: it goes on with what is there now.

use strict;
use warnings;

use FlexSync;
use Test::More;

my $db = FlexSync->start;
my $call = $db->make_call('element-1', 1 .. 3);
my $session = $db->session;
my $element = '0e1e0000-0000-4000-8000-000000000001';

# Another crew each time, so that rows are read, written and deleted.
my $turn = 0;
sub syncs
{
	my ($after, $of) = @_;
	++$turn;
	$db->desire($call, 1 + $turn, 2 + $turn, 3 + $turn);
	my $result = $session->sync($call);
	is("$result->{status} $result->{added} $result->{removed}", 'ok 1 1', "a backend goes on after $after")
	  or diag($result->{message});
	$db->agrees($of // 'element-1', "after $after");
	return;
}
is($session->sync($call)->{added}, 3, 'a sync prepares its statements');
syncs('nothing');

$db->run('ALTER TABLE flex_crew_assignments ADD note text DEFAULT $$none$$, ADD extra int NOT NULL DEFAULT 1');
$db->run('ALTER TABLE flex_crew_calls ADD note text; ALTER TABLE flex_desired_crew ADD note text');
syncs('columns were added');

$db->run('ALTER TABLE flex_crew_assignments DROP note, DROP created_at; ALTER TABLE flex_desired_crew DROP note; ALTER TABLE flex_crew_calls DROP note');
syncs('columns were dropped');

$db->run('ALTER TABLE flex_crew_assignments ALTER flex_line_item_id TYPE uuid USING flex_line_item_id::uuid');
syncs('lines became uuid');

$db->run('ALTER TABLE flex_crew_assignments ALTER flex_line_item_id DROP NOT NULL');
syncs('lines became nullable');

$db->run('ALTER TABLE flex_crew_assignments ALTER flex_line_item_id TYPE varchar(40)');
syncs('lines became varchar');

$db->run("BEGIN; CREATE TABLE kept AS TABLE flex_crew_assignments; DROP TABLE flex_crew_assignments;
	CREATE TABLE flex_crew_assignments (flex_line_item_id text, technician_id uuid, crew_call_id uuid, PRIMARY KEY (technician_id, crew_call_id));
	INSERT INTO flex_crew_assignments SELECT flex_line_item_id, technician_id, crew_call_id FROM kept; DROP TABLE kept; COMMIT");
syncs('the rows became another table');

$db->run('BEGIN; ALTER TABLE flex_desired_crew RENAME TO wishes; CREATE VIEW flex_desired_crew AS TABLE wishes; COMMIT');
syncs('desired crew became a view');

$db->run('CREATE OR REPLACE VIEW flex_desired_crew AS SELECT *, 1 AS more FROM wishes WHERE technician_id IS NOT NULL');
$db->run('CREATE RULE no_insert AS ON INSERT TO flex_desired_crew DO INSTEAD INSERT INTO wishes VALUES (NEW.crew_call_id, NEW.technician_id, NEW.flex_resource_id, NEW.business_role_id);
	CREATE RULE no_delete AS ON DELETE TO flex_desired_crew DO INSTEAD DELETE FROM wishes WHERE crew_call_id = OLD.crew_call_id');
syncs('the view got another column');

# The element as text, then as uuid: the lines move to another.
$db->run("DROP VIEW flex_due_crew_calls; DROP INDEX flex_crew_calls_flex_element_id_idx; UPDATE flex_crew_calls SET flex_element_id = '$element';
	ALTER TABLE flex_crew_calls ALTER flex_element_id TYPE uuid USING flex_element_id::uuid");
my $lines = $db->sim->dump('element-1');
$db->sim->seed('element-1', []);
$db->sim->seed($element, $lines);
syncs('the element became uuid', $element);

$db->run('DROP TRIGGER IF EXISTS t ON flex_crew_assignments; CREATE FUNCTION t() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$;
	CREATE TRIGGER t BEFORE INSERT OR UPDATE ON flex_crew_assignments FOR EACH ROW EXECUTE FUNCTION t()');
syncs('a trigger was made', $element);

$db->run('CREATE SCHEMA crew; ALTER TABLE flex_crew_assignments SET SCHEMA crew; ALTER TABLE flex_crew_calls SET SCHEMA crew;
	ALTER VIEW flex_desired_crew SET SCHEMA crew');
is($session->sqlstate_of("SELECT flex_sync_crew('$call')"), '55000', 'relations that moved away are missed');
$db->set_server(crew_schema => 'crew');
$db->run('ALTER DATABASE postgres SET search_path = crew, public');
is($session->sync($call)->{status}, 'ok', 'and found where the server says');
$db->run('DROP TABLE crew.flex_crew_assignments');
is($session->sqlstate_of("SELECT flex_sync_crew('$call')"), '55000', 'a relation that was dropped is missed');
$session->run('SELECT FROM flex_sync_setup()');
my $result = $session->sync($call);
is("$result->{status} $result->{adopted}", 'ok 3', 'and made anew: all contacts are adopted');
done_testing;
