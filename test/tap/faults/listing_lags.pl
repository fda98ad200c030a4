# A listing that lags behind what Flex accepted: nobody is called twice, no row is dropped; ok when it shows within a few seconds, else
# partial, and the next sync, when it has caught up, is ok.

use strict;
use warnings;

use FlexSync;
use Test::More;
use Time::HiRes qw(time);

my $db = FlexSync->start;
my $sim = $db->sim;
my $number = 0;

sub changed_crew
{
	my $element = 'element-' . ++$number;
	$sim->configure(listing_lag_ms => 0, hide_adds => 0);
	my $call = $db->make_call($element, 1 .. 3);
	is($db->sync($call)->{status}, 'ok', "$element: a crew");
	$db->desire($call, 2, { technician => 3, role => 'role-3' }, 4, { technician => 5, role => 'role-5' });
	$sim->clear_log;
	return ($element, $call);
}

sub is_called_once
{
	my ($element, $name) = @_;
	my %adds;
	$adds{ $_->{resource} }++ foreach $sim->log(kind => 'add', element => $element);
	return is_deeply(\%adds, { 'resource-4' => 1, 'resource-5' => 1 }, "$name: each is called once");
}

foreach my $lag (300, 1500)
{
	my ($element, $call) = changed_crew();
	$sim->configure(listing_lag_ms => $lag);
	my $result = $db->sync($call);
	is("@{$result}{qw(status kept added removed roles_set failed passes)}", 'ok 2 2 1 2 0 1', "a lag of $lag ms: ok in one pass") or diag(explain($result));
	is_called_once($element, "a lag of $lag ms");
	is($sim->counts->{delete}, 1, "a lag of $lag ms: one deletion");
	is($sim->counts->{role}, 2, "a lag of $lag ms: two roles");
	$db->agrees($element, "a lag of $lag ms");
}

# More than a few seconds.
my ($element, $call) = changed_crew();
$sim->configure(listing_lag_ms => 20_000);
my $begun = time;
my $result = $db->sync($call);
cmp_ok(time - $begun, '<', 10, 'a lag of 20 s is not waited for');
is($result->{status}, 'partial', 'a lag of 20 s: partial');
is_deeply([ sort map { "$_->{action} $_->{code}" } @{ $result->{diagnostics} } ],
	[ 'keep not_shown', 'keep not_shown', 'remove still_shown' ], 'each thing that is not shown has a diagnostic')
  or diag(explain($result));
is("@{$result}{qw(desired kept added removed)}", '4 2 2 1', 'what was done counts');
is(scalar $db->assignments($call), 4, 'the rows are there');
my @rows = $db->assignments($call);
$db->set_server(deadline => '1s');
$result = $db->sync($call);
is($result->{status}, 'partial', 'the next sync, before it has caught up');
is_called_once($element, 'before it has caught up');
is_deeply([ map { $_->{flex_line_item_id} } $db->assignments($call) ], [ map { $_->{flex_line_item_id} } @rows ], 'the rows stay');
$sim->configure(listing_lag_ms => 0);
$result = $db->sync($call);
is("@{$result}{qw(status kept)}", 'ok 4', 'and when it has');
is_called_once($element, 'when it has');
$db->agrees($element, 'when it has');

# Somebody is withdrawn, and wanted again, before a listing shows anything of it.
($element, $call) = changed_crew();
$sim->configure(listing_lag_ms => 20_000);
$db->sync($call);
$db->desire($call, 2, 3, 4);
is($db->sync($call)->{status}, 'partial', 'one whom no listing has shown is withdrawn');
is_deeply([ sort map { $_->{resource} } $db->flex_contacts($element) ], [ map { "resource-$_" } 2, 3, 4 ], 'and taken out');
$sim->configure(listing_lag_ms => 0);
is($db->sync($call)->{status}, 'ok', 'when it has caught up');
$db->agrees($element, 'when it has caught up');

# Adds that never show, in one sync: accepted once.
($element, $call) = changed_crew();
$sim->configure(hide_adds => 1);
$result = $db->sync($call);
is("@{$result}{qw(status added failed)}", 'partial 2 2', 'adds that never show');
is_called_once($element, 'adds that never show');
is(scalar $db->assignments($call), 4, 'their rows are there');
$sim->configure(hide_adds => 0);
$sim->set_line($_->{id}, hidden => 0) foreach $db->flex_contacts($element);
is($db->sync($call)->{status}, 'ok', 'when they show');
$db->agrees($element, 'when they show');
done_testing;
