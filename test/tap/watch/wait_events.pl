# What a sync waits for shows in pg_stat_activity, by a name of its own from PostgreSQL 17 on.

use strict;
use warnings;

use FlexSync;
use Test::More;

my $db = FlexSync->start;
my $sim = $db->sim;
my $call = $db->make_call('element-1', 1);
my $session = $db->session;
my $has_names = $db->value(q{SELECT current_setting('server_version_num')::int}) >= 170000;

# Returns once it waits so; croaks if it ends without.
sub waits_for
{
	my ($name) = @_;
	my $event = 'Extension/' . ($has_names ? $name : 'Extension');
	my $query = "SELECT wait_event_type || '/' || wait_event = '$event' FROM pg_stat_activity WHERE pid = " . $session->pid;
	ok($db->wait_until($query, sub { !$session->is_running }), "it waits for $event");
	return;
}

$sim->fault(kind => 'list', hold => 'before');
$session->start_sync($call);
$sim->held(10, 1);
waits_for('FlexSyncList');
$sim->release;
is($session->finish_sync->{status}, 'ok', 'a listing that takes its time');

$db->desire($call, 1, 2);
$sim->fault(kind => 'add', hold => 'before');
$session->start_sync($call);
$sim->held(10, 1);
waits_for('FlexSyncChange');
$sim->release;
is($session->finish_sync->{status}, 'ok', 'an add that takes its time');

$sim->fault(kind => 'list', status => 429, headers => { 'Retry-After' => '1' });
$session->start_sync($call);
waits_for('FlexSyncRepeat');
is($session->finish_sync->{status}, 'ok', 'a request that Flex wants later');

$db->desire($call, 1, 2, 3);
$sim->fault(kind => 'add', drop => 'before');
$session->start_sync($call);
waits_for('FlexSyncConfirm');
is($session->finish_sync->{status}, 'ok', 'an add whose answer is lost');

done_testing;
