# flex_sync_setup() over an application's own tables: whom the view desires, and with which role; every part of it there or not;
# what is there already is never altered, whatever state it is in.

use strict;
use warnings;

use Application;
use FlexSync;
use Test::More;

my $app = Application->start;
my $db = $app->db;

# All that a schema holds, made by setup or not, without oids: what it says of relations, columns, constraints, indexes, triggers,
# policies, privileges.
my $snapshot = q(
	SELECT string_agg(line, E'\n' ORDER BY line COLLATE "C") FROM (
		SELECT concat_ws(' ', 'relation', c.relname, c.relkind, c.relowner::regrole, c.relacl, c.relrowsecurity,
			CASE WHEN c.relkind = 'v' THEN pg_get_viewdef(c.oid) END) FROM pg_class AS c WHERE c.relnamespace = 'public'::regnamespace
		UNION ALL
		SELECT concat_ws(' ', 'column', a.attrelid::regclass, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull, a.attacl)
		FROM pg_attribute AS a JOIN pg_class AS c ON c.oid = a.attrelid WHERE c.relnamespace = 'public'::regnamespace AND a.attnum > 0
		UNION ALL
		SELECT concat_ws(' ', 'constraint', conrelid::regclass, conname, pg_get_constraintdef(oid)) FROM pg_constraint
		WHERE connamespace = 'public'::regnamespace
		UNION ALL
		SELECT concat_ws(' ', 'trigger', pg_get_triggerdef(oid)) FROM pg_trigger WHERE NOT tgisinternal
		UNION ALL
		SELECT concat_ws(' ', 'policy', polrelid::regclass, polname, pg_get_expr(polqual, polrelid)) FROM pg_policy
	) AS s (line));

