# A contact that somebody deleted in Flex by hand is back after one sync, in Flex and in the table. Others that changed by
# hand are put right by the same sync.

use strict;
use warnings;

use FlexSync;
use Test::More;

my $db = FlexSync->start;
my $call = $db->make_call('element-1', 1 .. 5);
is($db->sync($call)->{added}, 5, 'a crew of five');

sub line_of
{
	my ($number) = @_;
	my ($row) = grep { $_->{technician_id} eq technician($number) } $db->assignments($call);
	return $row->{flex_line_item_id};
}

my $old_line = line_of(2);
$db->sim->delete_line($old_line);
my $result = $db->sync($call);
is($result->{status}, 'ok', 'one contact deleted by hand');
is("@{$result}{qw(kept added stale passes)}", '4 1 1 1', 'its row goes, and it is added in the same pass');
isnt(line_of(2), $old_line, 'the row names another line');
$db->agrees('element-1', 'after one sync');
is_deeply([ map { $_->{action} } $db->operations_of($result->{run_id}) ], ['add'], 'the log tells of the add');

$db->sim->delete_line($_->{id}) foreach $db->flex_contacts('element-1');
$result = $db->sync($call);
is("@{$result}{qw(status added stale)}", 'ok 5 5', 'all contacts deleted by hand');
is(scalar @{ $result->{diagnostics} }, 0, 'is no trouble');
$db->agrees('element-1', 'after one sync');

# Deleted, and made again by hand.
$db->sim->delete_line(line_of(3));
$db->sim->add_row('element-1', 'resource-3');
$result = $db->sync($call);
is("@{$result}{qw(status kept adopted added stale)}", 'ok 4 1 0 1', 'a contact deleted and made again is adopted');
$db->agrees('element-1', 'after one sync');

# Deleted while nobody desires it; deleted, and its line is something else now; another resource in the line.
$db->sim->delete_line(line_of(1));
$db->sim->set_line(line_of(4), type => 'service-offering');
$db->sim->set_line(line_of(5), resource => 'resource-9');
$db->desire($call, 2 .. 5);
$result = $db->sync($call);
is("@{$result}{qw(status kept added removed stale)}", 'ok 2 2 1 2', 'three other changes by hand') or diag(explain($result));
$db->agrees('element-1', 'after one sync');
is(scalar(grep { $_->{type} eq 'service-offering' } @{ $db->sim->dump('element-1') }), 1, 'the line of another type is left alone');
done_testing;
