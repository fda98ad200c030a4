# Where the journal cannot be written: `auto` goes on and says so, `required` changes nothing; a worker that dies in the middle ends the adds.

use strict;
use warnings;

use FlexSync;
use Test::More;
use Time::HiRes qw(sleep time);

my $db = FlexSync->start(conf => "max_worker_processes = 2\n", server => { max_parallel => 2 });
my $sim = $db->sim;
my $number = 0;
my $session = $db->session;
my $workers = q(SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'flex_sync journal');

sub crew
{
	my (@technicians) = @_;
	my $element = 'element-' . ++$number;
	$sim->clear_log;
	return ($element, $db->make_call($element, @technicians));
}

sub sent { return join ' ', map { $_->{kind} } $sim->log }

sub finding { return ($db->rows("SELECT status, detail, hint FROM flex_sync_check() WHERE check_name = '$_[0]'"))[0] }

sub codes { return join ' ', map { $_->{code} } @{ $_[0]->{diagnostics} } }

# `auto` and `required` while something keeps the journal from being written.
sub is_written_without
{
	my ($name, $why, $begin, $end) = @_;
	$db->set_server(journal => 'auto');
	my ($element, $call) = crew(1 .. 3);
	$session->run($begin) if $begin;
	my $begun = time;
	my $result = $session->sync($call);
	is("@{$result}{qw(status added failed)}", 'ok 3 0', "$name: auto goes on");
	is(codes($result), 'journal', "$name: auto says so");
	like($result->{diagnostics}[0]{message}, $why, "$name: and why");
	cmp_ok(time - $begun, '<', 3, "$name: without waiting for long");
	is(codes($session->sync($call)), '', "$name: a quiet sync needs none");
	$session->run($end) if $end;
	$db->agrees($element, $name);

	$db->set_server(journal => 'required');
	($element, $call) = crew(4 .. 6);
	$session->run($begin) if $begin;
	$result = $session->sync($call);
	is("@{$result}{qw(status failed http_requests)}", 'deferred 1 1', "$name: required defers");
	like($result->{message}, qr/^Nothing was changed\. The journal could not be written: .*Try again, or set the option "journal" of server "flex" to auto\./, "$name: and says what to do");
	like($result->{message}, $why, "$name: and why");
	is(sent(), 'list', "$name: after one listing");
	is(scalar $db->assignments($call), 0, "$name: no row is written");
	$session->run($end) if $end;
	$db->desire($call);
	is($session->sync($call)->{status}, 'ok', "$name: what changes nothing needs no journal");
	return;
}

# No worker is free: the logical replication launcher has one, another session the other.
my $other = $db->session;
is($other->sync((crew(1))[1])->{status}, 'ok', 'another session has a worker');
is($db->value($workers), 1, 'it is there');
is(finding('journal')->{status}, 'warning', 'the doctor warns where none is free');
like(finding('journal')->{detail}, qr/None of 2 background workers/, 'and says how many there are');
is_written_without('no worker', qr/no background worker is free \(raise max_worker_processes\)/);
$other->quit;
$db->wait_until("SELECT NOT EXISTS ($workers HAVING count(*) > 0)");
is(finding('journal')->{status}, 'ok', 'with the session its worker goes');
like(finding('journal')->{detail}, qr/^1 of 2 background workers/, 'and is free again');

# A lock on the table, of another session and of the session itself.
my $holder = $db->session;
$holder->run('BEGIN');
$holder->run('LOCK TABLE flex_sync_journal IN SHARE MODE');
is_written_without('a lock', qr/somebody has locked flex_sync_journal \(.*lock timeout\)/);
$holder->run('ROLLBACK');
is_written_without('a lock of its own', qr/lock timeout/, 'BEGIN; LOCK TABLE flex_sync_journal IN SHARE ROW EXCLUSIVE MODE', 'COMMIT');

