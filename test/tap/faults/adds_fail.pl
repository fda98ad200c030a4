# Adds that fail: refused, lost before they were done, lost after. A sync settles what it can by listing, reports what it
# cannot, and the next one repairs it; nobody ever has two contacts, and nobody is called again who may have been called.

use strict;
use warnings;

use FlexSync;
use Test::More;
use Time::HiRes qw(sleep);

my $db = FlexSync->start(server => { request_timeout => '600ms' });
my $sim = $db->sim;

# A technician for each way to fail. In Flex nothing was done (refused, lost), or it was (done).
my %rules = (
	(map { ("refused $_" => { status => $_ }) } 400, 401, 403, 404, 405, 409, 413, 415, 422),
	(map { ("lost $_" => { status => $_ }, "done $_" => { status => $_, act => 1 }) } 202, 408, 500, 502, 503, 504),
	'lost drop' => { drop => 'before' },
	'done drop' => { drop => 'after' },
	'lost hang' => { hang => 1, act => 0 },
	'done hang' => { hang => 'after' },
	'done cut' => { cut_body => 1 },
	'lost cut' => { status => 200, body => '{"addedResourceLineIds": ["', cut_body => 1 },
	'done slow' => { slow_body => { bytes => 1, every_ms => 50 } },
	'done without an id' => { status => 200, body => '{}', act => 1 },
	'done, HTML' => { status => 200, body => '<html>', act => 1 },
	'done, empty' => { status => 200, body => '', act => 1 },
	'done, no id' => { status => 200, body => '{"id": null, "data": []}', act => 1 },
	'lost, an error in JSON' => { status => 200, body => '{"success": false, "id": null}' },
);
my @names = sort keys %rules;

sub numbers_of
{
	my ($pattern) = @_;
	return grep { $names[ $_ - 1 ] =~ $pattern } 1 .. @names;
}

sub make_crew
{
	my ($element, @numbers) = @_;
	$sim->fault(kind => 'add', path => "/$element/add-resource/resource-$_\$", %{ $rules{ $names[ $_ - 1 ] } })
	  foreach @numbers;
	return $db->make_call($element, @numbers);
}

sub adds_of
{
	my ($element) = @_;
	my %adds;
	$adds{ $_->{resource} }++ foreach $sim->log(kind => 'add', element => $element);
	return \%adds;
}

# Lost and done: the sync itself finds out, and ends ok.
my @lost = numbers_of(qr/^lost/);
my @done = numbers_of(qr/^done/);
my $call = make_crew('element-1', @lost, @done);
my $result = $db->sync($call);
is("@{$result}{qw(status failed added)}", 'ok 0 ' . (@lost + @done), 'adds whose answers are lost') or diag(explain($result));
is_deeply($result->{diagnostics}, [], 'are no trouble when a listing settled them');
$db->agrees('element-1', 'lost answers');
my $adds = adds_of('element-1');
is_deeply([ map { $adds->{"resource-$_"} } @done ], [ map { 1 } @done ], 'what was done is sent once');
is_deeply([ map { $adds->{"resource-$_"} } @lost ], [ map { 2 } @lost ], 'what was not done, twice');
is(scalar(grep { $_->{outcome} ne 'done' } $db->operations_of($result->{run_id})), scalar @lost,
	'the log tells of those whose first try is unknown');
is($db->sync($call)->{http_requests}, 1, 'the next sync is quiet');

# Refused: partial, the others are done; the next sync does the rest.
my @refused = numbers_of(qr/^refused/);
$call = make_crew('element-2', @refused, $done[0]);
$db->desire($call, @refused, $done[0], 100);
$result = $db->sync($call);
is("@{$result}{qw(status failed added)}", 'partial ' . @refused . ' 2', 'adds that are refused') or diag(explain($result));
is_deeply([ sort map { "refused $_->{http_status}" } @{ $result->{diagnostics} } ], [ grep { /^refused/ } @names ],
	'each has a diagnostic with its status');
