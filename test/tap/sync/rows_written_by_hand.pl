# Somebody writes rows by hand while a sync writes them, and knows nothing of the lock: the unique index and ON CONFLICT
# see to it that there is one row for each technician.

use strict;
use warnings;

use FlexSync;
use Test::More;

my $db = FlexSync->start;
my $by_hand = $db->session;
my $syncing = $db->session;

sub insert_of
{
	my ($call, $number) = @_;
	return "INSERT INTO flex_crew_assignments (crew_call_id, technician_id, flex_line_item_id)
		VALUES ('$call', '" . technician($number) . "', 'line by hand')";
}

# A row that is not committed yet when the sync comes to write it.
foreach my $end ('COMMIT', 'ROLLBACK')
{
	my $call = $db->make_call("element $end", 1, 2);
	$by_hand->run('BEGIN; ' . insert_of($call, 1));
	$syncing->start_sync($call);
	$syncing->wait_for_lock;
	$by_hand->run($end);
	my $result = $syncing->finish_sync;
	is($result->{status}, 'ok', "$end of a row that the sync waits for");
	is($result->{added}, 2, 'the sync counts what it added');
	$db->agrees("element $end", "after the $end");
}

# A blind INSERT while the sync's row is not committed yet.
my $call = $db->make_call('element 3', 1, 2);
$syncing->run('BEGIN');
is($syncing->sync($call)->{status}, 'ok', 'a sync in a transaction that is open');
$by_hand->start(insert_of($call, 1));
$by_hand->wait_for_lock;
$syncing->run('COMMIT');
is($by_hand->finish_sqlstate, '23505', 'the blind INSERT fails by itself');
$db->agrees('element 3', 'after it');

# Hands that insert and delete rows all the time, while others sync.
$call = $db->make_call('element 4', 1 .. 4);
my @hands = map { $db->session } 1 .. 2;
$_->start("DO \$\$
	DECLARE
		technicians uuid[] := ARRAY(SELECT technician_id FROM flex_desired_crew WHERE crew_call_id = '$call');
	BEGIN
		FOR i IN 1 .. 800 LOOP
			INSERT INTO flex_crew_assignments (crew_call_id, technician_id, flex_line_item_id)
			VALUES ('$call', technicians[1 + i % 4], 'line by hand') ON CONFLICT DO NOTHING;
			COMMIT;
			DELETE FROM flex_crew_assignments
			WHERE crew_call_id = '$call' AND technician_id = technicians[1 + i / 2 % 4];
			COMMIT;
		END LOOP;
	END \$\$") foreach @hands;
my $syncs = 0;
while (grep { $_->is_running } @hands)
{
	my %status = map { $_->{status} => 1 } $db->sync_together(3, $call);
	$syncs++ if !grep { !/^(ok|partial|coalesced)$/ } keys %status;
}
is($_->finish_sqlstate, '', 'the hands met no error') foreach @hands;
cmp_ok($syncs, '>', 0, 'syncs ran beside the hands');
is($db->sync($call)->{status}, 'ok', 'a sync when the hands rest');
$db->agrees('element 4', 'when the hands rest');
is($db->sim->counts->{add}, 2 + 2 + 2 + 4, 'nobody was ever called twice');

# Without a unique index there is nothing to rely on.
foreach my $make ('', 'CREATE UNIQUE INDEX partial ON flex_crew_assignments (crew_call_id, technician_id)
		WHERE flex_line_item_id IS NOT NULL',
	'ALTER TABLE flex_crew_assignments ADD CONSTRAINT late UNIQUE (crew_call_id, technician_id) DEFERRABLE',
	'CREATE UNIQUE INDEX wider ON flex_crew_assignments (crew_call_id, technician_id, flex_line_item_id)')
{
	$db->run('ALTER TABLE flex_crew_assignments DROP CONSTRAINT IF EXISTS flex_crew_assignments_crew_call_technician_key');
	$db->run($make);
	$db->sim->clear_log;
	is($db->sqlstate_of("SELECT flex_sync_crew('$call')"), '55000', "refused with: '$make'");
	like($db->error, qr/HINT:  Call flex_sync_(setup|protect)\(\)/, 'the hint says what to do');
	is($db->sim->counts->{total}, 0, 'and nothing is sent');
}
# Nor beside a deferrable one, which ON CONFLICT would trip over.
$db->run('ALTER TABLE flex_crew_assignments DROP CONSTRAINT late');
$db->run('SELECT FROM flex_sync_setup()');
is($db->sync($call)->{status}, 'ok', 'flex_sync_setup() brings it back');
done_testing;
