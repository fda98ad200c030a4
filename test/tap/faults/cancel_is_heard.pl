# A cancel is heard soon, wherever a sync waits.

use strict;
use warnings;

use FlexSync;
use HangingResolver;
use IO::Socket::INET;
use Test::More;
use Time::HiRes qw(sleep time);

my $db;
{
	local $ENV{LD_PRELOAD} = HangingResolver->build;
	$db = FlexSync->start(server => { connect_timeout => '20s', request_timeout => '20s', deadline => '60s' });
}
my $sim = $db->sim;
my $call = $db->make_call('element-1', 1 .. 3);
my $session = $db->session;
is($session->sync($call)->{status}, 'ok', 'a crew is in sync');

# Cancels what waits and measures how long that takes.
sub cancel_is_heard
{
	my ($where) = @_;
	my $begun = time;
	$session->cancel;
	is($session->finish_sqlstate, '57014', "cancelled $where");
	cmp_ok(time - $begun, '<', 3, "soon $where");
	return;
}

sub start { $session->start("SELECT flex_sync_crew('$call')"); return }

my $other = $db->session;
$other->run("BEGIN; SELECT pg_advisory_xact_lock(flex_sync_lock_key('$call'))");
start();
$session->wait_for_lock;
cancel_is_heard('while another sync is waited for');
$other->run('ROLLBACK');

$sim->fault(kind => 'list', hang => 1);
start();
$sim->held;
cancel_is_heard('while Flex is silent about a listing');

$sim->fault(kind => 'list', body => '[' . ' ' x 10_000 . ']', slow_body => { bytes => 1, every_ms => 100 });
start();
$session->wait_for_network;
sleep 0.3;
cancel_is_heard('while a listing trickles');

$sim->fault(kind => 'list', hang => 1);
$session->start("SELECT * FROM flex_sync_plan('$call')");
$sim->held;
cancel_is_heard('in flex_sync_plan');

$db->desire($call, 1 .. 4);
# The simulator may not have noticed yet that nobody waits for that listing any more.
sleep 0.01 while $sim->held(0);
$sim->fault(kind => 'add', hang => 'before');
start();
$sim->held;
cancel_is_heard('while Flex is silent about an add');

$sim->configure(hide_adds => 1);
$sim->clear_log;
start();
sleep 0.01 until $sim->counts->{list} >= 2 || !$session->is_running;
$session->wait_for_network;
cancel_is_heard('while Flex is given time to show what it accepted');
$sim->reset;
$sim->seed('element-1', []);

$sim->fault(kind => 'list', status => 503, times => 0);
start();
$session->wait_for_network;
cancel_is_heard('while Flex is out of order');
$sim->reset;

# A listening socket whose queue is full does not take part in a handshake; one that nobody accepts from says nothing.
my $silent = IO::Socket::INET->new(Listen => 1, LocalAddr => '127.0.0.1') or die $!;
my $full = IO::Socket::INET->new(Listen => 1, LocalAddr => '127.0.0.1') or die $!;
my @queue = map { IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $full->sockport, Blocking => 0) } 1 .. 4;

$db->set_server(url => 'http://127.0.0.1:' . $full->sockport);
start();
$session->wait_for_network;
sleep 0.2;
cancel_is_heard('while connecting');

$db->set_server(url => 'https://127.0.0.1:' . $silent->sockport);
start();
$session->wait_for_network;
sleep 0.2;
cancel_is_heard('during the TLS handshake');

$db->set_server(url => 'https://hangs.example/f5/api');
start();
$session->wait_for_network;
sleep 0.2;
cancel_is_heard('while the host name is resolved');

start();
$session->wait_for_network;
sleep 0.2;
my $begun = time;
$db->run('SELECT pg_terminate_backend(' . $session->pid . ')');
$db->wait_until('SELECT NOT EXISTS (SELECT FROM pg_stat_activity WHERE pid = ' . $session->pid . ')');
cmp_ok(time - $begun, '<', 3, 'nor does a host name hold up a termination');
is($session->finish_sqlstate, '57P01', "in the server's words");

$db->set_server(url => $sim->url);
$sim->seed('element-1', []);
is($db->sync($call)->{status}, 'ok', 'all is well afterwards');
done_testing;
