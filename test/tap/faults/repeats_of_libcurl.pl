# A kept connection that dies without an answer makes libcurl send the request again by itself, a POST too. An add is on the wire
# once all the same. The simulator's log tells, not our own count; that of the result agrees with it.

use strict;
use warnings;

use FlexSync;
use Test::More;

my $db = FlexSync->start(server => { max_parallel => 1 });
my $sim = $db->sim;
my $number = 0;
my $session = $db->session;

sub adds_of
{
	my ($element) = @_;
	my %adds;
	$adds{ $_->{resource} }++ foreach $sim->log(kind => 'add', element => $element);
	return \%adds;
}

# Syncs a crew of two under a fault. The listing opens the connection that the adds then use.
sub sync_with
{
	my ($name, %fault) = @_;
	my $element = 'element-' . ++$number;
	my $call = $db->make_call($element, 1, 2);
	$sim->clear_log;
	$sim->fault(%fault);
	my $result = $session->sync($call);
	my @log = $sim->log;
	# What is sent to a connection that is closed just then, the simulator never sees.
	my $unseen = $fault{close_idle} ? 1 : 0;
	my $seen = $result->{http_requests} - @log;
	ok($seen >= 0 && $seen <= $unseen, "$name: http_requests is what was on the wire") or diag($seen);
	return ($element, $result, $name);
}

sub is_added_once
{
	my ($element, $result, $name) = @_;
	is("@{$result}{qw(status added failed)}", 'ok 2 0', "$name: the sync") or diag(explain($result));
	is_deeply(adds_of($element), { 'resource-1' => 1, 'resource-2' => 1 }, "$name: each add is on the wire once");
	is(scalar $db->flex_contacts($element), 2, "$name: two contacts");
	return $db->agrees($element, $name);
}

is_added_once(sync_with('dropped after it was done', kind => 'add', kept => 1, drop => 'after'));
is(scalar(grep { $_->{kept} } $sim->log(kind => 'add')), 1, 'it was on a kept connection');
is_added_once(sync_with('both dropped after they were done', kind => 'add', drop => 'after', times => 2));

# Closed while idle, at once and just when the next request is on its way: the add was never done, or never came.
foreach my $after (1, 2, 5)
{
	my ($element, $result, $name) = sync_with("closed while idle after $after ms", kind => 'list', close_idle => $after);
	is("@{$result}{qw(status added failed)}", 'ok 2 0', "$name: the sync") or diag(explain($result));
	is_deeply([ grep { $_ > 2 } values %{ adds_of($element) } ], [], "$name: no add is on the wire more than twice");
	is(scalar $db->flex_contacts($element), 2, "$name: two contacts");
}

# A lost connection between two syncs is no trouble at all.
my $call = $db->make_call('element-idle', 1);
$sim->fault(kind => 'list', skip => 1, close_idle => 1);
is($session->sync($call)->{status}, 'ok', 'a connection is closed after a sync');
select undef, undef, undef, 0.05;
$db->desire($call, 1, 2);
$sim->clear_log;
my $result = $session->sync($call);
is("@{$result}{qw(status added passes)}", 'ok 1 1', 'the next sync opens another one');
is($sim->counts->{add}, 1, 'and adds once');

# Deletions are repeated, by libcurl and by us: harmless, and counted.
$db->desire($call, 1);
$sim->clear_log;
$sim->fault(kind => 'delete', kept => 1, drop => 'after');
$result = $session->sync($call);
is("@{$result}{qw(status removed)}", 'ok 1', 'a deletion on a connection that dies');
is($result->{http_requests}, scalar(my @log = $sim->log), 'is counted as often as it was on the wire');

# The same through TLS.
my $tls = FlexSim->start(tls => 1);
$tls->seed('element-tls', []);
$db->set_server(url => $tls->url, ca_file => $tls->ca_file);
$call = $db->make_call('element-tls', 1, 2);
$tls->fault(kind => 'add', kept => 1, drop => 'after');
$result = $session->sync($call);
is("@{$result}{qw(status added failed)}", 'ok 2 0', 'an add through TLS on a connection that dies') or diag(explain($result));
is_deeply([ sort map { $_->{resource} } $tls->log(kind => 'add') ], [ 'resource-1', 'resource-2' ], 'each add is on the wire once');
is(scalar(my @wire = $tls->log), $result->{http_requests}, 'and http_requests is what was on the wire');
done_testing;