sub setup
{
	return { map { ($_->{object} =~ s/^public\.//r =~ s/_crew_call_technician_key/_key/r => $_->{action}) } $db->rows('SELECT * FROM flex_sync_setup()') };
}

# The first time, and twice.
my $before = $db->run($snapshot);
is_deeply(setup(),
	{ flex_crew_calls => 'found', flex_crew_assignments => 'found', flex_crew_assignments_key => 'created', flex_business_roles => 'created',
		flex_desired_crew => 'created', flex_due_crew_calls => 'created' },
	'what it made and what it found');
my $made = $db->run($snapshot);
my %is_line = map { ($_ => 1) } split /\n/, $made;
is(join("\n", grep { !$is_line{$_} } split /\n/, $before), '', 'nothing that was there is changed');
is_deeply(setup(),
	{ map { ($_ => 'found') } qw(flex_crew_calls flex_crew_assignments flex_crew_assignments_key flex_business_roles flex_desired_crew flex_due_crew_calls) },
	'the second time it finds all of it');
is($db->run($snapshot), $made, 'and changes nothing');
is($db->error, '', 'nor has it anything to say');

# Whom the view desires.
sub desired
{
	my ($call) = @_;
	return join ', ', map { substr($_->{technician_id}, -2) + 0 . ' ' . ($_->{business_role_id} // '-') }
	  $db->rows("SELECT * FROM flex_desired_crew WHERE crew_call_id = '$call' ORDER BY technician_id");
}

sub assigned
{
	my ($department, @rows) = @_;
	my $call = $app->make_call($department);
	foreach my $row (@rows)
	{
		my ($number, %role) = @$row;
		$app->make_profile($number);
		my @columns = sort keys %role;
		my $values = join ', ', map { defined $role{$_} ? "'$role{$_}'" : 'NULL' } @columns;
		$db->run(join ' ', 'INSERT INTO job_assignments (job_id, technician_id', (map { ", $_" } @columns), ") SELECT job_id, '" . technician($number) . "'",
			(@columns ? ", $values" : ''), "FROM flex_crew_calls WHERE id = '$call'");
	}
	return $call;
}

$db->run("INSERT INTO flex_business_roles VALUES ('sound', 'R', 'sound-r'), ('Sound', 'e', 'sound-e'), ('sound', 'T', 'sound-t'), ('lights', 'R', 'lights-r')");
my %case = (
	'a role that is set' => [ sound => '1 sound-r', [ 1, sound_role => 'FOH-R' ] ],
	'no role, an empty one, white space, none in any case' =>
	  [ sound => '', [ 1, sound_role => undef ], [ 2, sound_role => '' ], [ 3, sound_role => ' ' ], [ 4, sound_role => 'none' ], [ 5, sound_role => 'None' ] ],
	'the role of another department' => [ sound => '', [ 1, lights_role => 'DIM-R' ] ],
	'each department its own role' => [ lights => '1 lights-r', [ 1, lights_role => 'DIM-R', sound_role => 'FOH-T' ], [ 2, sound_role => 'FOH-R' ] ],
	'video' => [ video => '1 -', [ 1, video_role => 'CAM-R' ] ],
	'a role column of a fourth department' => [ production => '1 -', [ 1, production_role => 'PM' ] ],
	'several rows count once' => [ sound => '1 sound-r', [ 1, sound_role => 'FOH-R' ], [ 1, sound_role => 'FOH-R' ], [ 1, lights_role => 'DIM-R' ] ],
	'R over E over T' => [ sound => '1 sound-r, 2 sound-e, 3 sound-t', [ 1, sound_role => 'A-T' ], [ 1, sound_role => 'A-E' ], [ 1, sound_role => 'A-R' ],
		[ 2, sound_role => 'A-T' ], [ 2, sound_role => 'A-E' ], [ 3, sound_role => 'A-T' ] ],
	'a known suffix over others, and over a row without a role' => [ sound => '1 sound-t', [ 1, sound_role => 'A-B' ], [ 1, sound_role => undef ], [ 1, sound_role => 'A-T' ] ],
	'letter case and hyphens of a code' => [ sound => '1 sound-e, 2 sound-r', [ 1, sound_role => 'foh-e' ], [ 2, sound_role => 'FOH-LEFT-R' ] ],
	'a suffix that the table has not' => [ sound => '1 -, 2 -', [ 1, sound_role => 'FOH-X' ], [ 2, sound_role => 'FOH' ] ],
);
foreach my $name (sort keys %case)
{
	my ($department, $desired, @rows) = @{ $case{$name} };
	is(desired(assigned($department, @rows)), $desired, "desired: $name");
}
my $call = assigned('sound', [ 21, lights_role => 'DIM-R' ], [22], [23]);
$db->run("UPDATE profiles SET department = CASE id WHEN '" . technician(21) . "' THEN 'sound' WHEN '" . technician(22) . "' THEN 'Sound' ELSE 'lights' END
	WHERE id IN ('" . join("', '", map { technician($_) } 21 .. 23) . "')");
is(desired($call), '21 -, 22 -', 'desired: the profile\'s department, in any letter case');
$db->run("UPDATE profiles SET flex_resource_id = NULL WHERE id = '" . technician(22) . "'");
is($db->value("SELECT count(*) FROM flex_desired_crew WHERE crew_call_id = '$call' AND flex_resource_id IS NULL"), 1, 'desired: one who is not known in Flex');
is($db->sqlstate_of("INSERT INTO flex_business_roles VALUES ('SOUND', 'r', 'another')"), '23505', 'a role is looked up in any letter case, and is one');

# What is due.
is($db->value("SELECT count(*) FROM flex_due_crew_calls WHERE crew_call_id = '$call'"), 1, 'due: a job of today');
$db->run("UPDATE jobs SET end_time = now() - interval '23 hours'");
is($db->value("SELECT count(*) FROM flex_due_crew_calls WHERE crew_call_id = '$call'"), 1, 'due: one that ended less than a day ago');
$db->run("UPDATE jobs SET end_time = now() - interval '25 hours' WHERE id = (SELECT job_id FROM flex_crew_calls WHERE id = '$call')");
is($db->value("SELECT count(*) FROM flex_due_crew_calls WHERE crew_call_id = '$call'"), 0, 'not due: one that ended more than a day ago');
$db->run('UPDATE jobs SET end_time = NULL');
is($db->value("SELECT count(*) FROM flex_due_crew_calls WHERE crew_call_id = '$call'"), 1, 'due: one without an end');

# Every subset of what setup makes.
my @part = (
	[ flex_crew_assignments_key => 'ALTER TABLE flex_crew_assignments DROP CONSTRAINT flex_crew_assignments_crew_call_technician_key' ],
	[ flex_desired_crew => 'DROP VIEW flex_desired_crew' ],
	[ flex_due_crew_calls => 'DROP VIEW flex_due_crew_calls' ],
);
foreach my $subset (0 .. 7)
{
	my @gone = map { $part[$_] } grep { $subset & (1 << $_) } 0 .. 2;
	$db->run(join '; ', 'BEGIN', map { $_->[1] } @gone);
	my $made_again = setup();
	is_deeply([ sort grep { $made_again->{$_} eq 'created' } keys %$made_again ], [ sort map { $_->[0] } @gone ], "made again: part $subset of what was there");
	is($db->run($snapshot), $made, "which is then as it was: part $subset");
	$db->run('ROLLBACK');
}

# Every subset of the application's tables: only where it has its assignments and profiles is the desired crew a view.
my @own = qw(flex_crew_assignments flex_crew_calls job_assignments profiles jobs);
foreach my $subset (1 .. 31)
{
	my @gone = map { $own[$_] } grep { $subset & (1 << $_) } 0 .. 4;
	$db->run('BEGIN; SET LOCAL client_min_messages = warning; DROP VIEW flex_desired_crew, flex_due_crew_calls; DROP TABLE flex_business_roles; DROP TABLE ' . join(', ', @gone) . ' CASCADE');
	my $done = setup();
	my $is_blocked = grep { $_ eq 'blocked' } values %$done;
	my $is_view = !grep { /^(job_assignments|profiles)$/ } @gone;
	is(join(' ', $is_blocked, $db->value("SELECT relkind FROM pg_class WHERE oid = 'flex_desired_crew'::regclass")), $is_view ? '0 v' : '0 r', "without @gone");
	is($db->sqlstate_of("SELECT count(*) FROM flex_crew_calls, flex_crew_assignments, flex_desired_crew, flex_due_crew_calls"), '', "without @gone: all can be read");
	$db->run('ROLLBACK');
}

# What cannot be made, and why.
my @blocked = (
	[ 'a type', 'flex_due_crew_calls', 'DROP VIEW flex_due_crew_calls; CREATE TYPE flex_due_crew_calls AS (a integer)', qr/neither a table nor a view.*HINT:  Rename/s ],
	[ 'an enum', 'flex_due_crew_calls', "DROP VIEW flex_due_crew_calls; CREATE TYPE flex_due_crew_calls AS ENUM ('a')", qr/already exists/ ],
	[ 'a sequence', 'flex_desired_crew', 'DROP VIEW flex_desired_crew; CREATE SEQUENCE flex_desired_crew', qr/neither a table nor a view/ ],
	[ 'an index that cannot serve', 'flex_crew_assignments_key', 'ALTER TABLE flex_crew_assignments DROP CONSTRAINT flex_crew_assignments_crew_call_technician_key;
		CREATE UNIQUE INDEX flex_crew_assignments_crew_call_technician_key ON flex_crew_assignments (crew_call_id, technician_id) WHERE created_at IS NOT NULL',
		qr/name belongs to something else.*DROP INDEX CONCURRENTLY public\.flex_crew_assignments_crew_call_technician_key/s ],
	[ 'a column of the calls is missing', 'flex_due_crew_calls', 'DROP VIEW flex_due_crew_calls; ALTER TABLE flex_crew_calls DROP COLUMN flex_element_id',
		qr/"public\.flex_crew_calls" has no column "flex_element_id".*HINT:  Add it.*"public\.flex_due_crew_calls" was not made: column c\.flex_element_id does not exist/s ],
	[ 'types that cannot be compared', 'flex_desired_crew', 'DROP VIEW flex_desired_crew; ALTER TABLE job_assignments DROP CONSTRAINT job_assignments_job_id_fkey, ALTER COLUMN job_id TYPE text',
		qr/"public\.flex_desired_crew" was not made: operator does not exist/ ],
	[ 'no key column', 'flex_crew_assignments_key', 'ALTER TABLE flex_crew_assignments DROP COLUMN technician_id', qr/has no column "technician_id"/ ],
);
foreach my $case (@blocked)
{
	my ($name, $object, $sql, $message) = @$case;
	$db->run("BEGIN; SET LOCAL client_min_messages = warning; $sql; RESET client_min_messages");
	is(setup()->{$object}, 'blocked', "blocked: $name");
	like($db->error, $message, "and why: $name");
	$db->run('ROLLBACK');
}

# An application's table without a column that the view reads: a plain table, and it says so.
$db->run('BEGIN; DROP VIEW flex_desired_crew; ALTER TABLE job_assignments DROP COLUMN video_role, DROP COLUMN lights_role');
is(setup()->{flex_desired_crew}, 'created', 'job_assignments lacks columns');
like($db->error, qr/"public\.job_assignments" is not used: it has no column "lights_role", "video_role".*HINT:  .*plain table/s, 'and why it is no view');
is($db->value("SELECT relkind FROM pg_class WHERE oid = 'flex_desired_crew'::regclass"), 'r', 'but a table');
$db->run('ROLLBACK');

# Somebody who owns none of the tables.
$db->run('BEGIN; DROP VIEW flex_desired_crew, flex_due_crew_calls; DROP TABLE flex_business_roles; ALTER TABLE flex_crew_assignments DROP CONSTRAINT flex_crew_assignments_crew_call_technician_key;
	GRANT EXECUTE ON FUNCTION flex_sync_setup TO plain; GRANT USAGE ON FOREIGN SERVER flex TO plain; GRANT CREATE ON SCHEMA public TO plain; SET LOCAL ROLE plain');
is_deeply(setup(),
	{ flex_crew_calls => 'found', flex_crew_assignments => 'found', flex_crew_assignments_key => 'blocked', flex_business_roles => 'created', flex_desired_crew => 'blocked',
		flex_due_crew_calls => 'blocked' },
	'not the owner: a view that could not be read is not made');
like($db->error, qr/must be owner of table public\.flex_crew_assignments/, 'not the owner: of the constraint');
like($db->error, qr/"public\.flex_desired_crew" was not made: query would be affected by row-level security policy.*HINT:  Call flex_sync_setup\(\) as a role that may create relations in schema "public" and owns/s,
	'not the owner: of the view');
$db->run('ROLLBACK');

# A schema of an odd name, and the application's tables in it.
$db->run(q(CREATE SCHEMA "Crew $1 %s {desired} ""x"""));
$db->set_server(crew_schema => q(Crew $1 %s {desired} "x"));
$db->run(qq(ALTER TABLE $_ SET SCHEMA "Crew \$1 %s {desired} ""x""")) foreach @own;
is_deeply([ map { $_->{action} } $db->rows('SELECT * FROM flex_sync_setup()') ], [ qw(found found found created created created) ], 'an odd schema: made');
is_deeply([ map { $_->{action} } $db->rows('SELECT * FROM flex_sync_setup()') ], [ ('found') x 6 ], 'an odd schema: found');
is($db->value(q(SELECT count(*) FROM "Crew $1 %s {desired} ""x""".flex_desired_crew)), $db->value('SELECT count(*) FROM flex_desired_crew'), 'an odd schema: the same crew');
is($db->sync($call)->{status}, 'ok', 'an odd schema: a sync');
is($db->value(q(SELECT count(*) FROM flex_sync_check() WHERE status = 'error')), 0, 'an odd schema: the doctor');
done_testing;
