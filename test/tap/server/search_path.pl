# A sync works under any search_path: names and operators in front of the right ones change nothing. The user's own triggers and
# views run under the user's own settings, as the user.

use strict;
use warnings;

use FlexSync;
use Test::More;

my $db = FlexSync->start;
my $call = $db->make_call('element-1', 1 .. 3);

# Everything that a statement could look up, in front of the catalog's own: it gives itself away by an error.
$db->run(q(
	CREATE SCHEMA hostile;
	CREATE FUNCTION hostile.strike(anyelement, anyelement) RETURNS boolean LANGUAGE plpgsql AS
		$$ BEGIN RAISE EXCEPTION 'a hostile operator was called' USING ERRCODE = 'HOSTL'; END $$;
	CREATE FUNCTION hostile.lower(text) RETURNS text LANGUAGE plpgsql AS
		$$ BEGIN RAISE EXCEPTION 'a hostile function was called' USING ERRCODE = 'HOSTL'; END $$;
	CREATE TABLE hostile.flex_crew_calls (LIKE public.flex_crew_calls);
	CREATE TABLE hostile.flex_crew_assignments (LIKE public.flex_crew_assignments);
	CREATE TABLE hostile.flex_desired_crew (LIKE public.flex_desired_crew);
	CREATE TABLE hostile.flex_sync_log (LIKE public.flex_sync_log);
	CREATE TABLE hostile.flex_sync_contact (LIKE public.flex_sync_contact);
	CREATE SEQUENCE hostile.flex_sync_run_id_seq START 1000000;
	CREATE DOMAIN hostile.uuid AS integer;
	CREATE DOMAIN hostile.text AS integer;
	CREATE DOMAIN hostile.jsonb AS integer;
));
foreach my $type (qw(uuid text bigint boolean "char" oid regclass name timestamptz integer))
{
	my $function = 'hostile.' . ($type =~ s/\W//gr) . '_strike';
	$db->run("CREATE FUNCTION $function($type, $type) RETURNS boolean LANGUAGE plpgsql AS
		\$\$ BEGIN RAISE EXCEPTION 'a hostile operator was called' USING ERRCODE = 'HOSTL'; END \$\$");
	$db->run("CREATE OPERATOR hostile.$_ (FUNCTION = $function, LEFTARG = $type, RIGHTARG = $type)") foreach '=', '<>', '<', '>', '<=', '>=', '~~';
}
$db->run("INSERT INTO hostile.flex_crew_calls SELECT * FROM public.flex_crew_calls");

sub syncs_under
{
	my ($path, $prepare) = @_;
	$db->run('DELETE FROM flex_crew_assignments; DELETE FROM flex_sync_contact');
	$db->sim->seed('element-1', ['resource-2', 'resource-9']);
	my $session = $db->session;
	$session->run($prepare) if $prepare;
	$session->run("SET search_path = $path");
	my $sync = "SELECT pg_catalog.row_to_json(r)->>'status' FROM public.flex_sync_crew('$call', prune => 'owned') AS r";
	is($session->run($sync), 'ok', "$path: the first sync");
	is($session->run($sync), 'ok', "$path: another one");
	is($session->run("SELECT pg_catalog.count(*) FROM public.flex_sync_plan('$call')"), 4, "$path: a plan");
	is($session->run("SELECT pg_catalog.count(*) FROM public.flex_crew_contacts('$call')"), 4, "$path: contacts");
	is($session->run('SHOW search_path'), $path =~ s/^''$/""/r, "$path: the setting is what it was");
	is($session->run("SELECT pg_catalog.count(*) FROM hostile.flex_sync_log"), 0, "$path: nothing goes to the wrong table");
	$db->sim->delete_line(($db->flex_contacts('element-1'))[1]{id});
	return $db->agrees('element-1', "under $path");
}

my $trapped = $db->session;
$trapped->run('SET search_path = hostile, pg_catalog');
is($trapped->sqlstate_of("SELECT $_"), 'HOSTL', "the trap works: $_")
  foreach "'a'::pg_catalog.text = 'b'::pg_catalog.text", "pg_catalog.gen_random_uuid() IS DISTINCT FROM pg_catalog.gen_random_uuid()",
  "lower('a')", '1::pg_catalog.int8 IN (2::pg_catalog.int8)';

syncs_under('hostile, pg_catalog, public');
syncs_under('hostile, pg_catalog');
syncs_under("''");
syncs_under('pg_catalog, public', 'CREATE TEMP TABLE flex_crew_calls (LIKE public.flex_crew_calls);
	CREATE TEMP TABLE flex_sync_log (LIKE public.flex_sync_log); CREATE TEMP SEQUENCE flex_sync_run_id_seq');

# A trigger and a view of the user's that name things of theirs without a schema.
$db->run(q(
	CREATE ROLE app LOGIN;
	CREATE SCHEMA app AUTHORIZATION app;
	GRANT SELECT ON flex_crew_calls TO app;
	GRANT SELECT, INSERT, UPDATE, DELETE ON flex_crew_assignments TO app;
	GRANT USAGE ON FOREIGN SERVER flex TO app;
	GRANT EXECUTE ON FUNCTION flex_sync_crew TO app;
	CREATE TABLE app.audit (entry text);
	CREATE FUNCTION app.own_crew() RETURNS SETOF flex_desired_crew LANGUAGE plpgsql AS
		$$ BEGIN RETURN QUERY SELECT * FROM app_crew; END $$;
	ALTER TABLE flex_desired_crew RENAME TO desired;
	ALTER TABLE desired SET SCHEMA app;
	CREATE VIEW app.app_crew AS SELECT * FROM app.desired;
	CREATE VIEW flex_desired_crew AS SELECT * FROM app.own_crew();
	ALTER TABLE app.audit OWNER TO app;
	GRANT SELECT ON flex_desired_crew, app.app_crew TO app;
	CREATE FUNCTION app.note() RETURNS trigger LANGUAGE plpgsql AS $$
	BEGIN
		INSERT INTO audit VALUES (concat_ws(' ', TG_OP, current_user, current_setting('search_path'), current_setting('row_security')));
		RETURN NULL;
	END $$;
	CREATE TRIGGER note AFTER INSERT OR UPDATE OR DELETE ON flex_crew_assignments FOR EACH ROW EXECUTE FUNCTION app.note();
));
$db->make_mapping('flex', 'app');
my $app = $db->session(user => 'app');
$app->run('SET search_path = app, public');
$db->run("DELETE FROM app.desired WHERE technician_id = '" . technician(1) . "'; DELETE FROM app.audit");
my $result = $app->sync($call);
is("@{$result}{qw(status kept removed)}", 'ok 2 1', 'a trigger and a view of the user') or diag(explain($result));
$db->sim->delete_line($_->{id}) foreach $db->flex_contacts('element-1');
is($app->sync($call)->{added}, 2, 'rows are deleted and inserted');
is_deeply([ $db->rows('SELECT entry, count(*) FROM app.audit GROUP BY 1 ORDER BY 1') ],
	[ { entry => 'DELETE app app, public on', count => 3 }, { entry => 'INSERT app app, public on', count => 2 } ],
	'the trigger runs as the user, under the user\'s settings');
done_testing;
