# A sync watches its clock: the nearest of the server's deadline and of what statement_timeout and transaction_timeout leave.
# It begins nothing that cannot end in time, sets the time of the closing listing aside, and ends `partial`, with all that was
# done recorded, rather than be killed.

use strict;
use warnings;

use FlexSync;
use Test::More;
use Time::HiRes qw(time);

my $db = FlexSync->start;
my $sim = $db->sim;
my $session = $db->session;

# Flex is not left with a request that nobody waits for.
sub nothing_is_cut_off
{
	my ($name) = @_;
	my @cut = grep { $_->{status} !~ /^\d+$/ } $sim->log;
	return is_deeply(\@cut, [], "$name: no request was cut off");
}

# ---- a Supabase default, a slow Flex, and more to do than fits

$sim->configure(latency_ms => 500);
my $call = $db->make_call('element-1', map { { technician => $_, role => 'role-1' } } 1 .. 40);
$session->run(q(SET statement_timeout = '8s'));
my @statuses;
foreach my $round (1 .. 3)
{
	$sim->clear_log;
	my $begun = time;
	my $result = $session->sync($call);
	my $took = time - $begun;
	push @statuses, $result->{status};
	cmp_ok($took, '<', 8, "sync $round: $took s");
	nothing_is_cut_off("sync $round");
	is($result->{desired}, 40, "sync $round: desired");
	is(scalar $db->assignments($call), scalar $db->flex_contacts('element-1'), "sync $round: a row for each contact");
	is($db->log_of($result->{run_id})->{status}, $result->{status}, "sync $round: is in the log");
	my @listings = sort { $a->{ordinal} <=> $b->{ordinal} } $sim->log(kind => 'list');
	my ($last) = sort { $b->{ordinal} <=> $a->{ordinal} } $sim->log;
	is($last->{kind}, 'list', "sync $round: ends with a listing");
	is(scalar(grep { $_->{code} ne 'deadline' } @{ $result->{diagnostics} }), 0, "sync $round: what is left, is left for want of time");
	note("$result->{status}: $result->{message}");
}
is($statuses[0], 'partial', 'the first sync is partial');
is($statuses[2], 'ok', 'the second or third is ok');
is($sim->configure->{latency_ms}, 500, 'all that in a slow Flex');
$session->run('RESET statement_timeout');
$db->agrees('element-1', 'after three syncs');
is(scalar(grep { ($_->{role} // '') ne 'role-1' } $db->flex_contacts('element-1')), 0, 'each has its role');
$sim->configure(latency_ms => 0);

# ---- in a transaction: it stays usable, and statement_timeout never strikes

$sim->configure(latency_by_kind_ms => { list => 50, add => 300 });
foreach my $timeout (800, 1000, 1500)
{
	my $element = "element-$timeout";
	$call = $db->make_call($element, 1 .. 40);
	$session->run("BEGIN; CREATE TEMP TABLE beside_$timeout (x int)");
	$session->run("SET LOCAL statement_timeout = $timeout");
	my $begun = time;
	my $result = $session->sync($call);
	cmp_ok(time - $begun, '<', $timeout / 1000, "statement_timeout = $timeout: in time");
	is($result->{status}, 'partial', "statement_timeout = $timeout: partial");
	$session->run("INSERT INTO beside_$timeout VALUES (1)");
	$session->run('COMMIT');
	is(scalar $db->assignments($call), scalar $db->flex_contacts($element), "statement_timeout = $timeout: a row for each contact");
	is($result->{added}, scalar $db->flex_contacts($element), "statement_timeout = $timeout: the closing listing found its time");
	is(scalar(grep { $_->{action} eq 'list' } @{ $result->{diagnostics} }), 0, "statement_timeout = $timeout: and was whole");
	$db->sim->clear_log;
}

# ---- nor does transaction_timeout, which would end the session

if ($db->value(q{SELECT current_setting('server_version_num')::int}) >= 170000)
{
	$call = $db->make_call('element-transaction', 1 .. 40);
	$session->run('SET transaction_timeout = 1500');
	my $begun = time;
	my $result = $session->sync($call);
	cmp_ok(time - $begun, '<', 1.5, 'transaction_timeout: in time');
	is($result->{status}, 'partial', 'transaction_timeout: partial');
	$session->run('RESET transaction_timeout');
	is(scalar $db->assignments($call), scalar $db->flex_contacts('element-transaction'), 'transaction_timeout: a row for each contact');
	$db->sim->clear_log;
}

# ---- too late to list

$sim->configure(latency_by_kind_ms => { list => 400 });
$call = $db->make_call('element-late', 1);
$session->run('SET statement_timeout = 200');
my $result = $session->sync($call);
is("@{$result}{qw(status http_requests)} $result->{diagnostics}[0]{code}", 'failed 1 timeout', 'too late to list: failed, not killed');
my $holder = $db->session;
$holder->run("BEGIN; SELECT pg_advisory_xact_lock(flex_sync_lock_key('$call'))");
$session->run('SET statement_timeout = 1000');
$sim->configure(latency_by_kind_ms => {});
$session->start_sync($call);
$session->wait_for_lock;
select undef, undef, undef, 0.4;
$holder->run('COMMIT');
$result = $session->finish_sync;
is($result->{status}, 'ok', 'what the wait for the lock leaves is enough');
$session->run('RESET statement_timeout');

# ---- the server's deadline

$sim->configure(latency_ms => 150);
$db->set_server(deadline => '1s');
$call = $db->make_call('element-deadline', 1 .. 60);
$sim->clear_log;
my $begun = time;
$result = $session->sync($call);
cmp_ok(time - $begun, '<', 1.1, 'the deadline is kept');
is($result->{status}, 'partial', 'by a sync that has done a part') or diag(explain($result));
nothing_is_cut_off('deadline');
cmp_ok($result->{added}, '>=', 12, 'as large a part as fits');
is(scalar $db->assignments($call), scalar $db->flex_contacts('element-deadline'), 'with a row for each contact');
is($sim->counts->{add}, $result->{added}, 'no add that the sync did not see the end of');
is(scalar @{ $result->{diagnostics} }, $result->{failed}, 'each that is missing has a diagnostic');

# One deadline holds from the lock on: what the reading of the crew takes is off that of the listing.
$call = $db->make_call('element-slow-view', 1);
$db->sync($call);
$sim->configure(latency_ms => 700);
$db->run('ALTER TABLE flex_desired_crew RENAME TO desired; CREATE VIEW flex_desired_crew AS SELECT * FROM desired
	WHERE (SELECT pg_sleep(0.6)) IS NOT NULL');
$result = $session->sync($call);
is("@{$result}{qw(status http_requests)}", 'failed 1', 'a slow view leaves less time for Flex') or diag(explain($result));
$db->run('DROP VIEW flex_desired_crew; ALTER TABLE desired RENAME TO flex_desired_crew');

# ---- a request that is slower than all before it: its answer is lost, the sync is not

$sim->configure(latency_ms => 0);
$call = $db->make_call('element-slow', 1 .. 3);
$sim->fault(kind => 'add', path => 'resource-2$', hang => 'after');
$begun = time;
$result = $session->sync($call);
cmp_ok(time - $begun, '<', 1.1, 'an answer that does not come: the deadline is kept');
is("@{$result}{qw(status added)}", 'ok 3', 'and the closing listing settles it') or diag(explain($result));
done_testing;
