# A contact that Flex makes late, after a sync had to take its add for lost, or that it makes twice, counts as ours under every prune
# policy but none, which only reports it: the surplus one goes, the technician is never without one.

use strict;
use warnings;

use FlexSync;
use Test::More;
use Time::HiRes qw(sleep);

my $db = FlexSync->start(server => { request_timeout => '200ms' });
my $sim = $db->sim;
my $number = 0;

# A crew of two, of whom the first's add was lost and lands when a sync has added them again.
sub make_late_contact
{
	my $element = 'element-' . ++$number;
	my $call = $db->make_call($element, 1, 2);
	$sim->add_row($element, 'by hand');
	$sim->fault(kind => 'add', path => 'resource-1$', hold => 'before');
	is($db->sync($call, prune => 'owned')->{status}, 'ok', "$element: an add is lost, and made again");
	$sim->release;
	wait_for_contacts($element, 4);
	return ($element, $call);
}

sub resources
{
	my ($element) = @_;
	my @resources = sort map { $_->{resource} } $db->flex_contacts($element);
	return @resources;
}

sub wait_for_contacts
{
	my ($element, $count) = @_;
	my $tries = 0;
	sleep 0.005 until resources($element) == $count || ++$tries > 2000;
	return is(scalar resources($element), $count, "$element: the contact lands");
}

my @crew = ('resource-1', 'resource-2');
foreach my $case ([ all => 2, @crew ], [ owned => 1, 'by hand', @crew ], [ none => 0, 'by hand', 'resource-1', @crew ])
{
	my ($prune, $pruned, @left) = @$case;
	my ($element, $call) = make_late_contact();
	my @rows = map { $_->{flex_line_item_id} } $db->assignments($call);
	my @reported = grep { $_->{action} eq 'retain' } $db->plan($call, $prune);
	my $result = $db->sync($call, prune => $prune);
	is("@{$result}{qw(status kept added pruned)}", "ok 2 0 $pruned", "$prune: the next sync") or diag(explain($result));
	is_deeply([ resources($element) ], \@left, "$prune: what is left in Flex");
	is_deeply([ map { $_->{flex_line_item_id} } $db->assignments($call) ], \@rows, "$prune: the rows' own contacts stay");
	is(scalar @reported, 2 - $pruned, "$prune: what stays is reported by the plan");
}

# It lands when nobody desires the technician any more.
my $element = 'element-' . ++$number;
my $call = $db->make_call($element, 1, 2);
$db->set_server(deadline => '1s');
$sim->fault(kind => 'add', path => 'resource-1$', hold => 'before');
is($db->sync($call, prune => 'owned')->{status}, 'partial', 'an add that a short sync loses');
$db->set_server(deadline => undef);
$db->desire($call, 2);
is($db->sync($call, prune => 'owned')->{status}, 'ok', 'the technician is withdrawn');
$sim->release;
wait_for_contacts($element, 2);
my $result = $db->sync($call, prune => 'owned');
is("@{$result}{qw(status kept pruned)}", 'ok 1 1', 'the contact that lands then is ours');
is_deeply([ resources($element) ], ['resource-2'], 'and goes');

# Flex does one add twice, and says nothing of it.
$element = 'element-' . ++$number;
$call = $db->make_call($element, 1, 2);
$sim->fault(kind => 'add', path => 'resource-1$', hold => 'after', drop => 'after');
my $session = $db->session;
$session->start_sync($call, prune => 'owned');
$sim->held;
$sim->add_row($element, 'resource-1');
$sim->release;
$result = $session->finish_sync;
is("@{$result}{qw(status added pruned)}", 'ok 2 1', 'an add that was lost and done twice') or diag(explain($result));
is_deeply([ resources($element) ], \@crew, 'the surplus one goes');
$db->agrees($element, 'after it');

# The same when somebody added it who is no part of us: without a mark it is a person's.
$element = 'element-' . ++$number;
$call = $db->make_call($element, 1, 2);
$db->sync($call);
$sim->add_row($element, 'resource-1');
$result = $db->sync($call, prune => 'owned');
is("@{$result}{qw(status pruned)}", 'ok 0', 'a second contact without a mark is a person\'s');
is_deeply([ resources($element) ], [ 'resource-1', @crew ], 'and stays');
done_testing;