is(scalar(grep { !$_->{technician_id} || !$_->{flex_resource_id} || $_->{action} ne 'add' || $_->{message} !~ /^Flex answered/ }
		@{ $result->{diagnostics} }), 0, 'that names the technician, and says what Flex answered');
is_deeply([ values %{ adds_of('element-2') } ], [ map { 1 } 1 .. @refused + 2 ], 'a refused add is not sent again');
$result = $db->sync($call);
is("@{$result}{qw(status kept added)}", 'ok 2 ' . @refused, 'the next sync adds them');
$db->agrees('element-2', 'after the next sync');

# 429: refused for now.
$call = $db->make_call('element-3', 1, 2);
$sim->fault(kind => 'add', path => 'resource-1$', status => 429, times => 0);
$db->set_server(deadline => '1s');
$result = $db->sync($call);
is("@{$result}{qw(status failed added)} $result->{diagnostics}[0]{code}", 'partial 1 1 rate_limited', 'too many requests');
$sim->clear_faults;
is($db->sync($call)->{status}, 'ok', 'the next sync is ok');
$db->agrees('element-3', 'too many requests');

# Lost, and no time to wait until it is sure that it was not done: it is left to a later sync.
$call = $db->make_call('element-6', 1, 2);
$sim->fault(kind => 'add', path => 'resource-1$', drop => 'before');
$result = $db->sync($call);
is("@{$result}{qw(status failed added)}", 'partial 1 1', 'no time to be sure') or diag(explain($result));
like($result->{diagnostics}[0]{message}, qr/not known whether the contact was added/, 'the diagnostic says so');
is_deeply(adds_of('element-6'), { 'resource-1' => 1, 'resource-2' => 1 }, 'it is not sent again');

# No time to find out: the next sync waits until it may add again, and adopts what was done.
$call = $db->make_call('element-4', 1, 2);
$sim->fault(kind => 'add', path => 'resource-1$', drop => 'before');
$sim->fault(kind => 'add', path => 'resource-2$', drop => 'after');
$sim->fault(kind => 'list', skip => 1, times => 0, status => 503);
$result = $db->sync($call);
is("@{$result}{qw(status added)}", 'partial 0', 'two lost answers, and no closing listing');
is_deeply([ sort map { $_->{action} } @{ $result->{diagnostics} } ], [ 'add', 'add', 'list' ], 'three diagnostics');
$sim->clear_faults;
$db->set_server(deadline => undef);
$result = $db->sync($call);
is($result->{status}, 'ok', 'the next sync');
is($result->{added} + $result->{adopted}, 2, 'adds one and finds the other');
is_deeply(adds_of('element-4'), { 'resource-1' => 2, 'resource-2' => 1 }, 'nobody is called again who was called');
$db->agrees('element-4', 'after the next sync');

$result = $db->sync($db->value(q(SELECT id FROM flex_crew_calls WHERE flex_element_id = 'element-6')));
is("@{$result}{qw(status kept added)}", 'ok 1 1', 'but by a later sync');

# Done late, after the sync took it for lost: two contacts for a while, which the next sync ends.
$call = $db->make_call('element-5', 1, 2);
$sim->fault(kind => 'add', path => 'resource-1$', hold => 'before');
is($db->sync($call)->{status}, 'ok', 'an add that is lost on its way');
$sim->release;
sleep 0.005 until $db->flex_contacts('element-5') == 3;
$result = $db->sync($call, prune => 'owned');
is("@{$result}{qw(status kept pruned)}", 'ok 2 1', 'and done late: the next sync takes it out again');
$db->agrees('element-5', 'after the next sync');

# Each place where Flex may tell the new line's id.
foreach my $shape (qw(addedResourceLineIds id lineItemId data.id data.lineItemId none))
{
	$sim->configure(shape => { add => $shape });
	$call = $db->make_call("element $shape", 1 .. 3);
	$result = $db->sync($call);
	is("@{$result}{qw(status added failed)}", 'ok 3 0', "the id in: $shape");
	is_deeply(adds_of("element $shape"), { map { ("resource-$_" => 1) } 1 .. 3 }, "the id in: $shape: one add each");
	$db->agrees("element $shape", "the id in: $shape");
}
done_testing;
