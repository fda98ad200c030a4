# A contact that Flex accepts and no listing ever shows is left alone and reported, and made again at the earliest after one minute, then
# two, four, … up to a day. Its row stays meanwhile. As soon as a listing shows one, that one counts.

use strict;
use warnings;

use FlexSync;
use Test::More;

my $db = FlexSync->start(server => { deadline => '600ms' });
my $sim = $db->sim;
my $call = $db->make_call('element-1', 1, 2);
is($db->sync($call)->{status}, 'ok', 'a crew of two');

sub age
{
	my ($interval) = @_;
	return $db->run("UPDATE flex_sync_contact SET noted_at = noted_at - interval '$interval' WHERE NOT was_shown");
}

sub adds_of_a_sync
{
	my ($name, $adds) = @_;
	$sim->clear_log;
	my $result = $db->sync($call);
	is($result->{status}, 'partial', "$name: partial");
	is($sim->counts->{add} // 0, $adds, "$name: adds");
	is(scalar @{ $result->{diagnostics} }, 1, "$name: one diagnostic") or diag(explain($result));
	is($result->{diagnostics}[0]{code}, 'not_shown', "$name: says that it is not shown");
	is($result->{diagnostics}[0]{technician_id}, technician(3), "$name: and whose it is");
	is(scalar(my @rows = $db->assignments($call)), 3, "$name: the row stays");
	return;
}

$sim->configure(hide_adds => 1);
$db->desire($call, 1 .. 3);
adds_of_a_sync('the first', 1);
adds_of_a_sync('the next', 0);

# Just before the pause is over, and just after.
foreach my $minutes (1, 2, 4, 8)
{
	age(($minutes * 60 - 10) . ' seconds');
	adds_of_a_sync("$minutes min less 10 s", 0);
	age('11 seconds');
	adds_of_a_sync("$minutes min", 1);
	adds_of_a_sync("after it", 0);
}
is($db->value('SELECT max(tries) FROM flex_sync_contact'), 5, 'the tries are counted');
$db->run("UPDATE flex_sync_contact SET tries = 20 WHERE NOT was_shown");
age('23 hours 50 minutes');
adds_of_a_sync('the pause is never longer than a day: before', 0);
age('11 minutes');
adds_of_a_sync('after', 1);

# Flex shows one of them after all.
$db->run("UPDATE flex_sync_contact SET noted_at = now() - interval '1 hour' WHERE NOT was_shown");
$sim->configure(hide_adds => 0);
my ($row) = grep { $_->{technician_id} eq technician(3) } $db->assignments($call);
$sim->set_line($row->{flex_line_item_id}, hidden => 0);
$sim->clear_log;
my $result = $db->sync($call);
is("@{$result}{qw(status kept)}", 'ok 3', 'the one that its row names is shown');
is($sim->counts->{delete}, 5, 'the others, which Flex accepted too, are taken out by their ids');

# None of the others is left to show.
$sim->set_line($_->{id}, hidden => 0) foreach grep { $_->{hidden} } $db->flex_contacts('element-1');
$result = $db->sync($call, prune => 'owned', max_removals => 10);
is("@{$result}{qw(status kept)}", 'ok 3', 'all are shown');
is($result->{pruned}, 0, 'nothing is left to prune');
$db->agrees('element-1', 'in the end');

# Many who are not shown are no reason to call all of them again without asking.
$db->set_server(max_removals => 2);
my $many = $db->make_call('element-2', 1 .. 4);
$sim->configure(hide_adds => 1);
is($db->sync($many)->{status}, 'partial', 'four who are never shown');
age('61 seconds');
$result = $db->sync($many);
is($result->{status}, 'blocked', 'are not all called again');
like($result->{message}, qr/4 of 4 mapped contacts are missing from Flex.*max_removals => 4\b/, 'without being asked to');
$sim->configure(hide_adds => 0);
$result = $db->sync($many, max_removals => 4);
is("@{$result}{qw(status added stale)}", 'ok 4 4', 'with the argument they are');
done_testing;
