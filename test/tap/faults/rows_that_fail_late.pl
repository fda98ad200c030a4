# A row that fails although the rehearsal took it, when Flex has made the contact: the contact is taken out again where the error will
# come back (classes 22, 23, P0), and left for the next sync to adopt after a deadlock or a lock timeout. What else was done is kept.

use strict;
use warnings;

use FlexSync;
use Test::More;
use Time::HiRes qw(sleep);

my $db = FlexSync->start(conf => "deadlock_timeout = '100ms'\n");
my $sim = $db->sim;
my $session = $db->session;
my $number = 0;

# A trigger that fails at the second time it is asked about a technician: the first one is the rehearsal. What a sequence counts is not
# undone with it.
$db->run(q(
	CREATE SEQUENCE asked;
	CREATE FUNCTION fail_late() RETURNS trigger LANGUAGE plpgsql AS $$
	BEGIN
		IF nextval('asked') > TG_ARGV[1]::int THEN
			RAISE EXCEPTION 'not this time' USING ERRCODE = TG_ARGV[0];
		END IF;
		RETURN NEW;
	END $$;
));

sub sync_with_late_failure
{
	my ($state, $at) = @_;
	my $element = 'element-' . ++$number;
	my $call = $db->make_call($element, 1 .. 3);
	$db->run("SELECT setval('asked', 1, false)");
	$db->run("CREATE TRIGGER t BEFORE INSERT ON flex_crew_assignments FOR EACH ROW
		WHEN (NEW.technician_id = '@{[ technician(2) ]}') EXECUTE FUNCTION fail_late('$state', $at)");
	$sim->clear_log;
	my $result = $session->sync($call);
	$db->run('DROP TRIGGER t ON flex_crew_assignments');
	is("@{$result}{qw(status added)}", 'partial 2', "$state: two are added") or diag(explain($result));
	my ($diagnostic) = grep { $_->{code} eq $state } @{ $result->{diagnostics} };
	is("@{$diagnostic}{qw(action technician_id)}", 'add ' . technician(2), "$state: the third has a diagnostic");
	like($diagnostic->{message}, qr/not this time/, "$state: with the server's message");
	is($sim->counts->{add}, 3, "$state: three were called");
	return ($element, $call, $result);
}

# In the rehearsal once; then in bulk, and by itself.
foreach my $state (qw(P0001 22001 23514))
{
	my ($element, $call, $result) = sync_with_late_failure($state, 1);
	is_deeply([ sort map { $_->{resource} } $db->flex_contacts($element) ], [ 'resource-1', 'resource-3' ],
		"$state: the contact is taken out again");
	is($sim->counts->{delete}, 1, "$state: by one deletion");
	is($result->{removed}, 0, "$state: which is no removal");
	is(scalar $db->assignments($call), 2, "$state: the others' rows stand");
	$result = $session->sync($call);
	is("@{$result}{qw(status kept added)}", 'ok 2 1', "$state: the next sync adds it");
	$db->agrees($element, $state);
}
foreach my $state (qw(40P01 55P03))
{
	my ($element, $call, $result) = sync_with_late_failure($state, 1);
	is(scalar $db->flex_contacts($element), 3, "$state: the contact stays");
	is($sim->counts->{delete} // 0, 0, "$state: nothing is deleted");
	$result = $session->sync($call);
	is("@{$result}{qw(status kept adopted added)}", 'ok 2 1 0', "$state: the next sync adopts it");
	$db->agrees($element, $state);
}

# The deletion fails as well: it is reported, and the next sync puts it right.
{
	$sim->fault(kind => 'delete', status => 403);
	my ($element, $call, $result) = sync_with_late_failure('P0001', 1);
	is($result->{failed}, 2, 'a contact that cannot be taken out again is reported beside the row');
	$result = $session->sync($call);
	is("@{$result}{qw(status kept adopted)}", 'ok 2 1', 'the next sync adopts it');
	$db->agrees($element, 'after it');
}

# The requests of the hour are used up: the contact stays, as one that may be written later does.
{
	$db->run('DELETE FROM flex_sync_log');
	$db->set_server(hourly_limit => 5);
	my ($element, $call, $result) = sync_with_late_failure('P0001', 1);
	is($sim->counts->{total}, 5, 'a contact is not taken out again beyond the request limit');
	is(scalar $db->flex_contacts($element), 3, 'but stays');
	$db->set_server(hourly_limit => undef);
	$result = $session->sync($call);
	is("@{$result}{qw(status kept adopted)}", 'ok 2 1', 'the next sync adopts it');
}

# ---- a line id that does not fit a uuid column

$db->run('ALTER TABLE flex_crew_assignments ALTER flex_line_item_id TYPE uuid USING flex_line_item_id::uuid');
my $element = 'element-' . ++$number;
my $call = $db->make_call($element, 1, 2);
$sim->clear_log;
$sim->fault(kind => 'add', path => 'resource-2$', status => 200, body => '{"addedResourceLineIds": ["line 7"]}');
$sim->add_row($element, { resource => 'resource-2', id => 'line 7' });
$sim->fault(kind => 'list', body => '[]');
my $result = $session->sync($call);
is("@{$result}{qw(status added failed)}", 'partial 1 1', 'a line id that is no UUID') or diag(explain($result));
is("@{$result->{diagnostics}[0]}{qw(action code)}", 'add 22P02', 'has a diagnostic');
like($result->{diagnostics}[0]{message}, qr/invalid input syntax for type uuid: "line 7"/, 'with the server\'s message');
is_deeply([ map { $_->{resource} } $db->flex_contacts($element) ], ['resource-1'], 'its contact is taken out again');
is(scalar $db->assignments($call), 1, 'the other row stands');
is($session->sync($call)->{status}, 'ok', 'with another line id the next sync is ok');
$db->agrees($element, 'line ids');

# ---- a deadlock: somebody holds a row and waits for the lock

$element = 'element-' . ++$number;
$call = $db->make_call($element, 1 .. 3);
my $other = $db->session;
$other->run("SET deadlock_timeout = '60s'");
$sim->fault(kind => 'add', path => 'resource-3$', hold => 'after');
$sim->clear_log;
$session->start("BEGIN; SELECT status, added FROM flex_sync_crew('$call')");
$sim->held;
$other->run("BEGIN; INSERT INTO flex_crew_assignments (crew_call_id, technician_id, flex_line_item_id)
	VALUES ('$call', '@{[ technician(2) ]}', gen_random_uuid())");
$other->start("SELECT pg_advisory_xact_lock(flex_sync_lock_key('$call'))");
$other->wait_for_lock;
$sim->release;
is($session->finish, 'partial|2', 'the sync is the victim, for one row');
is($session->run('SELECT 1'), 1, 'its transaction goes on');
$session->run('COMMIT');
is($other->finish_sqlstate, '', 'the other one gets the lock');
$other->run('ROLLBACK');
is(scalar $db->flex_contacts($element), 3, 'all contacts stand');
$result = $session->sync($call);
is("@{$result}{qw(status kept adopted added)}", 'ok 2 1 0', 'the next sync adopts the one without a row');
is($sim->counts->{add}, 3, 'nobody is called twice');
$db->agrees($element, 'after a deadlock');

# ---- a lock timeout on a row

$element = 'element-' . ++$number;
$call = $db->make_call($element, 1 .. 3);
$sim->fault(kind => 'add', path => 'resource-3$', hold => 'after');
$session->run("SET lock_timeout = '100ms'");
$session->start("SELECT status, added FROM flex_sync_crew('$call')");
$sim->held;
$other->run("BEGIN; INSERT INTO flex_crew_assignments (crew_call_id, technician_id, flex_line_item_id)
	VALUES ('$call', '@{[ technician(2) ]}', gen_random_uuid())");
$sim->release;
is($session->finish, 'partial|2', 'a row that somebody holds');
$other->run('ROLLBACK');
$session->run('RESET lock_timeout');
$result = $session->sync($call);
is("@{$result}{qw(status kept adopted added)}", 'ok 2 1 0', 'the next sync adopts its contact');
$db->agrees($element, 'after a lock timeout');

# ---- a cancel in the middle of writing is the server's own error, not a diagnostic

$db->run("CREATE FUNCTION wait_late() RETURNS trigger LANGUAGE plpgsql AS \$\$
	BEGIN IF nextval('asked') > 1 THEN PERFORM pg_sleep(30); END IF; RETURN NEW; END \$\$;
	CREATE TRIGGER t BEFORE INSERT ON flex_crew_assignments FOR EACH ROW EXECUTE FUNCTION wait_late(); SELECT setval('asked', 1, false)");
$element = 'element-' . ++$number;
$call = $db->make_call($element, 1);
$session->start_sync($call);
$db->wait_until("SELECT wait_event = 'PgSleep' FROM pg_stat_activity WHERE pid = " . $session->pid);
$session->cancel;
is($session->finish_sqlstate, '57014', 'a cancel while a row is written');
$db->run('DROP TRIGGER t ON flex_crew_assignments');
$result = $session->sync($call);
is("@{$result}{qw(status adopted added)}", 'ok 1 0', 'the next sync adopts');
$db->agrees($element, 'after a cancel');
done_testing;
