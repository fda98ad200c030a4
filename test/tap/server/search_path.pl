# Every function of the extension behaves under a search_path that is out to get it: a schema in front with operators, functions, types and
# relations of the same names, which give themselves away. The user's own triggers and views run under the user's own settings, as the user.

use strict;
use warnings;

use Application;
use FlexSync;
use Test::More;

my $app = Application->start(server => { hourly_limit => 1000 });
my $db = $app->db;
my $call = $app->make_call('sound', 1 .. 3);
my $other = $app->make_call('lights', 2 .. 4);

$db->run(q(
	CREATE SCHEMA hostile;
	CREATE FUNCTION hostile.strike() RETURNS integer LANGUAGE plpgsql AS
		$$ BEGIN RAISE EXCEPTION 'something hostile was called' USING ERRCODE = 'HOSTL'; END $$;
	CREATE FUNCTION hostile.strike(anyelement, anyelement) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN RETURN hostile.strike() = 0; END $$;
	CREATE DOMAIN hostile.uuid AS integer;
	CREATE DOMAIN hostile.text AS integer;
	CREATE DOMAIN hostile.jsonb AS integer;
	CREATE DOMAIN hostile.timestamptz AS integer;
	CREATE DOMAIN hostile."interval" AS integer;
	CREATE DOMAIN hostile.regclass AS integer;
	CREATE DOMAIN hostile.oid AS text;
));
foreach my $type (map { "pg_catalog.$_" } qw(uuid text int8 bool "char" oid regclass name timestamptz timestamp int4 interval float8 jsonb text[]))
{
	my $name = $type =~ s/\W/_/gr;
	$db->run("CREATE FUNCTION hostile.strike_$name($type, $type) RETURNS pg_catalog.bool LANGUAGE plpgsql AS \$\$ BEGIN RETURN hostile.strike() = 0; END \$\$");
	$db->run("CREATE OPERATOR hostile.$_ (FUNCTION = hostile.strike_$name, LEFTARG = $type, RIGHTARG = $type)") foreach '=', '<>', '<', '>', '<=', '>=', '~~', '~', '||', '-', '+';
}
foreach my $function ('lower(pg_catalog.text)', 'upper(pg_catalog.text)', 'btrim(pg_catalog.text)', 'now()', 'clock_timestamp()', 'current_database()', 'pg_backend_pid()',
	'split_part(pg_catalog.text, pg_catalog.text, pg_catalog.int4)', 'gen_random_uuid()', 'aclexplode(pg_catalog.aclitem[])', 'jsonb_to_recordset(pg_catalog.jsonb)',
	'to_jsonb(anyelement)', 'nextval(pg_catalog.regclass)', 'pg_get_viewdef(pg_catalog.oid)')
{
	$db->run("CREATE FUNCTION hostile.$function RETURNS pg_catalog.int4 LANGUAGE plpgsql AS \$\$ BEGIN RETURN hostile.strike(); END \$\$");
}
$db->run("CREATE TABLE hostile.$_ (LIKE public.$_)") foreach qw(flex_crew_calls flex_crew_assignments flex_sync_log flex_sync_log_operation flex_sync_contact flex_sync_repair_log job_assignments profiles jobs);
$db->run('CREATE TABLE hostile.flex_desired_crew (crew_call_id pg_catalog.uuid, technician_id pg_catalog.uuid, flex_resource_id pg_catalog.text, business_role_id pg_catalog.text);
	CREATE TABLE hostile.flex_due_crew_calls (crew_call_id pg_catalog.uuid); CREATE SEQUENCE hostile.flex_sync_run_id_seq START 1000000;
	CREATE TABLE hostile.pg_class (oid pg_catalog.int4); CREATE TABLE hostile.pg_proc (oid pg_catalog.int4); CREATE TABLE hostile.pg_locks (pid pg_catalog.int4);
	INSERT INTO hostile.flex_crew_calls SELECT * FROM public.flex_crew_calls');

my $trapped = $db->session;
$trapped->run('SET search_path = hostile, pg_catalog');
is($trapped->sqlstate_of("SELECT $_"), 'HOSTL', "the trap works: $_")
  foreach "'a'::pg_catalog.text = 'b'::pg_catalog.text", 'pg_catalog.gen_random_uuid() IS DISTINCT FROM pg_catalog.gen_random_uuid()', 'now()', "lower('a')", "NULLIF('a'::pg_catalog.text, 'b'::pg_catalog.text)";

my $shadow = 'CREATE TEMP TABLE flex_crew_calls (LIKE public.flex_crew_calls); CREATE TEMP TABLE flex_sync_log (LIKE public.flex_sync_log);
	CREATE TEMP SEQUENCE flex_sync_run_id_seq';
foreach my $path ('hostile, pg_catalog, public', 'hostile, pg_catalog', 'hostile', "''", 'pg_catalog, public')
{
	# From the beginning, each time: nothing prepared under another path, and nothing there yet.
	$db->run("TRUNCATE public.flex_crew_assignments, public.flex_sync_log, public.flex_sync_contact, public.flex_sync_repair_log CASCADE");
	$db->run('ALTER TABLE public.flex_crew_assignments DROP CONSTRAINT IF EXISTS flex_crew_assignments_crew_call_technician_key');
	$db->run("SET client_min_messages = warning; DROP VIEW IF EXISTS public.flex_desired_crew, public.flex_due_crew_calls; DROP TABLE IF EXISTS public.flex_business_roles; RESET client_min_messages");
	my @lines = map { $db->sim->seed($_, [ 'resource-2', 'resource-9' ]) } $call, $other;
	$db->run("INSERT INTO public.flex_crew_assignments (crew_call_id, technician_id, flex_line_item_id) SELECT '$call', '" . technician(1) . "', gen_random_uuid() FROM generate_series(1, 2)");
	$db->assign($call, 2, $lines[1]);
	my $session = $db->session;
	$session->run($shadow) if $path eq 'pg_catalog, public';
	$session->run("SET search_path = $path");
	my $is = sub { my ($sql, $expected, $name) = @_; my $got = eval { $session->run($sql) } // $@; return is($got, $expected, "$path: $name") };

	$is->('SELECT pg_catalog.count(*) FROM public.flex_sync_duplicates()', 1, 'flex_sync_duplicates');
	$is->(q(SELECT pg_catalog.string_agg(action, ' ') FROM public.flex_sync_setup()), 'found found blocked created created created', 'flex_sync_setup');
	$is->('SELECT pg_catalog.count(*) FROM public.flex_sync_repair()', 2, 'flex_sync_repair, dry');
	$is->('SELECT pg_catalog.count(*) FROM public.flex_sync_repair(false)', 2, 'flex_sync_repair');
	$is->('SELECT public.flex_sync_protect()', 'flex_crew_assignments_crew_call_technician_key', 'flex_sync_protect');
	$is->(q(SELECT pg_catalog.string_agg(action, ' ') FROM public.flex_sync_setup()), 'found found found found found found', 'flex_sync_setup again');
	$is->(q(SELECT pg_catalog.string_agg(pg_catalog.concat(check_name, ' ', detail), ', ') FROM public.flex_sync_check(true) WHERE status OPERATOR(pg_catalog.<>) 'ok'), '', 'flex_sync_check');
	$is->("SELECT pg_catalog.count(*) FROM public.flex_sync_plan('$call')", 5, 'flex_sync_plan');
	$is->("SELECT pg_catalog.count(*) FROM public.flex_crew_contacts('$call')", 2, 'flex_crew_contacts');
	$is->("SELECT pg_catalog.concat_ws(' ', status, stale, adopted, added, pruned) FROM public.flex_sync_crew('$call')", 'ok 1 1 2 0', 'flex_sync_crew');
	$is->("SELECT pg_catalog.string_agg(status, ' ') FROM public.flex_sync_job((SELECT job_id FROM public.flex_crew_calls WHERE id OPERATOR(pg_catalog.=) '$other'))", 'ok', 'flex_sync_job');
	$is->('CALL public.flex_sync_all()', '', 'flex_sync_all');
	$is->("SELECT public.flex_sync_lock_key('$call') OPERATOR(pg_catalog.<>) public.flex_sync_lock_key('$other')", 't', 'flex_sync_lock_key');
	$is->('SELECT pg_catalog.concat_ws(\' \', duplicates, missing_crew, syncs_24h) FROM public.flex_sync_health', '0 0 4', 'flex_sync_health');
	$is->('SELECT pg_catalog.count(*) FROM public.flex_sync_alerts', 0, 'flex_sync_alerts');
	$is->('SELECT pg_catalog.count(*) FROM public.flex_sync_activity', 0, 'flex_sync_activity');
	$is->('SELECT public.flex_sync_purge()', 0, 'flex_sync_purge');
	$is->('SHOW search_path', $path =~ s/^''$/""/r, 'the setting is what it was');
	$db->agrees($call, "under $path");
	$db->agrees($other, "under $path");
}
is($db->value("SELECT count(*) FROM hostile.$_"), 0, "nothing went to hostile.$_") foreach qw(flex_crew_assignments flex_sync_log flex_sync_contact flex_sync_repair_log);

# A trigger and a view of the user's that name things of theirs without a schema.
$db->run(q(
	CREATE ROLE app LOGIN BYPASSRLS;
	CREATE SCHEMA app AUTHORIZATION app;
	GRANT SELECT ON flex_crew_calls TO app;
	GRANT SELECT, INSERT, UPDATE, DELETE ON flex_crew_assignments TO app;
	GRANT USAGE ON FOREIGN SERVER flex TO app;
	GRANT EXECUTE ON FUNCTION flex_sync_crew TO app;
	CREATE TABLE app.audit (entry text);
	ALTER TABLE app.audit OWNER TO app;
	ALTER VIEW flex_desired_crew RENAME TO app_crew;
	ALTER VIEW app_crew SET SCHEMA app;
	CREATE FUNCTION app.own_crew() RETURNS SETOF app.app_crew LANGUAGE plpgsql AS $$ BEGIN RETURN QUERY SELECT * FROM app_crew; END $$;
	CREATE VIEW flex_desired_crew AS SELECT * FROM app.own_crew();
	GRANT SELECT ON flex_desired_crew, app.app_crew TO app;
	CREATE FUNCTION app.note() RETURNS trigger LANGUAGE plpgsql AS $$
	BEGIN
		INSERT INTO audit VALUES (concat_ws(' ', TG_OP, current_user, current_setting('search_path'), current_setting('row_security')));
		RETURN NULL;
	END $$;
	CREATE TRIGGER note AFTER INSERT OR UPDATE OR DELETE ON flex_crew_assignments FOR EACH ROW EXECUTE FUNCTION app.note();
));
$db->make_mapping('flex', 'app');
my $user = $db->session(user => 'app');
$user->run('SET search_path = app, public');
$app->withdraw($call, 1);
is($user->sync($call)->{removed}, 1, 'a trigger and a view of the user');
$db->sim->delete_line($_->{id}) foreach $db->flex_contacts($call);
is($user->sync($call)->{added}, 2, 'rows are deleted and inserted');
is_deeply([ $db->rows('SELECT entry, count(*) FROM app.audit GROUP BY 1 ORDER BY 1') ],
	[ { entry => 'DELETE app app, public on', count => 3 }, { entry => 'INSERT app app, public on', count => 2 } ],
	'the trigger runs as the user, under the user\'s settings');
done_testing;
