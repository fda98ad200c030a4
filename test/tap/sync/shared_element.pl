# Several crew calls that point at one element are one crew: a sync of any of them syncs all. The desired crew is the union, the
# rows of all calls are written, the result counts (call, technician) pairs and names the call that was asked for.

use strict;
use warnings;

use FlexSync;
use Test::More;

my $db = FlexSync->start;
my $sound = $db->make_call('element-1', 1, 2);
my $lights = $db->make_call('Element-1');    # another element: these ids are no UUIDs
my $video = $db->make_call('element-1', 2, 3);
my $other = $db->make_call('element-2', 9);

sub members { return [ map { "$_->{crew_call_id} $_->{technician_id}" } $db->assignments ] }

my $result = $db->sync($video);
is($result->{crew_call_id}, $video, 'the result names the call that was asked for');
is("@{$result}{qw(status desired added adopted)}", 'ok 4 3 1', 'pairs are counted; who is there for another call is adopted');
is($db->sim->counts->{add}, 3, 'nobody is called twice');
is_deeply(members(), [ map { $_->[0] . ' ' . technician($_->[1]) } [ $sound, 1 ], [ $sound, 2 ], [ $video, 2 ], [ $video, 3 ] ],
	'the rows of both calls are written');
$db->agrees('element-1', 'after the first sync');
is($db->log_of($result->{run_id})->{crew_call_id}, $video, 'so does the log');

$result = $db->sync($sound);
is("@{$result}{qw(crew_call_id status desired kept http_requests)}", "$sound ok 4 4 1", 'a sync of the other call has nothing to do');

# One of two calls lets somebody go: only the row goes. Then the other one: the contact, too.
$db->desire($sound, 1);
$result = $db->sync($video);
is("@{$result}{qw(status desired kept removed stale)}", 'ok 3 3 0 1', 'no longer on one of two calls');
$db->agrees('element-1', 'the contact stays for the other call');
$db->desire($video, 3);
$result = $db->sync($sound);
is("@{$result}{qw(status desired kept removed stale)}", 'ok 2 2 1 0', 'no longer on either');
$db->agrees('element-1', 'the contact goes');

# Two technicians with one resource, on one call and on two.
$db->desire($sound, 1, { technician => 4, resource => 'resource-1' });
$db->desire($video, 3, { technician => 5, resource => 'resource-1' });
$result = $db->sync($sound);
is("@{$result}{qw(status desired kept adopted added)}", 'ok 4 2 2 0', 'technicians who share a resource share its contact');
$db->agrees('element-1', 'a shared resource');
$db->desire($sound, { technician => 4, resource => 'resource-1' });
$result = $db->sync($sound);
is("@{$result}{qw(status kept removed stale)}", 'ok 3 0 1', 'the contact stays while one of them does');

# Rows that name several contacts of one resource: the first listed of them stays.
my @lines = $db->sim->seed('element-1', [ 'resource-3', 'resource-1', 'resource-1', 'resource-1' ]);
$db->run('DELETE FROM flex_crew_assignments');
$db->desire($sound, 1);
$db->desire($video, 3, { technician => 5, resource => 'resource-1' });
$db->assign($sound, 1, $lines[3]);
$db->assign($video, 5, $lines[2]);
$result = $db->sync($sound);
is("@{$result}{qw(status desired failed)}", 'ok 3 0', 'rows that name two contacts of one resource') or diag(explain($result));
is($result->{removed} + $result->{pruned}, 2, 'the other contacts go');
is_deeply([ map { $_->{id} } $db->flex_contacts('element-1') ], [ @lines[ 0, 2 ] ], 'the first listed of those that are named stays');
$db->agrees('element-1', 'one contact for a resource');

# Different roles for one resource.
$db->desire($sound, { technician => 1, role => 'role-1' });
$db->desire($video, 3, { technician => 1, role => 'role-2' });
$result = $db->sync($sound);
is("@{$result}{qw(status roles_set)} $result->{diagnostics}[0]{code}", 'ok 0 role_conflict', 'roles that conflict: a diagnostic, no role');

is_deeply([ $db->assignments($_) ], [], 'calls of other elements are none of its business') foreach $lights, $other;
is($db->value("SELECT flex_sync_lock_key('$sound') = flex_sync_lock_key('$video')
	AND flex_sync_lock_key('$sound') <> flex_sync_lock_key('$lights')"), 1, 'one lock for an element');
done_testing;
