# A desired crew that is read from elsewhere changes without any transaction of this server: the sync reads it again before it
# says `ok`, whatever has ended here. Files stand for the other server: nothing on this one ends when they change.

use strict;
use warnings;

use FlexSync;
use PostgreSQL::Test::Utils;
use Test::More;

my $db = FlexSync->start(conf => "autovacuum = off\n");
my $sim = $db->sim;
if ($db->value(q(SELECT count(*) FROM pg_available_extensions WHERE name = 'file_fdw')) == 0)
{
	plan skip_all => 'needs file_fdw';
}
my $file = "$PostgreSQL::Test::Utils::tmp_check/crew.csv";
my $call = $db->make_call('element-1');

# The crew as the file shows it.
sub desire_in_file
{
	my (@numbers) = @_;
	PostgreSQL::Test::Utils::append_to_file("$file.new", join '', map { "$call," . technician($_) . ',' . resource($_) . ",\n" } @numbers);
	rename "$file.new", $file or die "could not rename: $!";
	return;
}

desire_in_file(1);
$db->run(<<"SQL");
CREATE EXTENSION file_fdw;
CREATE SERVER files FOREIGN DATA WRAPPER file_fdw;
CREATE FOREIGN TABLE crew_file (crew_call_id uuid, technician_id uuid, flex_resource_id text, business_role_id text)
	SERVER files OPTIONS (filename '$file', format 'csv');
CREATE TABLE crew_here (crew_call_id uuid, technician_id uuid, flex_resource_id text, business_role_id text);
DROP TABLE flex_desired_crew;
CREATE FUNCTION crew_of_file() RETURNS SETOF crew_here LANGUAGE plpgsql STABLE AS 'BEGIN RETURN QUERY SELECT * FROM crew_file; END';
SQL

# Somebody is assigned elsewhere while a sync that would have nothing to do waits for Flex.
sub hears
{
	my ($name, $desired) = @_;
	$db->run("DROP VIEW IF EXISTS flex_desired_crew; DROP TABLE IF EXISTS parent CASCADE");
	$db->run($desired);
	desire_in_file(1);
	is($db->sync($call)->{desired}, 1, "$name: technician 1 is desired");
	$sim->fault(kind => 'list', hold => 'before', act => 1);
	my $session = $db->session;
	$session->start("SELECT row_to_json(r) FROM flex_sync_crew('$call') AS r");
	is(scalar $sim->held, 1, "$name: the sync waits for the listing");
	desire_in_file(1, 2);
	$sim->release;
	my $result = $session->finish_sync;
	is($result->{status}, 'ok', "$name: it ends ok");
	is($result->{desired}, 2, "$name: and has heard of technician 2");
	is(scalar $db->flex_contacts('element-1'), 2, "$name: who is in Flex");
	return;
}

hears('a foreign table', 'CREATE VIEW flex_desired_crew AS SELECT * FROM crew_file');
hears('below two views', 'CREATE OR REPLACE VIEW between AS SELECT * FROM crew_file; CREATE VIEW flex_desired_crew AS SELECT * FROM between');
hears('beside a table', 'CREATE VIEW flex_desired_crew AS SELECT * FROM crew_here UNION ALL SELECT * FROM crew_file');
hears('a child', 'CREATE TABLE parent (LIKE crew_here); ALTER FOREIGN TABLE crew_file INHERIT parent;
	CREATE VIEW flex_desired_crew AS SELECT * FROM parent');
$db->run('ALTER FOREIGN TABLE crew_file NO INHERIT parent');
hears('a partition', 'CREATE TABLE parent (LIKE crew_here) PARTITION BY LIST (crew_call_id); DROP FOREIGN TABLE crew_file CASCADE;' . <<"SQL");
CREATE FOREIGN TABLE crew_file PARTITION OF parent DEFAULT SERVER files OPTIONS (filename '$file', format 'csv');
CREATE VIEW flex_desired_crew AS SELECT * FROM parent
SQL
hears('a function that reads it', <<"SQL");
CREATE FOREIGN TABLE crew_file (crew_call_id uuid, technician_id uuid, flex_resource_id text, business_role_id text)
	SERVER files OPTIONS (filename '$file', format 'csv');
CREATE VIEW flex_desired_crew AS SELECT * FROM crew_of_file()
SQL
hears('a function in an expression', <<"SQL");
CREATE FUNCTION is_on_call(technician uuid) RETURNS boolean LANGUAGE plpgsql STABLE AS
	'BEGIN RETURN EXISTS (SELECT FROM crew_file AS f WHERE f.technician_id = technician); END';
DELETE FROM crew_here;
INSERT INTO crew_here SELECT crew_call_id, technician_id, flex_resource_id FROM crew_file;
CREATE VIEW flex_desired_crew AS SELECT * FROM crew_here WHERE is_on_call(technician_id)
SQL
hears('a function of the server', <<"SQL");
CREATE VIEW flex_desired_crew AS SELECT l[1]::uuid AS crew_call_id, l[2]::uuid AS technician_id, l[3] AS flex_resource_id, NULL AS business_role_id
FROM string_to_table(rtrim(pg_read_file('$file'), E'\\n'), E'\\n') AS t, string_to_array(t, ',') AS l
SQL

# ---- what is all here is read once by a sync that changes nothing

sub is_read_once
{
	my ($name, $desired) = @_;
	$db->run("DROP VIEW IF EXISTS flex_desired_crew; $desired");
	$db->run("TRUNCATE crew_here; INSERT INTO crew_here VALUES ('$call', '" . technician(1) . "', '" . resource(1) . "')");
	$db->sync($call);
	my $scans = q(SELECT sum(seq_scan + idx_scan) FROM pg_stat_xact_user_tables WHERE relname = 'flex_crew_assignments');
	$db->run('BEGIN');
	my $before = $db->value($scans);
	is($db->sync($call)->{status}, 'ok', "$name: the sync ends ok");
	is($db->value($scans) - $before, 1, "$name: and has read the crew once");
	$db->run('COMMIT');
	return;
}

$db->run('CREATE INDEX ON flex_crew_assignments (crew_call_id)');
is_read_once('a view', 'CREATE VIEW flex_desired_crew AS SELECT * FROM crew_here');
is_read_once('a view of a view, with functions of the server', q(CREATE OR REPLACE VIEW between AS
	SELECT crew_call_id, technician_id, lower(flex_resource_id) AS flex_resource_id, business_role_id FROM crew_here WHERE now() > '2020-01-01';
	CREATE VIEW flex_desired_crew AS SELECT DISTINCT b.* FROM between AS b JOIN crew_here USING (technician_id)));
is_read_once('partitions', q(DROP TABLE crew_here CASCADE; CREATE TABLE crew_here (crew_call_id uuid, technician_id uuid, flex_resource_id text,
	business_role_id text) PARTITION BY HASH (crew_call_id); CREATE TABLE one PARTITION OF crew_here FOR VALUES WITH (MODULUS 2, REMAINDER 0);
	CREATE TABLE two PARTITION OF crew_here FOR VALUES WITH (MODULUS 2, REMAINDER 1);
	CREATE VIEW flex_desired_crew AS SELECT * FROM crew_here));
done_testing;
