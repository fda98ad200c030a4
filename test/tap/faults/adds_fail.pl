# Adds that fail: refused, lost before they were done, lost after. A sync settles what it can by listing, reports what it cannot, and the
# next one repairs it; nobody ever has two contacts, and nobody is called again who may have been called: a lost add is not sent again
# until two listings have not shown it, the second two seconds after the answer was lost.

use strict;
use warnings;

use FlexSync;
use Test::More;
use Time::HiRes qw(sleep);

my $db = FlexSync->start(server => { request_timeout => '600ms' });
my $sim = $db->sim;

# A technician for each way to fail. In Flex nothing was done (refused, lost), or it was (done).
my %rules = (
	'refused 403' => { status => 403 },
	'refused 422' => { status => 422 },
	'lost 503' => { status => 503 },
	'done 503' => { status => 503, act => 1 },
	'lost drop' => { drop => 'before' },
	'done drop' => { drop => 'after' },
	'lost hang' => { hang => 1, act => 0 },
	'done hang' => { hang => 'after' },
	'lost cut' => { status => 200, body => '{"addedResourceLineIds": ["', cut_body => 1 },
	'done cut' => { cut_body => 1 },
	'done slow' => { slow_body => { bytes => 1, every_ms => 50 } },
	'done without an id' => { status => 200, body => '{}', act => 1 },
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

sub marks { return $db->value("SELECT count(*) FROM flex_sync_contact WHERE flex_element_id = 'element-5' AND flex_line_item_id IS NULL") }

# Lost and done: the sync itself finds out, and ends ok.
my @lost = numbers_of(qr/^lost/);
my @done = numbers_of(qr/^done/);
my $call = make_crew('element-1', @lost, @done);
my $result = $db->sync($call);
is("@{$result}{qw(status failed added)}", 'ok 0 ' . (@lost + @done), 'adds whose answers are lost') or diag(explain($result));
is_deeply($result->{diagnostics}, [], 'are no trouble when a listing settled them');
$db->agrees('element-1', 'lost answers');
is_deeply(adds_of('element-1'), { (map { (resource($_) => 1) } @done), (map { (resource($_) => 2) } @lost) },
	'what was done is sent once, what was not done twice');
is(scalar(grep { $_->{outcome} ne 'done' } $db->operations_of($result->{run_id})), scalar @lost,
	'the log tells of those whose first try is unknown');
is($db->sync($call)->{http_requests}, 1, 'the next sync is quiet');

# When it sends one again.
$call = $db->make_call('element-2', 1);
$sim->fault(kind => 'add', drop => 'before');
is($db->sync($call)->{status}, 'ok', 'an add that was lost and not done');
my @log = sort { $a->{ordinal} <=> $b->{ordinal} } $sim->log(element => 'element-2');
is_deeply([ map { $_->{kind} } @log ], [qw(list add list list add list)], 'is sent again after two listings that do not show it');
cmp_ok($log[3]{started_ms} - $log[1]{started_ms} - $log[1]{duration_ms}, '>=', 2000, 'the second of them two seconds after');
cmp_ok($log[2]{started_ms} - $log[1]{started_ms}, '<', 1000, 'the first of them at once');

# Refused: partial, the others are done; the next sync does the rest.
my @refused = numbers_of(qr/^refused/);
$call = make_crew('element-3', @refused, 100);
$result = $db->sync($call);
is("@{$result}{qw(status failed added)}", 'partial 2 1', 'adds that are refused') or diag(explain($result));
is_deeply([ map { "@{$_}{qw(action http_status technician_id flex_resource_id)} " . $_->{message} =~ s/^(Flex answered).*/$1/r } @{ $result->{diagnostics} } ],
	[ map { 'add ' . $names[ $_ - 1 ] =~ s/refused //r . ' ' . technician($_) . ' ' . resource($_) . ' Flex answered' } @refused ], 'each has a diagnostic');
is_deeply([ values %{ adds_of('element-3') } ], [ 1, 1, 1 ], 'a refused add is not sent again');
is($db->sync($call)->{added}, 2, 'the next sync adds them');
$db->agrees('element-3', 'after the next sync');

# 429: refused for now.
$db->set_server(deadline => '1500ms');
$call = $db->make_call('element-4', 1, 2);
$sim->fault(kind => 'add', path => 'resource-1$', status => 429, times => 0);
$result = $db->sync($call);
is("@{$result}{qw(status failed added)} $result->{diagnostics}[0]{code}", 'partial 1 1 rate_limited', 'too many requests');
$sim->clear_faults;

# No time to know, which is remembered: the next sync waits until it may add again, and adopts what was done.
$call = $db->make_call('element-5', 1 .. 3);
$sim->fault(kind => 'add', path => 'resource-1$', drop => 'before');
$sim->fault(kind => 'add', path => 'resource-2$', body => '{"ok": true}');
$sim->fault(kind => 'add', path => 'resource-3$', hold => 'before');
foreach my $case ([ 'no time to know', 'It is not known whether the contact was added' ],
	[ 'the next sync, just as short of time', 'The answer to an earlier add was lost' ])
{
	my ($name, $message) = @$case;
	$result = $db->sync($call);
	is("@{$result}{qw(status added failed)}", 'partial 0 3', $name) or diag(explain($result));
	is_deeply([ map { "$_->{action} $_->{code} " . $_->{message} =~ s/\. \w.*//r } @{ $result->{diagnostics} } ], [ ("add unknown $message") x 3 ],
		"$name: all outcomes are unknown");
	is(marks(), 3, "$name: all have a mark");
}
$sim->release;
$db->set_server(deadline => undef);
$result = $db->sync($call);
is("@{$result}{qw(status added adopted)}", 'ok 2 1', 'with time, the next one adds two and finds the other');
is_deeply(adds_of('element-5'), { 'resource-1' => 2, 'resource-2' => 2, 'resource-3' => 1 }, 'nobody is called again who was called');
$db->agrees('element-5', 'after it');

# The mark, for a contact that comes late, goes with a sync that ends ok more than an hour later.
$db->run("UPDATE flex_sync_contact SET noted_at = noted_at - interval '59 minutes' WHERE flex_line_item_id IS NULL");
$db->sync($call);
is(marks(), 3, 'marks of less than an hour stay');
$db->run("UPDATE flex_sync_contact SET noted_at = noted_at - interval '2 minutes' WHERE flex_line_item_id IS NULL");
$sim->fault(kind => 'list', status => 403);
$db->sync($call);
is(marks(), 3, 'a sync that fails leaves them');
$db->sync($call);
is(marks(), 0, 'one that ends ok takes them');
done_testing;
