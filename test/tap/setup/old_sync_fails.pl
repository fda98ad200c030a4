# The two failures that people saw of the old sync, on the tables as they were; and what becomes of them with each step of the
# move: duplicates when two syncs insert blindly, a technician missing when the snapshot is stale.

use strict;
use warnings;

use Application;
use FlexSync;
use Test::More;

my $app = Application->start;
my $db = $app->db;
my $sim = $db->sim;

sub copies
{
	my ($call, $number) = @_;
	my @rows = grep { $_->{technician_id} eq technician($number) } $db->assignments($call);
	my @contacts = grep { $_->{resource} eq resource($number) } $db->flex_contacts($call);
	return @rows . ' rows, ' . @contacts . ' contacts';
}

# Two people press the button: both read "not there yet".
sub race
{
	my ($call) = @_;
	my @syncs = map { $app->old_sync($call)->read->list } 1 .. 2;
	return map { eval { $_->drop_stale->add->prune; 1 } ? '' : $@ } @syncs;
}

# Somebody deletes a contact in Flex: the row is dropped, and whom to add is computed from the snapshot.
sub delete_contact
{
	my ($call, $number) = @_;
	$sim->delete_line($_->{id}) foreach grep { $_->{resource} eq resource($number) } $db->flex_contacts($call);
	return;
}

# As it was.
my $call = $app->make_call('sound', 1, 2);
is_deeply([ race($call) ], [ '', '' ], 'before: two blind inserts, and nobody notices');
is(copies($call, 1), '2 rows, 2 contacts', 'before: the technician is there twice');
my $other = $app->make_call('sound', 3, 4);
$app->old_sync($other)->run;
is(copies($other, 3), '1 rows, 1 contacts', 'before: a sync that is alone');
delete_contact($other, 3);
$app->old_sync($other)->run;
is(copies($other, 3), '0 rows, 0 contacts', 'before: after a deletion in Flex the technician is missing');
$app->old_sync($other)->run;
is(copies($other, 3), '1 rows, 1 contacts', 'before: until the sync after the next');

# Audit: nothing changes.
my @before = map { "$_->{technician_id} $_->{flex_line_item_id}" } $db->assignments;
my %action = map { ($_->{object} => $_->{action}) } $db->rows('SELECT * FROM flex_sync_setup()');
is($action{'public.flex_crew_assignments_crew_call_technician_key'}, 'blocked', 'setup cannot add the constraint yet');
is(scalar(my @duplicates = $db->rows('SELECT * FROM flex_sync_duplicates()')), 2, 'the audit finds both');
is_deeply([ map { scalar @{ $_->{assignment_ids} } . " $_->{copies}" } @duplicates ], [ '2 2', '2 2' ], 'with their rows');
is($db->sqlstate_of("SELECT * FROM flex_sync_crew('$call')"), '55000', 'a sync is refused');
like($db->error, qr/flex_sync_protect\(\).*CREATE UNIQUE INDEX CONCURRENTLY ON public\.flex_crew_assignments \(crew_call_id, technician_id\)/s,
	'with a hint that names the function and the statement');
is($db->sqlstate_of('SELECT flex_sync_protect()'), '23505', 'so is the constraint');
like($db->error, qr/flex_sync_repair\(false\)/, 'with a hint at the clean-up');
is(scalar(grep { $_->{action} eq 'delete' } $db->rows('SELECT * FROM flex_sync_repair()')), 2, 'a dry run says what it would delete');
is_deeply([ map { "$_->{technician_id} $_->{flex_line_item_id}" } $db->assignments ], \@before, 'and so far nothing has changed');
is(join(' ', race($app->make_call('sound', 5))), ' ', 'audited: the race is still lost');

# Clean up.
$db->run('SELECT FROM flex_sync_repair(false)');
is($db->value('SELECT count(*) FROM flex_sync_duplicates()'), 0, 'cleaned up: no duplicates');
is(copies($call, 1), '1 rows, 2 contacts', 'cleaned up: the contacts are still there twice');
my $third = $app->make_call('sound', 6);
is_deeply([ race($third) ], [ '', '' ], 'cleaned up: new ones come all the same');
is(copies($third, 6), '2 rows, 2 contacts', 'cleaned up: as before');
$db->run('SELECT FROM flex_sync_repair(false)');

# Constrain.
is($db->value('SELECT flex_sync_protect()'), 'flex_crew_assignments_crew_call_technician_key', 'constrained');
my $fourth = $app->make_call('sound', 7);
my @errors = race($fourth);
is($errors[0], '', 'constrained: the first insert');
like($errors[1], qr/23505/, 'constrained: the second one fails');
is(copies($fourth, 7), '1 rows, 2 contacts', 'constrained: one row, but the contact was made before the insert failed');
delete_contact($other, 3);
$app->old_sync($other)->run;
is(copies($other, 3), '0 rows, 0 contacts', 'constrained: the snapshot is as stale as ever');

# Switch, and re-read.
my $fifth = $app->make_call('sound', 8, 9);
my @results = $db->sync_together(8, $fifth);
is(scalar(grep { $_->{status} =~ /^(ok|coalesced)$/ } @results), 8, 'switched: eight at once, nothing fails');
is(copies($fifth, $_), '1 rows, 1 contacts', "switched: technician $_ once") foreach 8, 9;
is($sim->counts->{add} - scalar(grep { $_->{element} ne $fifth } $sim->log(kind => 'add')), 2, 'switched: each was called once');
delete_contact($fifth, 8);
my $result = $db->sync($fifth);
is("@{$result}{qw(status kept added stale)}", 'ok 1 1 1', 'switched: after a deletion in Flex one sync is enough');
foreach my $one ($call, $other, $third, $fourth, $fifth)
{
	is($db->sync($one)->{status}, 'ok', 'switched: what the old sync left is put right');
	$db->agrees($one, 'after the move');
}
is(copies($call, 1), '1 rows, 1 contacts', 'switched: surplus contacts are gone');
done_testing;
