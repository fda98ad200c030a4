# Ten thousand syncs of a crew that is in sync cost one backend no memory and no descriptors, and open one connection.

use strict;
use warnings;

use BackendProcess;
use FlexSync;
use Test::More;

my $db = FlexSync->start;
my $call = $db->make_call('element-1', 1 .. 3);
my $session = $db->session;
is($session->sync($call)->{status}, 'ok', 'a crew is in sync');
my $backend = BackendProcess->new($session->pid);

sub sync_often
{
	my ($times) = @_;
	$session->run("DO \$\$ BEGIN FOR i IN 1 .. $times LOOP PERFORM flex_sync_crew('$call'); COMMIT; END LOOP; END \$\$");
	return;
}
sync_often(1000);
my @descriptors = $backend->descriptors;
my $before = $backend->memory_kb;
$db->sim->clear_log;
sync_often(10_000);
my $grown = $backend->memory_kb - $before;
note("$grown kB");
cmp_ok($grown, '<', 300, 'no memory');
cmp_ok(scalar $backend->descriptors, '<=', scalar @descriptors, 'no descriptors');
is($db->value("SELECT count(*) FROM flex_sync_log WHERE status = 'ok'"), 11_001, 'each is in the log');
is($db->sim->counts->{total}, 10_000, 'each listed Flex once');
my %connections = map { $_->{connection} => 1 } $db->sim->log(kind => 'list');
is(keys %connections, 1, 'over one connection');
done_testing;
