# The extension in a schema whose name needs quotes of every kind: what is written of it in statements is quoted as a name, and once more
# where it stands in a literal.

use strict;
use warnings;

use FlexSync;
use PostgreSQL::Test::Utils;
use Test::More;

my $db = FlexSync->start(setup => '');
$db->run('DROP EXTENSION flex_sync CASCADE');
my $number = 0;
foreach my $schema ("o'brien", 'the "crew"', 'back\\slash', '$$', '{log}', '%s %I', 'Ünïcode', "it's {calls} \"of\" \\ all")
{
	foreach my $setting ('on', 'off')
	{
		++$number;
		$db->run("CREATE DATABASE d$number TEMPLATE template0");
		my $session = $db->session(database => "d$number");
		my $name = '"' . $schema =~ s/"/""/gr . '"';
		my $literal = "'" . $schema =~ s/'/''/gr . "'";
		my $call = 'ca110000-0000-4000-8000-000000000001';
		$session->run("CREATE SCHEMA $name");
		is($session->sqlstate_of("CREATE EXTENSION flex_sync SCHEMA $name VERSION '1.0'"), '', "$schema: made") or diag($session->error);
		is($session->sqlstate_of('ALTER EXTENSION flex_sync UPDATE'), '', "$schema: updated") or diag($session->error);
		$session->run("CREATE SERVER flex FOREIGN DATA WRAPPER flex_sync OPTIONS (url '@{[ $db->sim->url ]}', crew_schema $literal)");
		$session->run("CREATE USER MAPPING FOR CURRENT_USER SERVER flex OPTIONS (token 'test-token')");
		$session->run("SET standard_conforming_strings = $setting; SET escape_string_warning = off");
		$session->run("SELECT FROM $name.flex_sync_setup()");
		$db->sim->seed('element-1', []);
		$session->run("INSERT INTO $name.flex_crew_calls (id, flex_element_id, job_id) VALUES ('$call', 'element-1', '$call')");
		$session->run("INSERT INTO $name.flex_desired_crew VALUES ('$call', '$call', 'resource-1')");
		foreach my $statement ("SELECT FROM $name.flex_sync_plan('$call')", "SELECT FROM $name.flex_crew_contacts('$call')",
			"SELECT FROM $name.flex_sync_crew('$call')", "SELECT FROM $name.flex_sync_job('$call')", "CALL $name.flex_sync_all()",
			"SELECT FROM $name.flex_sync_duplicates()", "SELECT FROM $name.flex_sync_repair(false)", "SELECT $name.flex_sync_protect()",
			"SELECT $name.flex_sync_dashboard()", "SELECT $name.flex_sync_purge()", "SELECT $name.flex_sync_lock_key('$call')",
			"SELECT FROM $name.flex_sync_health", "SELECT FROM $name.flex_sync_alerts", "SELECT FROM $name.flex_sync_activity",
			"ALTER TABLE $name.flex_crew_assignments DROP CONSTRAINT flex_crew_assignments_crew_call_technician_key",
			"SELECT $name.flex_sync_protect()")
		{
			is($session->sqlstate_of($statement), '', "$schema, $setting: $statement") or diag($session->error);
		}
		is($session->run("SELECT string_agg(status, ' ' ORDER BY run_id) FROM $name.flex_sync_log"), 'ok ok ok', "$schema: three syncs");
		is($session->run("SELECT string_agg(check_name, ' ') FROM $name.flex_sync_check(true) WHERE status <> 'ok'"), '', "$schema: the doctor");
		$session->quit;
	}
}
done_testing;
