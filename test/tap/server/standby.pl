# On a standby nothing is synced; what only reads Flex works there.

use strict;
use warnings;

use FlexSync;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $db = FlexSync->start(conf => "wal_level = replica\nmax_wal_senders = 5\n");
my $sim = $db->sim;
my $call = $db->make_call('element-1', 1 .. 3);
is($db->sync($call)->{added}, 3, 'the primary syncs');
$db->desire($call, 2 .. 4);

$db->node->backup('backup');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($db->node, 'backup', has_streaming => 1);
$standby->start;
$db->node->wait_for_catchup($standby);
$sim->clear_log;

sub on_standby
{
	my ($sql) = @_;
	my ($status, $output, $error) = $standby->psql('postgres', $sql, extra_params => [ '-v', 'VERBOSITY=verbose' ]);
	return ($output, $error);
}

my (undef, $error) = on_standby("SELECT flex_sync_crew('$call')");
like($error, qr/ERROR:  25006: a crew cannot be synced while the server is in recovery/, 'flex_sync_crew is refused');
like($error, qr/HINT:  Call it on the primary server\./, 'and says where it is to be called');
is($sim->counts->{total}, 0, 'nothing was sent');

is_deeply(
	[ on_standby("SELECT action, flex_resource_id FROM flex_sync_plan('$call') ORDER BY 1, 2") ],
	[ "add|resource-4\nkeep|resource-2\nkeep|resource-3\nremove|resource-1", '' ],
	'flex_sync_plan tells what the primary would do');
is_deeply(
	[ on_standby("SELECT flex_resource_id, desired FROM flex_crew_contacts('$call') ORDER BY 1") ],
	[ "resource-1|f\nresource-2|t\nresource-3|t", '' ],
	'flex_crew_contacts tells what Flex shows');
is_deeply(
	[ on_standby("SELECT flex_sync_lock_key('$call')") ],
	[ $db->run("SELECT flex_sync_lock_key('$call')"), '' ],
	'the key of the lock is that of the primary');
is($sim->counts->{total}, 2, 'each listed Flex once');
is($db->sync($call)->{status}, 'ok', 'the primary goes on');
$standby->stop;
done_testing;
