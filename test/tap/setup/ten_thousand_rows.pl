# Ten thousand rows with 500 sets of duplicates among them, in 250 crew calls: audit, clean-up, constraint and a run over all of
# them count right, and nobody is called or removed who need not be.

use strict;
use warnings;

use Application;
use FlexSync;
use Test::More;

my ($calls, $crew, $sets) = (250, 38, 500);
my $app = Application->start(server => { prune => 'owned' });
my $db = $app->db;
my $sim = $db->sim;

# Of each call the first two technicians have two rows, and as many contacts.
$db->run("
	INSERT INTO profiles SELECT ('7ec00000-0000-4000-8000-' || lpad(n::text, 12, '0'))::uuid, 'Technician ' || n, NULL, 'resource-' || n FROM generate_series(1, $crew) AS n;
	INSERT INTO jobs SELECT ('70b00000-0000-4000-8000-' || lpad(n::text, 12, '0'))::uuid, 'Job ' || n, now(), now() FROM generate_series(1, $calls) AS n;
	INSERT INTO flex_crew_calls (id, job_id, department, flex_element_id)
	SELECT ('ca110000-0000-4000-8000-' || right(id::text, 12))::uuid, id, 'sound', 'ca110000-0000-4000-8000-' || right(id::text, 12) FROM jobs;
	INSERT INTO job_assignments (job_id, technician_id, sound_role) SELECT j.id, p.id, 'FOH-R' FROM jobs AS j, profiles AS p;
	INSERT INTO flex_crew_assignments (crew_call_id, technician_id, flex_line_item_id, created_at)
	SELECT c.id, a.technician_id, gen_random_uuid(), now() - k * interval '1 hour'
	FROM flex_crew_calls AS c JOIN job_assignments AS a USING (job_id), generate_series(1, 2) AS k
	WHERE k = 1 OR right(a.technician_id::text, 12)::integer <= 2;
	ANALYZE");
my %lines;
push @{ $lines{ $_->{crew_call_id} } }, { id => $_->{flex_line_item_id}, resource => resource(substr($_->{technician_id}, -12) + 0) } foreach $db->assignments;
$sim->seed($_, $lines{$_}) foreach sort keys %lines;
# Somebody whom nobody asked for, and whose contact is not ours.
$sim->add_row((sort keys %lines)[0], 'resource-999');

is($db->value('SELECT count(*) FROM flex_crew_assignments'), $calls * $crew + $sets, 'ten thousand rows');
my %oldest = map { ("$_->{crew_call_id} $_->{technician_id}" => $_->{id}) }
  $db->rows('SELECT DISTINCT ON (crew_call_id, technician_id) crew_call_id, technician_id, id FROM flex_crew_assignments ORDER BY 1, 2, created_at, id');
my @duplicates = $db->rows('SELECT * FROM flex_sync_duplicates()');
is(scalar @duplicates, $sets, 'the audit');
is(scalar(grep { $_->{copies} != 2 || $_->{assignment_ids}[0] ne $oldest{"$_->{crew_call_id} $_->{technician_id}"} } @duplicates), 0, 'with two rows each, the oldest first');

$db->run('SELECT FROM flex_sync_setup()');
is($db->value(q(SELECT count(*) FROM flex_sync_repair() WHERE action = 'delete')), $sets, 'a dry run of the clean-up');
is($db->value('SELECT count(*) FROM flex_crew_assignments'), $calls * $crew + $sets, 'deletes nothing');
my @repaired = $db->rows('SELECT * FROM flex_sync_repair(false)');
is(scalar(grep { $_->{action} eq 'keep' && $_->{assignment_id} eq $oldest{"$_->{crew_call_id} $_->{technician_id}"} } @repaired), $sets, 'the clean-up keeps the oldest');
is(scalar(grep { $_->{action} eq 'delete' } @repaired), $sets, 'and deletes the others');
is($db->value('SELECT count(*) FROM flex_crew_assignments'), $calls * $crew, 'which are gone');
is($db->value('SELECT count(DISTINCT assignment_id) FROM flex_sync_repair_log'), $sets, 'and kept in the log');
is($db->value('SELECT count(*) FROM flex_sync_contact'), $sets, 'their contacts are ours');
is($db->value('SELECT flex_sync_protect()'), 'flex_crew_assignments_crew_call_technician_key', 'the constraint');

is($db->value(q(SELECT detail FROM flex_sync_check() WHERE check_name = 'requests')), "A run over flex_due_crew_calls takes about $calls requests: one for each of $calls elements.", 'the doctor');
$sim->clear_log;
is($db->sqlstate_of('CALL flex_sync_all(strict => true)'), '', 'a run over all of them');
my %counts = %{ $sim->counts };
is("$counts{add} $counts{delete} $counts{list}", "0 $sets " . 2 * $calls, 'calls nobody, deletes the surplus contacts, and lists before and after');
is_deeply(
	[ $db->rows('SELECT status, count(*) AS runs, sum(desired) AS desired, sum(kept) AS kept, sum(pruned) AS pruned, sum(adopted + added + removed + stale + skipped + failed) AS others
		FROM flex_sync_log GROUP BY 1') ],
	[ { status => 'ok', runs => $calls, desired => $calls * $crew, kept => $calls * $crew, pruned => $sets, others => 0 } ], 'all counts right');
is($db->value('SELECT count(*) FROM flex_crew_assignments AS a WHERE id IN (SELECT assignment_id FROM flex_sync_repair_log)'), 0, 'no row has come back');
is(scalar(grep { my $call = $_; grep { !/resource-999|nobody desires/ } $db->differences($call) } sort keys %lines), 0, 'Flex and the tables agree');
is(scalar(grep { $_->{resource} eq 'resource-999' } $db->flex_contacts((sort keys %lines)[0])), 1, 'and what is not ours stays');

$sim->clear_log;
$db->run('CALL flex_sync_all()');
%counts = %{ $sim->counts };
is("$counts{total} $counts{list}", "$calls $calls", 'another run takes one request for each');
done_testing;
