# Request limits are those of a Flex account: whatever it is that asks, through whichever server of its url, in whatever kind of
# transaction, it counts. What can never fit keeps no other crew from being synced.

use strict;
use warnings;

use FlexSync;
use Test::More;

my $db = FlexSync->start(server => { retries => 0 }, conf => "max_prepared_transactions = 5\n");
my $sim = $db->sim;
my $number = 0;

sub make_crew
{
	my $element = 'element-' . ++$number;
	return ($element, $db->make_call($element, @_));
}

# Starts a new hour.
sub forget
{
	$db->run("DELETE FROM flex_sync_journal;
		UPDATE flex_sync_log SET started_at = started_at - interval '2 days';
		UPDATE flex_sync_requests SET at = at - interval '2 days'");
	$sim->clear_log;
	return;
}

sub sent { return $sim->counts->{total} }

# ---- a bulk DELETE that is refused goes on one by one, as far as the limit allows

my ($element, $call) = make_crew(1 .. 10);
$db->set_server(bulk_delete => 'lineItemIds', max_removals => 100);
$db->sync($call);
$db->desire($call);
forget();
$sim->configure(bulk_delete => 'refuse');
$db->set_server(hourly_limit => 8);
my $result = $db->sync($call);
cmp_ok(sent(), '<=', 8, 'a bulk DELETE that is refused: the limit holds');
is($result->{http_requests}, sent(), 'all are counted');
is($result->{status}, 'partial', 'what does not fit is left');
like($result->{diagnostics}[0]{message}, qr/hourly_limit \(8\)/, 'for the limit');
forget();
$db->set_server(hourly_limit => 13);
is($db->sync($call)->{status}, 'ok', 'where they fit, they go one by one') or diag(explain($result));
is(sent(), 13, 'with the listings and the one that was refused');
$db->agrees($element, 'afterwards');

# Crews of one batch each have their own try.
$sim->configure(bulk_delete => 'act');
$db->set_server(hourly_limit => undef);
my @calls = map { (make_crew(1 .. 8))[1] } 1 .. 2;
$db->sync($_) foreach @calls;
$db->desire($_) foreach @calls;
$db->run("CREATE OR REPLACE VIEW flex_due_crew_calls AS SELECT id AS crew_call_id FROM flex_crew_calls WHERE id IN ('$calls[0]', '$calls[1]')");
forget();
$db->set_server(hourly_limit => 6);
$db->run('CALL flex_sync_all()');
like($db->error, qr/2 crew calls: 2 ok/, 'two crews of a batch delete in bulk') or diag($db->error);
is(sent(), 6, 'with three requests each');
$db->set_server(bulk_delete => undef, max_removals => undef, hourly_limit => undef);

# ---- what a prepared transaction has spent is spent

(undef, $call) = make_crew(1 .. 3);
my (undef, $other) = make_crew(1 .. 3);
forget();
$db->set_server(hourly_limit => 8);
my $session = $db->session;
$session->run("BEGIN; SELECT FROM flex_sync_crew('$call'); PREPARE TRANSACTION 'spent'");
is(sent(), 5, 'five requests of eight in a prepared transaction');
is($db->sync($other)->{status}, 'deferred', 'another five do not fit');
cmp_ok(sent(), '<=', 8, 'nor are they on the wire');
$db->run("ROLLBACK PREPARED 'spent'");
is($db->sync($other)->{status}, 'deferred', 'nor once it is rolled back: what was spent is spent');
is($db->sync($call)->{status}, 'ok', 'its crew takes the last request');
is($db->value("SELECT http_requests FROM flex_sync_log WHERE status = 'rolled_back'"), 5, 'its run is settled, and counts by its row in the log');
is($db->sync($other)->{status}, 'deferred', 'as it did before');
cmp_ok(sent(), '<=', 8, 'the limit holds');

# ---- what was rolled back or killed was sent all the same

(undef, $call) = make_crew();
$db->sync($call);
forget();
$db->set_server(hourly_limit => 6);
$session->run("BEGIN; SELECT FROM flex_sync_crew('$call'); ROLLBACK") foreach 1 .. 10;
is(sent(), 6, 'listings of syncs that are rolled back count');
forget();
$db->desire($call, 1 .. 3);
foreach my $try (1 .. 4)
{
	my $victim = $db->session;
	$sim->fault(kind => 'list', skip => 1, hang => 1);
	$victim->start_sync($call);
	$sim->held(1);
	$db->run('SELECT pg_terminate_backend(' . $victim->pid . ')');
	$victim->finish_sqlstate;
	$victim->quit;
	$sim->clear_faults;
	$db->desire($call, 1 .. 3, 3 + $try);
}
cmp_ok(sent(), '<=', 6, 'so do the requests of sessions that are ended');
$db->set_server(hourly_limit => 8);

# ---- one account under other names

(undef, $call) = make_crew(1 .. 3);
(undef, $other) = make_crew(1 .. 3);
forget();
is($db->sync($call)->{status}, 'ok', 'five requests of eight');
$db->run('ALTER SERVER flex RENAME TO renamed');
$session->run("SET flex_sync.server = 'renamed'");
is($session->sync($other)->{status}, 'deferred', 'a server that is renamed has what it had');
$session->run('ALTER SERVER renamed RENAME TO flex; RESET flex_sync.server');
my $url = $sim->url;
is($db->log_of($result->{run_id})->{url}, $url, 'the log has the url');
$db->make_server('second', hourly_limit => 8, retries => 0);
$db->make_server('slash', hourly_limit => 8, retries => 0, url => "$url//");
foreach my $server (qw(second slash))
{
	$session->run("SET flex_sync.server = '$server'");
	$result = $session->sync($other);
	is($result->{status}, 'deferred', "$server: another server of the url shares its limit");
	like($result->{message}, qr/of server "$server"/, 'and says whose option it is');
}
$session->run("BEGIN; SET LOCAL flex_sync.server = 'slash'");
$db->run("DELETE FROM flex_sync_log");
$session->run("SELECT FROM flex_sync_crew('$call'); SELECT FROM flex_sync_crew('$other')");
$db->set_server(hourly_limit => 3);
my (undef, $third) = make_crew(1);
is($db->sync($third)->{status}, 'deferred', 'also while they are under way');
$session->run('ROLLBACK; RESET flex_sync.server');
$db->set_server(hourly_limit => 8);

# Runs of a library before the column was there count by the server's name.
forget();
$db->run('DELETE FROM flex_sync_log');
$db->sync($call);
$db->run('UPDATE flex_sync_log SET url = NULL, http_requests = 8');
is($db->sync($other)->{status}, 'deferred', 'older runs count by the name of the server');
$session->run("SET flex_sync.server = 'second'");
is($session->sync($other)->{status}, 'ok', 'and for that one only');
$session->run('RESET flex_sync.server');

# ---- what looks at Flex without a sync counts

$db->run('DELETE FROM flex_sync_log');
forget();
$db->plan($call);
$db->contacts($call);
$db->run('SELECT FROM flex_sync_check(true)');
is(sent(), 3, 'a plan, a look at the contacts and a probe');
is($db->value('SELECT sum(requests) FROM flex_sync_requests WHERE at > now() - interval \'1 hour\''), 3, 'are noted');
$db->set_server(hourly_limit => 3);
is($db->sync($call)->{status}, 'deferred', 'and leave less for syncs');
is(sent(), 3, 'without a request');
like($db->value("SELECT detail FROM flex_sync_check() WHERE check_name = 'requests'"), qr/hourly_limit \(3\) the last hour has used 3\./, 'the doctor knows');
$session->run('BEGIN READ ONLY');
is(scalar(@{ [ $session->plan($call) ] }) > 0, 1, 'a plan in a read-only transaction');
$session->run('COMMIT');
is($db->value('SELECT sum(requests) FROM flex_sync_requests WHERE at > now() - interval \'1 hour\''), 3, 'is not noted');
forget();
$session->run("BEGIN; SELECT FROM flex_sync_plan('$call'); SELECT FROM flex_sync_plan('$call'); SELECT FROM flex_sync_plan('$call')");
is($db->sync($call)->{status}, 'deferred', 'those of a transaction that goes on count as well');
$session->run('ROLLBACK');
$db->run(q(INSERT INTO flex_sync_requests VALUES ('x', 'flex', now() - interval '25 hours', 1, NULL), ('x', 'flex', now(), 1, NULL)));
$db->run('SELECT flex_sync_purge()');
is($db->value("SELECT count(*) FROM flex_sync_requests WHERE url = 'x'"), 1, 'what no limit asks about any more is purged');
$db->run('TRUNCATE flex_sync_requests');

# ---- what can never fit

$db->set_server(hourly_limit => 10, max_parallel => 1);
my (undef, $large) = make_crew(1 .. 20);
my @small = map { (make_crew(1))[1] } 1 .. 2;
my $due = join ', ', map { "'$_'" } $large, @small;
$db->run("CREATE OR REPLACE VIEW flex_due_crew_calls AS SELECT id AS crew_call_id FROM flex_crew_calls WHERE id IN ($due)");
forget();
$db->run('CALL flex_sync_all()');
like($db->error, qr/flex_sync_all: 3 crew calls: 2 ok, 1 deferred/, 'a crew that never fits is deferred, the others are synced')
  or diag($db->error);
my $log = ($db->rows("SELECT message, diagnostics->0->>'code' AS code FROM flex_sync_log WHERE crew_call_id = '$large'"))[0];
like($log->{message}, qr/would never fit into hourly_limit \(10\)/, 'it says so');
is($log->{code}, 'never_fits', 'in a word too');
forget();
my $last = $db->value('SELECT max(run_id) FROM flex_sync_log');
$db->sync($large);
$db->run('CALL flex_sync_all()');
is($db->value("SELECT crew_call_id FROM flex_sync_log ORDER BY run_id DESC LIMIT 1"), $large, 'it waits for its turn like any other');
is($db->value("SELECT count(*) FROM flex_sync_log WHERE run_id > $last AND status = 'ok'"), 2, 'beside those that fit');

# Two crews of one batch, each of which fits: neither is told never.
$db->set_server(max_parallel => 6, hourly_limit => 7);
my @pair = map { (make_crew(1 .. 4))[1] } 1 .. 2;
$due = join ', ', map { "'$_'" } @pair;
$db->run("CREATE OR REPLACE VIEW flex_due_crew_calls AS SELECT id AS crew_call_id FROM flex_crew_calls WHERE id IN ($due)");
forget();
$db->run('CALL flex_sync_all()');
like($db->error, qr/2 crew calls: 1 ok, 1 deferred/, 'two that do not fit together: one after the other');
is($db->value("SELECT count(*) FROM flex_sync_log WHERE diagnostics @> '[{\"code\": \"never_fits\"}]' AND crew_call_id IN ($due)"), 0, 'is no never');

# ---- a second look at a listing is not taken where what it finds could not be done

(undef, $call) = make_crew(1 .. 5);
$db->set_server(hourly_limit => undef);
$db->sync($call);
$sim->delete_line($_->{flex_line_item_id}) foreach ($db->assignments($call))[ 0 .. 3 ];
forget();
$db->set_server(hourly_limit => 4);
is($db->sync($call)->{status}, 'deferred', 'a crew of whom most seem gone');
is(sent(), 1, 'is deferred after one listing');
forget();
$db->set_server(hourly_limit => 7);
$result = $db->sync($call);
is($result->{status}, 'ok', 'or synced after two') or diag(explain($result));
is(sent(), 7, 'within the limit');

# ---- a limit is cheap, however many runs the log holds: what is older than a moment is summed up once

$db->run('TRUNCATE flex_sync_log, flex_sync_requests');
$db->set_server(hourly_limit => 1_000_000, daily_limit => 2_000_000);
$db->run(qq(INSERT INTO flex_sync_log SELECT nextval('flex_sync_run_id_seq'), '$call', 'ok', 5,5,0,0,0,0,0,0,0,0,1,1,1,'','[]',NULL,NULL,'e',
	'flex','all',5,now() - g * interval '3 seconds','','',u FROM generate_series(1, 20000) AS g, (VALUES ('$url'), (NULL)) AS u (u)));
$db->run('ANALYZE flex_sync_log');
$db->sync($call) foreach 1 .. 2;
my $sums = $db->value('SELECT count(*) FROM flex_sync_requests');
cmp_ok($sums, '>', 0, 'runs are summed up');
cmp_ok($sums, '<', 3000, 'by the minute') or diag($sums);
is($db->value("SELECT sum(requests) FROM flex_sync_requests"), 40000, 'each once');
like($db->value("SELECT detail FROM flex_sync_check() WHERE check_name = 'requests'"),
	qr/hourly_limit \(1000000\) the last hour has used 24[0-4]\d\..*daily_limit \(2000000\) the last day has used 40002\./, 'and the sums are right');
$db->set_server(daily_limit => 40003);
is($db->sync($call)->{status}, 'ok', 'one more fits');
is($db->sync($call)->{status}, 'deferred', 'and no other');
is($db->sync($call)->{message} =~ /Try again in (\d+) s/ ? $1 > 20000 && $1 < 30000 : 0, 1, 'until the oldest has left the day') or diag($db->sync($call)->{message});

# One that is under way while they are summed up is not left out.
$db->run('TRUNCATE flex_sync_log, flex_sync_requests');
$db->set_server(daily_limit => 1_000_000);
$session->run("BEGIN; SELECT FROM flex_sync_crew('$other')");
sleep 2;
$db->run(qq(INSERT INTO flex_sync_log SELECT nextval('flex_sync_run_id_seq'), '$call', 'ok', 5,5,0,0,0,0,0,0,0,0,1,1,1,'','[]',NULL,NULL,'e',
	'flex','all',5,now() - g * interval '1 ms','','','$url' FROM generate_series(1, 20000) AS g));
$db->sync($call);
cmp_ok($db->value('SELECT count(*) FROM flex_sync_requests'), '>', 0, 'summed up while another sync is under way');
$session->run('COMMIT');
my $sum = $db->value('SELECT sum(http_requests) FROM flex_sync_log');
like($db->value("SELECT detail FROM flex_sync_check() WHERE check_name = 'requests'"), qr/the last day has used $sum\./, 'which is counted once it is there');
done_testing;
