# A program that the backend starts inherits none of the sockets and descriptors of a sync.

use strict;
use warnings;

use BackendProcess;
use FlexSync;
use Test::More;

my $db = FlexSync->start(server => { retries => 0 });
my $sim = $db->sim;
my $tls = FlexSim->start(tls => 1);
my $call = $db->make_call('element-1', 1 .. 3);
$tls->seed('element-1', []);
my $session = $db->session;

# What a program finds open when it starts; pipes to its parent, ls's own directory and the server's data files aside.
sub inherited
{
	$session->run("CREATE TEMP TABLE IF NOT EXISTS line (line text); TRUNCATE line;
		COPY line FROM PROGRAM 'ls -l /proc/self/fd'");
	return grep { !m{pipe:|/proc/|/(base|global|pg_\w+)/} } map { /-> (.*)/ ? $1 : () } split /\n/, $session->run('SELECT line FROM line');
}

my @before = inherited();
is($session->sync($call)->{status}, 'ok', 'a sync');
is_deeply([ inherited() ], \@before, 'leaves nothing to inherit');
my $own = BackendProcess->new($session->pid);
cmp_ok(scalar(grep { /socket:|eventpoll/ } $own->descriptors), '>', scalar(grep { /socket:|eventpoll/ } @before),
	'although the backend keeps a connection');

$db->set_server(url => $tls->url, ca_file => $tls->ca_file);
is($session->sync($call)->{status}, 'ok', 'a sync over TLS');
is_deeply([ inherited() ], \@before, 'leaves nothing to inherit');

$db->set_server(url => 'https://localhost:1');
is($session->sync($call)->{status}, 'failed', 'a sync that cannot connect');
is_deeply([ inherited() ], \@before, 'leaves nothing to inherit');

$db->set_server(url => $sim->url);
$sim->fault(kind => 'list', hang => 1);
$session->start("SELECT flex_sync_crew('$call')");
$session->wait_for_network;
$session->cancel;
is($session->finish_sqlstate, '57014', 'a sync that is cancelled');
is_deeply([ inherited() ], \@before, 'leaves nothing to inherit');
done_testing;
