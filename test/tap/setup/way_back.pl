# The way back: without the constraint flex_sync_crew says what is wrong; the old sync works again on what flex_sync leaves; and
# DROP EXTENSION is not refused on account of what setup made, and loses no crew row, view or role table.

use strict;
use warnings;

use Application;
use FlexSync;
use Test::More;

my $app = Application->start;
my $db = $app->db;
my $sim = $db->sim;

my @crew_relations = qw(profiles jobs job_assignments flex_crew_calls flex_crew_assignments flex_business_roles flex_desired_crew flex_due_crew_calls);
my %columns_before = map { ($_ => $db->run("SELECT attname, atttypid::regtype, attnotnull FROM pg_attribute WHERE attrelid = '$_'::regclass AND attnum > 0 ORDER BY attnum")) } @crew_relations[ 0 .. 4 ];

# Moved in, and synced.
my $call = $app->make_call('sound', 1 .. 3);
my $other = $app->make_call('lights', 3 .. 5);
$app->old_sync($call)->run;
$db->run("SELECT FROM flex_sync_setup(); INSERT INTO flex_business_roles VALUES ('sound', 'R', 'role-r')");
is($db->sync($_)->{status}, 'ok', 'a sync') foreach $call, $other;
$app->assign_to_job($call, 6);
is($db->sync($call)->{added}, 1, 'another one');

# Without the constraint.
$sim->clear_log;
$db->run('ALTER TABLE flex_crew_assignments DROP CONSTRAINT flex_crew_assignments_crew_call_technician_key');
is($db->sqlstate_of("SELECT FROM flex_sync_crew('$call')"), '55000', 'without the constraint a sync is refused');
like($db->error, qr/has no unique index on \(crew_call_id, technician_id\) that ON CONFLICT can use.*^HINT:  Call flex_sync_protect\(\)/ms, 'with a hint');
is($sim->counts->{total}, 0, 'before anything is sent');
is($db->value(q(SELECT hint ~ 'flex_sync_protect' FROM flex_sync_check() WHERE check_name = 'unique_index')), 1, 'the doctor says so, too');

# The old sync: nothing of ours is in its way.
foreach my $name (@crew_relations[ 0 .. 4 ])
{
	is($db->run("SELECT attname, atttypid::regtype, attnotnull FROM pg_attribute WHERE attrelid = '$name'::regclass AND attnum > 0 ORDER BY attnum"), $columns_before{$name}, "$name is as it was");
}
$app->withdraw($call, 1);
$app->assign_to_job($call, 7);
$sim->delete_line(($db->flex_contacts($other))[0]{id});
foreach my $one ($call, $other)
{
	ok(eval { $app->old_sync($one)->run; $app->old_sync($one)->run; 1 }, 'the old sync') or diag($@);
}
is(join(' ', sort map { $_->{resource} } $db->flex_contacts($call)), join(' ', map { resource($_) } 1, 2, 3, 6, 7), 'does what it did: it adds, and does not remove who is withdrawn');
is(scalar $db->flex_contacts($other), 3, 'and finds the missing one at last');

# And forward again: what the old sync did meanwhile is taken as it is.
is($db->value('SELECT flex_sync_protect()'), 'flex_crew_assignments_crew_call_technician_key', 'the constraint again');
my $result = $db->sync($call);
is("@{$result}{qw(status removed kept added)}", 'ok 1 4 0', 'and a sync') or diag(explain($result));
$db->agrees($_, 'after the way back and forth') foreach $call;

# The extension goes.
$db->run(q(CREATE VIEW report AS SELECT crew_call_id, status FROM flex_sync_log));
sub contents { return join "\n", map { "$_: " . $db->run("SELECT string_agg(t::text, E'\\n' ORDER BY t::text) FROM $_ AS t") } @crew_relations }
my $before = contents();
is($db->sqlstate_of('DROP EXTENSION flex_sync'), '2BP01', 'what depends on the extension is named');
like($db->error, qr/server flex depends on foreign-data wrapper flex_sync/, 'the server');
like($db->error, qr/view report depends on table flex_sync_log/, 'and views on the log');
unlike($db->error, qr/depends on .*\b(?:flex_crew|flex_desired|flex_due|flex_business)/, 'but nothing that setup made');
$db->run('DROP VIEW report; DROP SERVER flex CASCADE');
is($db->sqlstate_of('DROP EXTENSION flex_sync'), '', 'without them it goes');
is(contents(), $before, 'and loses no crew row, view or role table');
is($db->value(q(SELECT count(*) FROM pg_class WHERE relname LIKE 'flex\_sync%')), 0, 'of its own nothing is left');
is($db->value(q(SELECT count(*) FROM pg_proc WHERE proname LIKE 'flex\_%')), 0, 'no function either');
ok(eval { $app->old_sync($call)->run; 1 }, 'the old sync works without it') or diag($@);

# And comes again.
$db->run('CREATE EXTENSION flex_sync');
$db->make_server('flex');
is_deeply([ map { $_->{action} } $db->rows('SELECT * FROM flex_sync_setup()') ], [ ('found') x 6 ], 'come again it finds everything');
is(contents(), $before, 'as it was');
$result = $db->sync($call);
is("@{$result}{qw(status kept)}", 'ok 4', 'and a sync has nothing to do');

# What is exported before the extension goes, serves it when it comes again: whose contacts are whose.
$sim->add_row($call, 'resource-99');
$db->run("DELETE FROM job_assignments WHERE technician_id = '" . technician(2) . "'; DELETE FROM flex_crew_assignments WHERE technician_id = '" . technician(2) . "'");
my $directory = $db->node->basedir;
$db->run("COPY flex_sync_log TO '$directory/log'; COPY flex_sync_log_operation TO '$directory/operation'; COPY flex_sync_contact TO '$directory/contact'; COPY flex_sync_repair_log TO '$directory/repair'");
my $last = $db->value('SELECT max(run_id) FROM flex_sync_log');
$db->run('DROP SERVER flex CASCADE; DROP EXTENSION flex_sync; CREATE EXTENSION flex_sync');
$db->make_server('flex');
$db->run("COPY flex_sync_log FROM '$directory/log'; COPY flex_sync_log_operation FROM '$directory/operation'; COPY flex_sync_contact FROM '$directory/contact'; COPY flex_sync_repair_log FROM '$directory/repair';
	SELECT setval('flex_sync_run_id_seq', max(run_id)) FROM flex_sync_log");
$result = $db->sync($call, prune => 'owned');
is("@{$result}{qw(status kept pruned)}", 'ok 3 1', 'exported and imported: a contact of ours is still ours') or diag(explain($result));
is(scalar(grep { $_->{resource} eq 'resource-99' } $db->flex_contacts($call)), 1, 'and one that is not, is not');
is($result->{run_id}, $last + 1, 'the run ids go on');
done_testing;
