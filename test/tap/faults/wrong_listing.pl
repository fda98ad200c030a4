# A listing that is whole and wrong once in between, empty or with half of the rows, does no harm: at the start of a sync and at its end.

use strict;
use warnings;

use FlexSync;
use Test::More;

my $db = FlexSync->start(server => { max_removals => 100 });
my $sim = $db->sim;
my $number = 0;

sub does_no_harm
{
	my ($name, $size, $skip, $wanted, %fault) = @_;
	my $element = 'element-' . ++$number;
	my $call = $db->make_call($element, 1 .. $size);
	is($db->sync($call)->{status}, 'ok', "$name: a crew of $size");
	my @before = $db->assignments($call);
	$db->desire($call, @$wanted);
	$sim->clear_log;
	$sim->fault(kind => 'list', skip => $skip, %fault);
	my $result = $db->sync($call);
	$sim->clear_faults;
	is($result->{status}, 'ok', "$name: the sync") or diag(explain($result));
	my %is_old = map { resource($_) => 1 } 1 .. $size;
	is_deeply([ grep { $is_old{ $_->{resource} } } $sim->log(kind => 'add') ], [], "$name: nobody is called again");
	my %kept = map { technician($_) => 1 } @$wanted;
	is_deeply(
		[ grep { $is_old{ resource(substr($_->{technician_id}, -3) + 0) } } $db->assignments($call) ],
		[ grep { $kept{ $_->{technician_id} } } @before ],
		"$name: no row was touched");
	return $db->agrees($element, $name);
}

foreach my $size (2 .. 7)
{
	does_no_harm("empty at the start, $size", $size, 0, [ 1 .. $size ], body => '[]');
	does_no_harm("half at the start, $size", $size, 0, [ 1 .. $size ], half_listing => 1) if $size >= 4;
}
does_no_harm('empty at the end', 6, 1, [ 1 .. 7 ], body => '[]');
does_no_harm('half at the end', 6, 1, [ 1 .. 7 ], half_listing => 1);
does_no_harm('empty at the end of a sync that removes', 6, 1, [ 1, 2, 7 ], body => '[]');
does_no_harm('half at the end of a sync that removes', 6, 1, [ 1, 2, 7 ], half_listing => 1);
done_testing;
