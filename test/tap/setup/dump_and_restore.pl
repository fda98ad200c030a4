# pg_dump (directory format with two jobs, and custom format) into a fresh cluster takes along what flex_sync remembers: the same sync
# gives the same result afterwards, owned contacts included, and run ids go on. Privileges granted since CREATE EXTENSION come along, too.

use strict;
use warnings;

use Application;
use FlexSync;
use PostgreSQL::Test::Cluster;
use Test::More;

my $app = Application->start(server => { prune => 'owned' });
my $db = $app->db;
my $sim = $db->sim;

# All that is remembered: rows, contacts that are ours and not, a role that Flex does not show, rows that were cleaned up, an add whose answer
# was lost.
$sim->configure(shape => { role => 'hidden' });
my $call = $app->make_call('sound', 1 .. 4);
$app->old_sync($call)->run;
$db->run("SELECT FROM flex_sync_setup(); ALTER TABLE flex_crew_assignments DROP CONSTRAINT flex_crew_assignments_crew_call_technician_key;
	INSERT INTO flex_business_roles VALUES ('sound', 'R', 'role-r')");
my $surplus = $sim->add_row($call, resource(4));
$db->run("INSERT INTO flex_crew_assignments (crew_call_id, technician_id, flex_line_item_id) VALUES ('$call', '" . technician(4) . "', '$surplus');
	SELECT FROM flex_sync_repair(false); SELECT flex_sync_protect()");
my $first = $db->sync($call, prune => 'none');
is("@{$first}{qw(status kept roles_set)}", 'ok 4 4', 'a sync before') or diag(explain($first));
$app->assign_to_job($call, 5);
is($db->sync($call, prune => 'none')->{added}, 1, 'another one');
# One who was ours, and whose row is lost; one who never was.
$app->withdraw($call, 1);
$db->run("DELETE FROM flex_crew_assignments WHERE technician_id = '" . technician(1) . "'");
$sim->add_row($call, 'resource-99');
$app->assign_to_job($call, 6);
$sim->fault(kind => 'add', act => 1, drop => 'after');
$sim->fault(kind => 'list', skip => 1, status => 500, times => 0);
$db->set_server(retries => 0, deadline => '1s');
isnt($db->sync($call, prune => 'none')->{status}, 'ok', 'an answer is lost');
$sim->clear_faults;
$db->set_server(retries => undef, deadline => undef);
is($db->value('SELECT count(*) FROM flex_sync_contact WHERE flex_line_item_id IS NULL'), 1, 'and remembered');
$db->run('CREATE ROLE office; GRANT EXECUTE ON FUNCTION flex_sync_plan TO office; GRANT SELECT ON flex_sync_log TO office; GRANT USAGE ON FOREIGN SERVER flex TO office');

my @tables = qw(flex_sync_log flex_sync_log_operation flex_sync_contact flex_sync_repair_log flex_crew_calls flex_crew_assignments flex_business_roles job_assignments);
sub contents { my ($of) = @_; return join "\n", map { "$_: " . $of->run("SELECT string_agg(t::text, E'\\n' ORDER BY t::text COLLATE \"C\") FROM $_ AS t") } @tables }
sub plans
{
	my ($of) = @_;
	return [ map { my $prune = $_; map { my $step = $_; join ' ', $prune, map { $step->{$_} // '-' } qw(step action technician_id flex_line_item_id reason) } $of->plan($call, $prune) } qw(all owned none) ];
}
my $before = contents($db);
my $plans = plans($db);
is(scalar(grep { /^owned \d+ prune/ } @$plans), 2, 'of three whom nobody desires two are ours: one whose row is lost, one that was cleaned up');
my $last = $db->value('SELECT max(run_id) FROM flex_sync_log');

sub restore
{
	my ($name, @dump) = @_;
	my $node = PostgreSQL::Test::Cluster->new($name);
	$node->init;
	$node->append_conf('postgresql.conf', "fsync = off\n");
	$node->start;
	my $path = $db->node->basedir . "/$name";
	$db->node->command_ok([ 'pg_dumpall', '--roles-only', '-f', "$path.sql", '-d', $db->node->connstr('postgres') ], "$name: roles");
	$db->node->command_ok([ 'pg_dump', @dump, '-f', $path, '-d', $db->node->connstr('postgres') ], "$name: pg_dump @dump");
	# It has a role postgres already.
	$node->command_checks_all([ 'psql', '-X', '-q', '-f', "$path.sql", '-d', $node->connstr('postgres') ], 0, [qr/^$/], [qr/^(?:.*role "\w+" already exists\n?)*$/], "$name: roles restored");
	$node->command_ok([ 'pg_restore', '--exit-on-error', ($name eq 'directory' ? '-j2' : ()), '-d', $node->connstr('postgres'), $path ], "$name: pg_restore");
	my $restored = bless { %$db, node => $node }, ref $db;
	$restored->{session} = $restored->session;
	delete $restored->{sessions};
	return $restored;
}

my $directory = restore('directory', '-Fd', '-j2');
my $custom = restore('custom', '-Fc');
foreach my $of ([ directory => $directory ], [ custom => $custom ])
{
	my ($name, $restored) = @$of;
	is(contents($restored), $before, "$name: all rows");
	is_deeply(plans($restored), $plans, "$name: the same plans");
	is($restored->value("SELECT count(*) FROM flex_sync_check() WHERE status <> 'ok'"), 0, "$name: the doctor finds nothing");
	is_deeply([ map { $_->{action} } $restored->rows('SELECT * FROM flex_sync_setup()') ], [ ('found') x 6 ], "$name: nor setup anything to do");
	is($restored->value("SELECT has_function_privilege('office', 'flex_sync_plan(uuid, text)', 'EXECUTE') AND has_table_privilege('office', 'flex_sync_log', 'SELECT')
		AND has_server_privilege('office', 'flex', 'USAGE')"), 1, "$name: what was granted");
	is($restored->value("SELECT count(*) FROM pg_proc AS p, unnest('{anon,authenticated,service_role,plain}'::text[]) AS r
		WHERE proname IN ('flex_sync_crew', 'flex_sync_repair') AND has_function_privilege(r, p.oid, 'EXECUTE')"), 0, "$name: and nothing more");
}

# The sync itself: on the restored cluster, then there is nothing left to do for the other.
my $result = $directory->sync($call);
is("@{$result}{qw(status desired kept adopted added pruned roles_set)}", 'ok 5 4 1 0 2 1', 'directory: a sync') or diag(explain($result));
is($result->{run_id}, $last + 1, 'directory: run ids go on');
is(join(' ', sort map { $_->{resource} } $directory->flex_contacts($call)), join(' ', map { resource($_) } 2 .. 6, 99), 'directory: ours are gone, and a stranger stays');
is(scalar(grep { !/99|nobody desires/ } $directory->differences($call)), 0, 'directory: Flex and the tables agree');
is($directory->sync($call)->{run_id}, $last + 2, 'directory: and on');
$result = $custom->sync($call);
is("@{$result}{qw(status desired kept adopted added pruned)}", 'ok 5 4 1 0 0', 'custom: a sync') or diag(explain($result));
is($result->{run_id}, $last + 1, 'custom: run ids go on');

# What was rolled back and is not settled yet comes along, and is settled where it is restored.
my $other = $app->make_call('lights', 7, 8);
$db->run("BEGIN; SELECT FROM flex_sync_crew('$other'); ROLLBACK");
is($db->value('SELECT count(*) FROM flex_sync_journal'), 2, 'a run is unsettled');
my $late = restore('late', '-Fc');
is($late->value('SELECT unsettled_runs FROM flex_sync_health'), 1, 'late: it is there too');
$result = $late->sync($other);
is("@{$result}{qw(status adopted added)}", 'ok 2 0', 'late: a sync') or diag(explain($result));
is($late->value("SELECT added FROM flex_sync_log WHERE status = 'rolled_back'"), 2, 'late: has settled it');
is($late->value('SELECT count(*) FROM flex_sync_journal'), 0, 'late: and the journal is empty');
done_testing;
