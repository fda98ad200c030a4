# Which contacts a sync removes, and how many: `prune` says what happens to those that nobody desires, and a sync that would delete, or
# call again, more than max_removals and more than half is blocked. By the server's option, or by the argument, which goes before it.

use strict;
use warnings;

use FlexSync;
use Test::More;

my $db = FlexSync->start;
my $sim = $db->sim;
my $number = 0;

# ---- prune: `all` deletes them, `owned` those that flex_sync added or mapped, `none` leaves them

# A crew call with, beside two contacts that stay: one made by hand, one by flex_sync whose row is gone, a second one of a desired
# resource.
sub make_mixed_crew
{
	my $element = 'element-' . ++$number;
	my $call = $db->make_call($element, 1 .. 3);
	$db->sync($call, prune => 'none');
	$db->run("DELETE FROM flex_crew_assignments WHERE crew_call_id = '$call' AND technician_id = '" . technician(3) . "'");
	$db->desire($call, 1, 2);
	return ($element, $call, $sim->add_row($element, 'by hand'), $sim->add_row($element, 'resource-2'));
}

sub leaves
{
	my ($name, $arguments, @left) = @_;
	my ($element, $call, $by_hand, $surplus) = make_mixed_crew();
	my %planned = (prune => 0, retain => 0);
	$planned{ $_->{action} }++ foreach $db->plan($call, $arguments->{prune});
	my $result = $db->sync($call, %$arguments);
	is("@{$result}{qw(status kept removed failed)}", 'ok 2 0 0', "$name: counts") or diag(explain($result));
	is_deeply([ sort map { $_->{resource} } $db->flex_contacts($element) ], [ sort 'resource-1', 'resource-2', @left ], "$name: what is left in Flex");
	is("@{$result}{qw(pruned retained)}", (3 - @left) . ' ' . @left, "$name: and counted");
	is("@planned{qw(prune retain)}", "@{$result}{qw(pruned retained)}", "$name: the plan said so");
	my %code_of = map { $_->{flex_line_item_id} => $_->{code} } grep { $_->{action} eq 'retain' } @{ $result->{diagnostics} };
	is(scalar keys %code_of, scalar @left, "$name: each that is left has a diagnostic") or diag(explain($result));
	is("@code_of{$surplus, $by_hand}", 'surplus not_desired', "$name: which says why") if @left;
	my $again = $db->sync($call, %$arguments);
	is("@{$again}{qw(status pruned retained http_requests)}", 'ok 0 ' . @left . ' 1', "$name: repeated, it is quiet, and says so again");
	my $logged = $db->log_of($result->{run_id});
	return is("@{$logged}{qw(prune retained)}", ($arguments->{prune} // $name) . ' ' . @left, "$name: the log tells the policy, and what is left");
}

leaves('all', {});
leaves('owned by argument', { prune => 'owned' }, 'resource-2', 'by hand');
$db->set_server(prune => 'owned');
leaves('owned', {}, 'resource-2', 'by hand');
leaves('all by argument', { prune => 'all' });
$db->set_server(prune => 'none');
leaves('none', {}, 'resource-2', 'by hand', 'resource-3');

my ($element, $call) = make_mixed_crew();
$db->sync($call);
is($db->sync($call, prune => 'owned')->{pruned}, 1, 'none, then owned: what flex_sync made is still known');
is($db->sync($call, prune => 'all')->{pruned}, 2, 'then all');
$db->agrees($element, 'after all');

$call = $db->make_call('element-mapped', 1);
$sim->seed('element-mapped', [ 'resource-1', 'by hand' ]);
is($db->sync($call)->{adopted}, 1, 'a contact is adopted');
$db->run("DELETE FROM flex_crew_assignments WHERE crew_call_id = '$call'");
$db->desire($call);
is($db->sync($call, prune => 'owned')->{pruned}, 1, 'and is owned from then on');
is_deeply([ map { $_->{resource} } $db->flex_contacts('element-mapped') ], ['by hand'], 'the other is not');
is($db->sqlstate_of("SELECT flex_sync_crew('$call', prune => '$_')"), '22023', "no such policy: '$_'") foreach 'ALL', '', 'everything';
$db->set_server(prune => undef);

# ---- max_removals

sub make_crew
{
	my ($count) = @_;
	$element = 'element-' . ++$number;
	$call = $db->make_call($element, 1 .. $count);
	return is($db->sync($call)->{status}, 'ok', "$element: a crew of $count");
}

sub state_of_all { return [ [ $db->assignments ], [ $db->rows('SELECT * FROM flex_sync_contact ORDER BY 2, 3') ], $sim->dump ] }

sub is_blocked
{
	my ($name, $message, %arguments) = @_;
	my $before = state_of_all();
	my $result = $db->sync($call, %arguments);
	is($result->{status}, 'blocked', "$name: status") or diag(explain($result));
	like($result->{message}, $message, "$name: the message says what would happen, and the way through");
	is_deeply(state_of_all(), $before, "$name: nothing changes");
	return is($db->log_of($result->{run_id})->{status}, 'blocked', "$name: the log tells it");
}

sub goes_through
{
	my ($name, $counts, %arguments) = @_;
	my $result = $db->sync($call, %arguments);
	is("@{$result}{qw(status removed pruned stale added)}", $counts, "$name: goes through") or diag(explain($result));
	return $db->agrees($element, $name);
}

# Contacts that no row names count like the others; rows that are stale stay.
make_crew(6);
$sim->delete_line(($db->assignments($call))[0]{flex_line_item_id});
$sim->add_row($element, "by hand $_") foreach 1, 2;
$db->desire($call, 1);
is_blocked('an empty crew', qr/would delete 7 of 7 contacts.*more than max_removals \(5\) allows.*max_removals => 7\b/);
is_blocked('with one too few', qr/max_removals => 7\b/, max_removals => 6);
goes_through('with the argument', 'ok 5 2 1 1', max_removals => 7);
$db->set_server(max_removals => 0);
$db->desire($call);
is_blocked('an option of 0', qr/would delete 1 of 1/);
goes_through('the argument goes before it', 'ok 1 0 0 0', max_removals => 5);
$db->set_server(max_removals => undef);

# Everybody's contact is gone: all would be called again.
make_crew(6);
$sim->fault(kind => 'list', body => '[]');
my $result = $db->sync($call);
is("@{$result}{qw(status kept stale http_requests)}", 'ok 6 0 2', 'one listing that lies is asked for again');
$sim->delete_line($_->{id}) foreach $db->flex_contacts($element);
is_blocked('an empty element', qr/6 of 6 mapped contacts are missing from Flex.*max_removals => 6\b/);
goes_through('an empty element', 'ok 0 0 6 6', max_removals => 6);

# The crew is emptied while a sync runs: it stops there.
$db->desire($call, 1 .. 7);
$sim->fault(kind => 'add', hold => 1);
my $session = $db->session;
$session->start_sync($call);
$sim->held;
$db->desire($call);
$sim->release;
$result = $session->finish_sync;
is("@{$result}{qw(status removed)}", 'partial 0', 'the crew is emptied meanwhile');
is(scalar(grep { $_->{code} eq 'max_removals' } @{ $result->{diagnostics} }), 1, 'a diagnostic says what stopped it');
is(scalar $db->flex_contacts($element), 7, 'nobody is deleted');
is($db->sqlstate_of("SELECT flex_sync_crew('$call', max_removals => -1)"), '22023', 'a negative number');
done_testing;
