# What anon, authenticated, service_role and a plain role may do in a database whose default privileges grant everything to the first three:
# nothing after CREATE EXTENSION and flex_sync_setup(), and after a grant just what was granted.

use strict;
use warnings;

use Application;
use FlexSync;
use Test::More;

my $app = Application->start;
my $db = $app->db;
# Once more, with the default privileges there first.
$db->run('DROP SERVER flex CASCADE; DROP EXTENSION flex_sync; CREATE EXTENSION flex_sync');
$db->make_server('flex');
my $call = $app->make_call('sound', 1 .. 2);
$db->run('SELECT FROM flex_sync_setup()');

my @roles = qw(anon authenticated service_role plain);
my %call_of = (
	flex_sync_crew => "SELECT status FROM flex_sync_crew('$call')", flex_sync_plan => "SELECT FROM flex_sync_plan('$call')",
	flex_crew_contacts => "SELECT FROM flex_crew_contacts('$call')", flex_sync_job => "SELECT FROM flex_sync_job('$call')", flex_sync_all => 'CALL flex_sync_all()',
	flex_sync_setup => 'SELECT FROM flex_sync_setup()', flex_sync_duplicates => 'SELECT FROM flex_sync_duplicates()', flex_sync_repair => 'SELECT FROM flex_sync_repair()',
	flex_sync_protect => 'SELECT flex_sync_protect()', flex_sync_check => 'SELECT FROM flex_sync_check()', flex_sync_purge => 'SELECT flex_sync_purge()');
# Open to everybody, and harmless: they check for themselves.
my $is_open = "'flex_sync_lock_key', 'flex_sync_validator', 'flex_sync_crew_counts', 'flex_sync_running'";
is($db->run("SELECT string_agg(proname, ' ' ORDER BY proname) FROM pg_proc WHERE proname LIKE 'flex\\_%' AND has_function_privilege('anon', oid, 'EXECUTE')"),
	$db->run("SELECT string_agg(proname, ' ' ORDER BY proname) FROM pg_proc WHERE proname IN ($is_open)"), 'what is open to anon');
is($db->value("SELECT count(*) FROM pg_proc WHERE proname LIKE 'flex\\_%' AND proname NOT IN ($is_open) AND proname NOT IN (" . join(', ', map { "'$_'" } keys %call_of) . ", 'flex_sync_dashboard')"), 0,
	'no function is left out here');
my $made = "'flex_business_roles', 'flex_desired_crew', 'flex_due_crew_calls'";
foreach my $role (@roles)
{
	my $session = $db->session;
	$session->run("SET ROLE $role");
	is($session->sqlstate_of($call_of{$_}), '42501', "$role: $_") foreach sort keys %call_of;
	is($db->run("SELECT string_agg(relname, ' ') FROM pg_class AS c, unnest('{SELECT,INSERT,UPDATE,DELETE,TRUNCATE,REFERENCES,TRIGGER}'::text[]) AS p
		WHERE (relname LIKE 'flex\\_sync\\_%' OR relname IN ($made)) AND relkind IN ('r', 'v') AND has_table_privilege('$role', c.oid, p)"), '', "$role: no table or view");
	is($db->value("SELECT has_sequence_privilege('$role', 'flex_sync_run_id_seq', 'USAGE') OR has_server_privilege('$role', 'flex', 'USAGE')
		OR has_foreign_data_wrapper_privilege('$role', 'flex_sync', 'USAGE')"), 0, "$role: neither sequence, server nor wrapper");
	ok(defined $db->value("SELECT has_table_privilege('$role', 'flex_crew_calls', 'SELECT')"), "$role: the application's own tables are as they were");
}
is($db->value("SELECT has_table_privilege('anon', 'flex_crew_calls', 'SELECT')"), 1, 'grants on the application\'s own tables stay');

# A role that policies do not apply to, with what a sync needs.
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
is($web->sqlstate_of("SELECT press_sync('$call')"), '42501', 'but not anon');

# What an administrator opens by mistake, the doctor tells.
$db->run('GRANT ALL ON ALL FUNCTIONS IN SCHEMA public TO anon; GRANT SELECT ON flex_sync_log TO anon');
my ($finding) = $db->rows(q(SELECT * FROM flex_sync_check() WHERE check_name = 'public_access'));
is($finding->{status}, 'error', 'the doctor: open to anon');
like($finding->{detail}, qr/\bflex_sync_crew\(uuid,text,boolean,integer\) to anon.*\bflex_sync_log to anon/, 'the doctor: what');
$db->run($finding->{hint} =~ s/\.$//r);
is($db->value(q(SELECT status FROM flex_sync_check() WHERE check_name = 'public_access')), 'ok', 'the doctor: its hint mends it');
done_testing;
