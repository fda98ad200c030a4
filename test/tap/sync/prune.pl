# What happens to contacts that nobody desires: `all` deletes them, `owned` those that flex_sync added or mapped, `none` leaves
# them. By the server's option, or by the argument, which goes before it.

use strict;
use warnings;

use FlexSync;
use Test::More;

my $db = FlexSync->start;
my $sim = $db->sim;
my $number = 0;

# A crew call with, beside two contacts that stay: one made by hand, one by flex_sync whose row is gone, a second one of a desired
# resource, and one that a row names.
sub make_crew
{
	my $element = 'element-' . ++$number;
	my $call = $db->make_call($element, 1 .. 4);
	$db->sync($call, prune => 'none');
	$db->run("DELETE FROM flex_crew_assignments WHERE crew_call_id = '$call' AND technician_id = '" . technician(3) . "'");
	$db->desire($call, 1, 2);
	return ($element, $call, $sim->add_row($element, 'by hand'), $sim->add_row($element, 'resource-2'));
}

sub leaves
{
	my ($name, $arguments, $counts, @resources) = @_;
	my ($element, $call, $by_hand, $surplus) = make_crew();
	my %planned;
	$planned{ $_->{action} }++ foreach $db->plan($call, $arguments->{prune});
	my $result = $db->sync($call, %$arguments);
	is("@{$result}{qw(status kept removed pruned failed)}", $counts, "$name: counts") or diag(explain($result));
	is_deeply([ sort map { $_->{resource} } $db->flex_contacts($element) ], [ sort @resources ], "$name: what is left in Flex");
	is($planned{prune} // 0, $result->{pruned}, "$name: the plan said so");
	is(($planned{prune} // 0) + ($planned{retain} // 0), 3, "$name: and what is retained");
	is($result->{retained}, $planned{retain} // 0, "$name: the result counts what is retained");
	my %left = map { $_->{flex_line_item_id} => $_ } grep { $_->{action} eq 'retain' } @{ $result->{diagnostics} };
	is(scalar keys %left, $planned{retain} // 0, "$name: and has a diagnostic for each") or diag(explain($result));
	is($left{$surplus}{code}, 'surplus', "$name: one of a second contact") if $left{$surplus};
	is($left{$by_hand}{code}, 'not_desired', "$name: one of a contact that nobody desires") if $left{$by_hand};
	is(scalar $db->assignments($call), 2, "$name: rows");
	my $again = $db->sync($call, %$arguments);
	is("@{$again}{qw(status pruned http_requests)}", 'ok 0 1', "$name: repeated, it is quiet");
	is("@{$again}{qw(retained)} " . $db->log_of($again->{run_id})->{retained}, ($planned{retain} // 0) . ' ' . ($planned{retain} // 0),
		"$name: it says so again, and in the log");
	return is($db->log_of($result->{run_id})->{prune}, $arguments->{prune} // $name, "$name: the log tells the policy");
}

my @crew = ('resource-1', 'resource-2');
my @all = ({ prune => 'all' }, 'ok 2 1 3 0', @crew);
my @owned = ({ prune => 'owned' }, 'ok 2 1 1 0', @crew, 'resource-2', 'by hand');
my @none = ({ prune => 'none' }, 'ok 2 1 0 0', @crew, 'resource-2', 'by hand', 'resource-3');
sub by_option { return ({}, @_[ 1 .. $#_ ]) }

leaves('all', by_option(@all));
leaves('owned by argument', @owned);
leaves('none by argument', @none);
$db->set_server(prune => 'owned');
leaves('owned', by_option(@owned));
leaves('all by argument', @all);
$db->set_server(prune => 'none');
leaves('none', by_option(@none));

# Later, another policy.
my ($element, $call) = make_crew();
$db->sync($call);
is($db->sync($call, prune => 'owned')->{pruned}, 1, 'none, then owned: what flex_sync made is still known');
is($db->sync($call, prune => 'all')->{pruned}, 2, 'then all');
$db->agrees($element, 'after all');

# A contact that was mapped, not added, is owned as well.
$call = $db->make_call('element-mapped', 1);
$sim->seed('element-mapped', [ 'resource-1', 'by hand' ]);
is($db->sync($call)->{adopted}, 1, 'a contact is adopted');
$db->run("DELETE FROM flex_crew_assignments WHERE crew_call_id = '$call'");
$db->desire($call);
is($db->sync($call, prune => 'owned')->{pruned}, 1, 'and is owned from then on');
is_deeply([ map { $_->{resource} } $db->flex_contacts('element-mapped') ], ['by hand'], 'the other is not');

is($db->sqlstate_of("SELECT flex_sync_crew('$call', prune => '$_')"), '22023', "no such policy: '$_'") foreach 'ALL', '', 'everything';
done_testing;
