# Where the front end of Flex offers HTTP/2, a sync goes over one connection, many requests at once, and takes compressed answers.
# When that connection is closed with adds under way, each add is on the wire once all the same. nghttpx is the front end.

use strict;
use warnings;

use FlexSync;
use Http2Front;
use Test::More;

my $db = FlexSync->start(server => { max_parallel => 6 });
my $sim = $db->sim;
my $front = Http2Front->start($sim);
$db->set_server(url => $front->url, ca_file => $sim->ca_file);
my $session = $db->session;

sub distinct
{
	my %seen = map { $_ => 1 } @_;
	return [ sort keys %seen ];
}

# Many adds and roles, some time each.
my $call = $db->make_call('element-1', map { { technician => $_, role => 'role-1' } } 1 .. 30);
$sim->configure(latency_by_kind_ms => { add => 50, role => 50 });
$sim->clear_log;
my $result = $session->sync($call);
is("@{$result}{qw(status added roles_set failed)}", 'ok 30 30 0', 'a sync of thirty adds') or diag(explain($result));
$db->agrees('element-1', 'by HTTP/2');
my @log = $front->log;
is(scalar @log, $result->{http_requests}, 'http_requests is what was on the wire');
is_deeply(distinct(map { $_->{protocol} } @log), ['h2'], 'every request went by HTTP/2');
is(scalar @{ distinct(map { $_->{port} } @log) }, 1, 'over one connection');
is($sim->counts->{max_in_flight}, 6, 'with as many requests at once as max_parallel says');

$db->desire($call, 11 .. 40);
$result = $session->sync($call, max_removals => 100);
is("@{$result}{qw(status added removed)}", 'ok 10 10', 'the next sync, which adds and removes');
is(scalar @{ distinct(map { $_->{port} } $front->log) }, 1, 'goes over the same connection');
$sim->configure(latency_by_kind_ms => {});

# Compressed answers.
my @bytes;
foreach my $compress (0, 1)
{
	$sim->configure(compress => $compress ? JSON::PP::true : JSON::PP::false);
	$front->clear_log;
	is($session->sync($call)->{status}, 'ok', $compress ? 'a compressed listing is understood' : 'a listing as it is');
	push @bytes, ($front->log)[0]{bytes};
}
cmp_ok($bytes[1], '<', $bytes[0] / 4, "and is small: $bytes[1] bytes for $bytes[0]");

# What the front end itself says when Flex leaves without an answer.
$call = $db->make_call('element-2', 1 .. 3);
$sim->clear_log;
$sim->fault(kind => 'add', element => 'element-2', drop => 'after');
$result = $session->sync($call);
is("@{$result}{qw(status added failed)}", 'ok 3 0', 'an add that the front end answers with an error') or diag(explain($result));
is_deeply([ sort map { $_->{resource} } $sim->log(kind => 'add') ], [ map { resource($_) } 1 .. 3 ], 'each add is on the wire once');
$db->agrees('element-2', 'after it');

# The connection is closed with six adds under way on it. They are done afterwards. The listing waits until the front end is back.
$db->set_server(retries => 20);
$call = $db->make_call('element-3', 1 .. 6);
$front->clear_log;
$sim->clear_log;
$sim->fault(kind => 'add', element => 'element-3', hold => 'before', times => 0);
$session->start_sync($call);
is(scalar(my @held = $sim->held(30, 6)), 6, 'six adds are under way');
$front->kill;
$sim->clear_faults;
$sim->release;
$front->start_again;
$result = $session->finish_sync;
is("@{$result}{qw(status added failed)}", 'ok 6 0', 'adds on a connection that is closed without an answer') or diag(explain($result));
is_deeply([ sort map { $_->{resource} } $sim->log(kind => 'add') ], [ map { resource($_) } 1 .. 6 ], 'each add is on the wire once');
is_deeply(distinct(map { $_->{outcome} } grep { $_->{action} eq 'add' } $db->operations_of($result->{run_id})),
	['done'], 'and the log says what a listing settled');
is_deeply(distinct(map { $_->{protocol} } $front->log), ['h2'], 'the new connection is HTTP/2 again');
$db->agrees('element-3', 'after it');
done_testing;
