# What anon, authenticated, service_role and a plain role may do in a database whose default privileges grant everything to everybody:
# nothing after CREATE EXTENSION and flex_sync_setup(), and after a grant just what was granted.

use strict;
use warnings;

use Application;
use FlexSync;
use Test::More;

my $app = Application->start;
my $db = $app->db;
# Once more, with the default privileges there first.
$db->run('DROP SERVER flex CASCADE; DROP EXTENSION flex_sync');
$db->run("ALTER DEFAULT PRIVILEGES GRANT ALL ON $_ TO anon; ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT ALL ON $_ TO PUBLIC") foreach 'TABLES', 'SEQUENCES', 'FUNCTIONS';
$db->run('CREATE EXTENSION flex_sync');
$db->make_server('flex');
my $call = $app->make_call('sound', 1 .. 2);
$db->run('SELECT FROM flex_sync_setup()');

# Every function, with arguments that fit. These can be executed: the validator only looks at its arguments, the others check for themselves.
my %is_open = map { $_ => 1 } qw(flex_sync_validator flex_sync_lock_key flex_sync_crew_counts flex_sync_running);
my %value = (uuid => "'$call'", text => 'NULL', boolean => 'true', integer => '1', interval => "'1 day'", 'text[]' => 'NULL', oid => '0');
my %call_of;
foreach my $function ($db->rows("SELECT p.proname AS name, p.prokind AS kind, array(SELECT format_type(t, NULL) FROM unnest(p.proargtypes) AS t) AS types
	FROM pg_proc AS p JOIN pg_depend AS d ON d.objid = p.oid AND d.deptype = 'e' AND d.classid = 'pg_proc'::regclass
	JOIN pg_extension AS e ON e.oid = d.refobjid AND e.extname = 'flex_sync'"))
{
	my $arguments = join ', ', map { ($value{$_} // die "a value of type $_") . "::$_" } @{ $function->{types} };
	$call_of{ $function->{name} } = ($function->{kind} eq 'p' ? 'CALL' : 'SELECT') . " $function->{name}($arguments)";
}
cmp_ok(scalar keys %call_of, '>', 5, 'there are functions');
my @relations = $db->rows("SELECT relname AS name FROM pg_class WHERE relkind IN ('r', 'v') AND relnamespace = 'public'::regnamespace
	AND relname LIKE 'flex\\_%' AND relname NOT IN ('flex_crew_calls', 'flex_crew_assignments')");
cmp_ok(scalar @relations, '>', 7, 'there are relations');

foreach my $role (qw(anon authenticated service_role plain))
{
	my $session = $db->session;
	$session->run("SET ROLE $role");
	foreach my $function (sort keys %call_of)
	{
		is($session->sqlstate_of($call_of{$function}), '42501', "$role: $function") if $function ne 'flex_sync_validator';
		like($session->error, qr/permission denied for (function|procedure) $function/, 'for want of the privilege') if !$is_open{$function};
	}
	foreach my $relation (map { $_->{name} } @relations)
	{
		is($session->sqlstate_of("SELECT FROM $relation"), '42501', "$role: $relation");
		is($db->run("SELECT p FROM unnest('{SELECT,INSERT,UPDATE,DELETE,TRUNCATE,REFERENCES,TRIGGER}'::text[]) AS p WHERE has_table_privilege('$role', '$relation', p)"),
			'', "$role: no privilege on $relation");
	}
	is($session->sqlstate_of($_), '42501', "$role: $_") foreach "SELECT nextval('flex_sync_run_id_seq')", "CREATE USER MAPPING FOR $role SERVER flex OPTIONS (token 'x')",
		"CREATE SERVER mine FOREIGN DATA WRAPPER flex_sync OPTIONS (url 'https://flex.example')";
}
is($db->sim->counts->{total}, 0, 'nothing reached Flex');
is($db->value("SELECT has_table_privilege('anon', 'flex_crew_calls', 'SELECT')"), 1, 'grants on the application\'s own tables stay');

# A role that policies do not apply to, with what a sync needs.
delete @call_of{ keys %is_open };
$db->run('GRANT EXECUTE ON FUNCTION flex_sync_crew, flex_sync_plan, flex_sync_check TO service_role; GRANT USAGE ON FOREIGN SERVER flex TO service_role;
	GRANT SELECT ON flex_desired_crew, flex_due_crew_calls TO service_role');
$db->make_mapping('flex', 'service_role');
my $service = $db->session;
$service->run('SET ROLE service_role');
is($service->value("SELECT count(*) FROM flex_sync_check() WHERE status <> 'ok'"), 0, 'service_role, granted: the doctor') or diag($service->run('SELECT * FROM flex_sync_check()'));
my $result = $service->sync($call);
is("@{$result}{qw(status added)}", 'ok 2', 'service_role, granted: a sync');
is($service->sqlstate_of($call_of{$_}), '42501', "service_role, granted: not $_") foreach grep { !/^flex_sync_(crew|plan|check)$/ } sort keys %call_of;
is($service->sqlstate_of('SELECT FROM flex_sync_log'), '42501', 'service_role, granted: the log is written, but not its to read');

# One that policies apply to gets an error, never a smaller crew.
$db->run('GRANT EXECUTE ON FUNCTION flex_sync_crew, flex_sync_plan, flex_sync_duplicates, flex_sync_repair TO authenticated; GRANT USAGE ON FOREIGN SERVER flex TO authenticated;
	GRANT SELECT ON flex_desired_crew, flex_due_crew_calls TO authenticated');
$db->make_mapping('flex', 'authenticated');
my $web = $db->session;
$web->run('SET ROLE authenticated');
$db->sim->clear_log;
foreach my $function (qw(flex_sync_crew flex_sync_plan flex_sync_duplicates flex_sync_repair))
{
	is($web->sqlstate_of($call_of{$function}), '42501', "authenticated, granted: $function is refused on account of policies");
	like($web->error, qr/row-level security of relation.*^HINT:  .*SECURITY DEFINER/ms, "authenticated, granted: $function says so");
}
is($db->sim->counts->{total}, 0, 'authenticated, granted: before anything is sent');

# A wrapper is the way in.
$db->run(qq(
	CREATE FUNCTION press_sync(call_id uuid) RETURNS text LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS 'SELECT status FROM public.flex_sync_crew(call_id)';
	REVOKE ALL ON FUNCTION press_sync FROM PUBLIC, anon, authenticated, service_role;
	GRANT EXECUTE ON FUNCTION press_sync TO authenticated));
is($web->value("SELECT press_sync('$call')"), 'ok', 'authenticated, through a wrapper');
$web->run('RESET ROLE; SET ROLE anon');
is($web->sqlstate_of($_), '42501', "but not anon: $_") foreach "SELECT press_sync('$call')", $call_of{flex_sync_crew};

# What an administrator opens by mistake, the doctor tells.
$db->run('GRANT ALL ON ALL FUNCTIONS IN SCHEMA public TO anon; GRANT SELECT ON flex_sync_log TO anon');
my ($finding) = $db->rows(q(SELECT * FROM flex_sync_check() WHERE check_name = 'public_access'));
is($finding->{status}, 'error', 'the doctor: open to anon');
like($finding->{detail}, qr/\bflex_sync_crew\(uuid,text,boolean,integer\) to anon.*\bflex_sync_log to anon/, 'the doctor: what');
$db->run($finding->{hint} =~ s/\.$//r);
is($db->value(q(SELECT status FROM flex_sync_check() WHERE check_name = 'public_access')), 'ok', 'the doctor: its hint mends it');
done_testing;
