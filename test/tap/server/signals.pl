# A sync leaves the server's signals as they are: handlers, masks, and the timers that live on SIGALRM.

use strict;
use warnings;

use BackendProcess;
use FlexSync;
use HangingResolver;
use Test::More;
use Time::HiRes qw(sleep time);

my $db;
{
	local $ENV{LD_PRELOAD} = HangingResolver->build;
	$db = FlexSync->start(server => { retries => 0 });
}
my $sim = $db->sim;
my $call = $db->make_call('element-1', 1 .. 3);
my $session = $db->session;
my $backend = BackendProcess->new($session->pid);

# The first 31: those above are for the C library's threads.
sub signals { return { map { $_ => hex(substr $backend->status($_), -8) & 0x7fff_ffff } qw(SigBlk SigIgn SigCgt) } }

sub timeout_works
{
	my ($after) = @_;
	my $begun = time;
	is($session->sqlstate_of("SET statement_timeout = '100ms'; SELECT pg_sleep(5)"), '57014', "statement_timeout works $after");
	cmp_ok(time - $begun, '<', 1, "in time $after");
	$session->run('RESET statement_timeout');
	return;
}

my $before = signals();
is($session->sync($call)->{status}, 'ok', 'a sync');
is_deeply(signals(), $before, 'changes no signal');
timeout_works('after a sync');

$sim->fault(kind => 'list', drop => 'before', times => 0);
is($session->sync($call)->{status}, 'failed', 'a sync whose connections are lost');
$sim->clear_faults;
is_deeply(signals(), $before, 'changes no signal');
timeout_works('after lost connections');

$sim->fault(kind => 'list', hang => 1);
$session->start("SELECT flex_sync_crew('$call')");
$session->wait_for_network;
is_deeply(signals(), $before, 'a sync that waits has no signal blocked');
$session->cancel;
is($session->finish_sqlstate, '57014', 'a sync that is cancelled');
is_deeply(signals(), $before, 'changes no signal');
timeout_works('after a cancel');

# ---- libcurl's resolver is a thread, or one for each kind of address, where no handler of the server may run

$db->set_server(url => 'https://hangs.example');
$session->start("SELECT flex_sync_crew('$call')");
$session->wait_for_network;
my @threads;
sleep 0.01 until @threads = $backend->threads;
ok(@threads, 'while a host name is resolved there is another thread');
my $blocked = ~0;
$blocked &= hex substr $backend->status('SigBlk', $_), -8 foreach @threads;
my %number = (HUP => 1, INT => 2, QUIT => 3, USR1 => 10, USR2 => 12, ALRM => 14, TERM => 15, CHLD => 17, URG => 23, IO => 29);
foreach my $name (sort keys %number)
{
	ok($blocked & 1 << $number{$name} - 1, "SIG$name is blocked there");
}
is_deeply(signals(), $before, 'and in the thread of the server nothing is');
$session->cancel;
is($session->finish_sqlstate, '57014', 'it is cancelled');
is_deeply(signals(), $before, 'and no signal is changed');
timeout_works('after that');

$db->set_server(url => $sim->url);
is($session->sync($call)->{status}, 'ok', 'a sync works afterwards');
done_testing;