# A worker that dies before the second slice: the adds that have no intent are not sent.
foreach my $mode (qw(auto required))
{
	$db->set_server(journal => $mode);
	my ($element, $call) = crew(1 .. 6);
	$sim->fault(kind => 'add', times => 2, hang => 1);
	$session->start_sync($call);
	$sim->held(10, 2);
	$db->value("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE backend_type = 'flex_sync journal'");
	$db->wait_until("SELECT NOT EXISTS ($workers HAVING count(*) > 0)");
	$sim->release;
	my $result = $session->finish_sync;
	is($result->{status}, 'partial', "$mode: the worker dies in the middle: partial");
	cmp_ok($sim->counts->{add}, '<=', 4, "$mode: no more adds are sent than had an intent");
	ok((grep { $_->{code} eq 'journal' } @{ $result->{diagnostics} }), "$mode: the others say why") or diag(explain($result));
	is($db->value('SELECT count(*) FROM flex_sync_journal'), 0, "$mode: nothing is left in the journal");
	$sim->clear_faults;
	sleep 0.5; # until the server has freed the place of the worker
	is($session->sync($call)->{status}, 'ok', "$mode: the next sync adds the rest");
	$db->agrees($element, "a worker that died under $mode");
	is($sim->counts->{add}, 6, "$mode: each is called once");
}

# A lock that comes once the adds are under way: what could not be written is written as soon as it can be, or the sync says that it was not.
foreach my $is_given_back (1, 0)
{
	my $name = $is_given_back ? 'a lock that goes in time' : 'a lock that stays';
	$db->set_server(journal => 'auto');
	my ($element, $call) = crew(1, 2);
	$sim->fault(kind => 'add', times => 2, hold => 'after');
	$sim->fault(kind => 'list', skip => 1, hold => 'before');
	$session->run('BEGIN');
	$session->start_sync($call);
	$sim->held(10, 2);
	$holder->run('BEGIN; LOCK TABLE flex_sync_journal IN SHARE MODE');
	$sim->release;
	sleep 0.02 until grep { $_->{kind} eq 'list' } $sim->held;
	sleep 0.5; # the worker has given up once
	$holder->run('ROLLBACK') if $is_given_back;
	$sim->release;
	my $result = $session->finish_sync;
	is($result->{status}, 'ok', "$name: the sync goes on");
	is(codes($result), $is_given_back ? '' : 'journal', "$name: and says what is not recorded");
	$holder->run('ROLLBACK');
	$session->run('ROLLBACK');
	is(join(' ', map { $_->{outcome} // 'none' } $db->rows("SELECT outcome FROM flex_sync_journal WHERE crew_call_id = '$call'")),
		$is_given_back ? 'done done' : 'none none', "$name: the answers");
	$sim->clear_faults;
	$db->run('SELECT flex_sync_purge()');
}

# `off` takes no worker.
$session->quit;
$session = $db->session;
$db->set_server(journal => 'off');
my ($element, $call) = crew(1 .. 3);
is($session->sync($call)->{status}, 'ok', 'off: a sync');
is($db->value($workers), 0, 'off: no worker');
like(finding('journal')->{detail}, qr/off: what a sync does in Flex is remembered only if its transaction commits/, 'off: the doctor says what that means');

# The worker is kept while it may be needed, and no longer.
$db->set_server(journal => 'auto');
($element, $call) = crew(1);
$session->sync($call);
my $pid = $db->value("SELECT pid FROM pg_stat_activity WHERE backend_type = 'flex_sync journal'");
ok($pid, 'a sync that changes something has a worker');
$session->sync((crew(2))[1]);
is($db->value("SELECT pid FROM pg_stat_activity WHERE backend_type = 'flex_sync journal'"), $pid, 'the next one has the same');
sleep 9;
is($db->value($workers), 1, 'idle for nine seconds it is there');
$db->wait_until("SELECT NOT EXISTS ($workers HAVING count(*) > 0)");
pass('then it goes');
is($session->sync((crew(3))[1])->{status}, 'ok', 'another one serves the next sync');
done_testing;
