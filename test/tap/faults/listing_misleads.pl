# A listing that is whole and wrong once, one that lags behind what Flex accepted, and one that never shows a contact: nobody is called
# twice, and no row is dropped.

use strict;
use warnings;

use FlexSync;
use Test::More;
use Time::HiRes qw(time);

my $db = FlexSync->start(server => { max_removals => 100 });
my $sim = $db->sim;
my $number = 0;

sub make_crew
{
	my ($size) = @_;
	my $element = 'element-' . ++$number;
	my $call = $db->make_call($element, 1 .. $size);
	is($db->sync($call)->{status}, 'ok', "$element: a crew of $size");
	$sim->clear_log;
	return ($element, $call);
}

sub called { return join ' ', sort map { $_->{resource} } $sim->log(kind => 'add') }

# ---- empty, or with half of the rows, once: at the start of a sync, and at its end

foreach my $case ([ 'empty at the start', 0, body => '[]' ], [ 'half at the start', 0, half_listing => 1 ],
	[ 'empty at the end', 1, body => '[]' ], [ 'half at the end', 1, half_listing => 1 ])
{
	my ($name, $skip, %fault) = @$case;
	my ($element, $call) = make_crew(6);
	my @before = $db->assignments($call);
	my @wanted = $skip ? (1, 2, 7) : (1 .. 6);
	$db->desire($call, @wanted);
	$sim->fault(kind => 'list', skip => $skip, %fault);
	my $result = $db->sync($call);
	is($result->{status}, 'ok', "$name: the sync") or diag(explain($result));
	is(called(), $skip ? 'resource-7' : '', "$name: nobody is called again");
	is_deeply([ grep { $_->{technician_id} ne technician(7) } $db->assignments($call) ], [ @before[ map { $_ - 1 } grep { $_ < 7 } @wanted ] ],
		"$name: no row was touched");
	$db->agrees($element, $name);
}

# ---- a lag

sub change
{
	my ($call, $lag) = @_;
	$db->desire($call, 2, { technician => 3, role => 'role-3' }, 4, { technician => 5, role => 'role-5' });
	$sim->configure(listing_lag_ms => $lag);
	return $db->sync($call);
}

my ($element, $call) = make_crew(3);
my $result = change($call, 1500);
is("@{$result}{qw(status kept added removed roles_set failed passes)}", 'ok 2 2 1 2 0 1', 'a lag of 1.5 s: ok in one pass') or diag(explain($result));
is_deeply([ map { $sim->counts->{$_} } qw(add delete role) ], [ 2, 1, 2 ], 'a lag of 1.5 s: each change is sent once');
$db->agrees($element, 'a lag of 1.5 s');

# More than a few seconds.
$sim->configure(listing_lag_ms => 0);
($element, $call) = make_crew(3);
my $begun = time;
$result = change($call, 20_000);
cmp_ok(time - $begun, '<', 10, 'a lag of 20 s is not waited for');
is("@{$result}{qw(status desired kept added removed)}", 'partial 4 2 2 1', 'a lag of 20 s: partial, and what was done counts');
is_deeply([ sort map { "$_->{action} $_->{code}" } @{ $result->{diagnostics} } ],
	[ 'keep not_shown', 'keep not_shown', 'remove still_shown' ], 'each thing that is not shown has a diagnostic')
  or diag(explain($result));
my @rows = $db->assignments($call);
$db->set_server(deadline => '600ms');
is($db->sync($call)->{status}, 'partial', 'the next sync, before it has caught up');
is_deeply([ map { $_->{flex_line_item_id} } $db->assignments($call) ], [ map { $_->{flex_line_item_id} } @rows ], 'the four rows stay');
$sim->configure(listing_lag_ms => 0);
is(scalar @rows . " @{$db->sync($call)}{qw(status kept)}", '4 ok 4', 'and when it has');
is(called(), 'resource-4 resource-5', 'each is called once in all that');
$db->agrees($element, 'when it has');

# ---- never shown: made again at the earliest after one minute, then two, four, … up to a day

($element, $call) = make_crew(2);

sub age
{
	my ($interval) = @_;
	return $db->run("UPDATE flex_sync_contact SET noted_at = noted_at - interval '$interval' WHERE NOT was_shown");
}

sub adds_of_a_sync
{
	my ($name, $adds) = @_;
	$sim->clear_log;
	$result = $db->sync($call);
	is($result->{status} . ' ' . ($sim->counts->{add} // 0), "partial $adds", "$name: partial, adds");
	is_deeply([ map { "$_->{code} $_->{technician_id}" } @{ $result->{diagnostics} } ], [ 'not_shown ' . technician(3) ], "$name: says who is not shown");
	return is(scalar $db->assignments($call), 3, "$name: the row stays");
}

$sim->configure(hide_adds => 1);
$db->desire($call, 1 .. 3);
adds_of_a_sync('the first', 1);
adds_of_a_sync('the next', 0);
foreach my $minutes (1, 2)
{
	age(($minutes * 60 - 10) . ' seconds');
	adds_of_a_sync("$minutes min less 10 s", 0);
	age('11 seconds');
	adds_of_a_sync("$minutes min", 1);
}
is($db->value('SELECT max(tries) FROM flex_sync_contact'), 3, 'the tries are counted');

# Flex shows one of them after all, while all are still waited for: the pause is never longer than a day.
$db->run('UPDATE flex_sync_contact SET tries = 20 WHERE NOT was_shown');
age('23 hours 50 minutes');
$sim->configure(hide_adds => 0);
$sim->set_line((grep { $_->{technician_id} eq technician(3) } $db->assignments($call))[0]{flex_line_item_id}, hidden => 0);
$sim->clear_log;
is("@{$db->sync($call)}{qw(status kept)}", 'ok 3', 'the one that its row names is shown');
is($sim->counts->{delete}, 2, 'the others, which Flex accepted too, are taken out by their ids');
is_deeply([ grep { $_->{hidden} } $db->flex_contacts($element) ], [], 'none of them is left to show');
$db->agrees($element, 'in the end');

# Many who are not shown are no reason to call all of them again without asking.
$db->set_server(max_removals => 2);
my $many = $db->make_call('many', 1 .. 4);
$sim->configure(hide_adds => 1);
is($db->sync($many)->{status}, 'partial', 'four who are never shown');
age('61 seconds');
$result = $db->sync($many);
like("$result->{status}: $result->{message}", qr/^blocked: .*4 of 4 mapped contacts are missing from Flex.*max_removals => 4\b/, 'are not all called again');
$sim->configure(hide_adds => 0);
$result = $db->sync($many, max_removals => 4);
is("@{$result}{qw(status added stale)}", 'ok 4 4', 'but with the argument');
done_testing;
