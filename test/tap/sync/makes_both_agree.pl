# A sync makes Flex and the tables agree, the first one and the one after each change.

use strict;
use warnings;

use FlexSync;
use Test::More;

my @counts = qw(desired kept adopted added removed stale pruned roles_set skipped failed passes);

my $db = FlexSync->start;
my $call = $db->make_call('element-1', 1 .. 3);

sub sync_counts
{
	my ($name, %expected) = @_;
	my $result = $db->sync($call);
	is($result->{status}, 'ok', "$name: status") or diag(explain($result));
	my %counted = map { $_ => $result->{$_} } grep { $result->{$_} } @counts;
	is_deeply(\%counted, \%expected, "$name: counts");
	return $db->agrees('element-1', $name);
}

sync_counts('nothing there', desired => 3, added => 3, passes => 1);
sync_counts('nothing to do', desired => 3, kept => 3, passes => 1);

$db->desire($call, 2, { technician => 4, role => 'role-1' }, { technician => 5, resource => undef });
sync_counts(
	'a changed crew',
	desired => 3, kept => 1, added => 1, removed => 2, roles_set => 1, skipped => 1, passes => 1);

$db->sim->add_row('element-1', 'resource-6');
$db->sim->add_row('element-1', 'resource-7');
$db->desire($call, 2, 4, 6);
sync_counts(
	'contacts made by hand, one of somebody desired',
	desired => 3, kept => 2, adopted => 1, pruned => 1, passes => 1);

$db->desire($call);
sync_counts('nobody desired', removed => 3, passes => 1);

done_testing;
