# hourly_limit and daily_limit hold for all syncs of a server together, at once and one after another, failed ones and repeats
# included: more than that is never on the wire. What would not fit is deferred and changes nothing; the message says when it will.

use strict;
use warnings;

use FlexSync;
use Test::More;

my $db = FlexSync->start(server => { retries => 3, hourly_limit => 20, deadline => '6s' });
my $sim = $db->sim;
my $number = 0;

sub make_crew
{
	my $element = 'element-' . ++$number;
	return ($element, $db->make_call($element, @_));
}

# Starts a new hour.
sub forget { $db->run("UPDATE flex_sync_log SET started_at = started_at - interval '2 days'"); $sim->clear_log; return }

sub is_deferred
{
	my ($name, $call, $message, %arguments) = @_;
	my @before = ([ $db->assignments ], [ $db->rows('SELECT * FROM flex_sync_contact ORDER BY 2, 3') ], $sim->dump);
	my $listings = $sim->counts->{total};
	my $result = $db->sync($call, %arguments);
	is($result->{status}, 'deferred', "$name: status") or diag(explain($result));
	like($result->{message}, $message, "$name: message") or diag($result->{message});
	cmp_ok($sim->counts->{total} - $listings, '<=', 1, "$name: after one listing at most");
	is_deeply([ [ $db->assignments ], [ $db->rows('SELECT * FROM flex_sync_contact ORDER BY 2, 3') ], $sim->dump ],
		\@before, "$name: nothing changes");
	is($db->log_of($result->{run_id})->{status}, 'deferred', "$name: is in the log");
	return $result;
}

# ---- one after another

my ($element, $call) = make_crew(1 .. 10);
is($db->sync($call)->{http_requests}, 12, 'twelve requests of twenty');
my ($other_element, $other) = make_crew(1 .. 8);
my $result = is_deferred('one that needs ten more', $other,
	qr/^Nothing was changed\. The sync needs 9 more requests to Flex, and hourly_limit \(20\) of server "flex" leaves 7\. Try again in \d+ s\.$/);
my ($wait) = $result->{message} =~ /in (\d+) s/;
ok($wait > 3500 && $wait <= 3600, 'it says when enough of the hour has passed') or diag($wait);
is($db->sync($call)->{status}, 'ok', 'one that is quiet fits');
$db->run("UPDATE flex_sync_log SET started_at = started_at - interval '59 minutes 50 seconds' WHERE http_requests = 12");
($wait) = $db->sync($other)->{message} =~ /in (\d+) s/;
ok($wait <= 10, 'it says so exactly') or diag($wait);
$db->run("UPDATE flex_sync_log SET started_at = started_at - interval '15 seconds' WHERE http_requests = 12");
is($db->sync($other)->{status}, 'ok', 'and when they have, it fits');

# ---- a day, and both

forget();
$db->set_server(hourly_limit => undef, daily_limit => 10);
($element, $call) = make_crew(1 .. 6);
is($db->sync($call)->{http_requests}, 8, 'eight requests of ten a day');
$db->run("UPDATE flex_sync_log SET started_at = started_at - interval '3 hours' WHERE started_at > now() - interval '1 day'");
($element, $call) = make_crew(1);
$result = is_deferred('a day', $call, qr/daily_limit \(10\).*leaves 1\./);
($wait) = $result->{message} =~ /in (\d+) s/;
ok(abs($wait - 21 * 3600) < 60, 'until the next day') or diag($wait);
($element, $call) = make_crew(1 .. 20);
forget();
is_deferred('more than would ever fit', $call, qr/would never fit into daily_limit \(10\).*Raise the option/);
$db->set_server(daily_limit => undef, hourly_limit => 1);
forget();
is_deferred('one request is enough to know', $call, qr/hourly_limit \(1\)/);
is_deferred('and the next one knows without asking', $call, qr/hourly_limit \(1\).*Try again in \d+ s/);
is($sim->counts->{total}, 1, 'one request in all');

# ---- failed syncs and repeats count

forget();
$db->set_server(hourly_limit => 10);
($element, $call) = make_crew(1);
$sim->fault(kind => 'list', status => 503, times => 0);
is($db->sync($call)->{http_requests}, 4, 'a sync that fails after three repeats');
is($db->sync($call)->{http_requests}, 4, 'and again');
is($db->sync($call)->{status}, 'failed', 'and again');
is($sim->counts->{total}, 10, 'the repeats stop at the limit');
$sim->clear_faults;
is_deferred('then there is nothing left', $call, qr/leaves 0\./);
is($sim->counts->{total}, 10, 'not even for a listing');

# Those of a sync that was rolled back are not known.
forget();
$db->run('BEGIN');
$db->sync($call);
$db->run('ROLLBACK');
is($db->sync($call)->{status}, 'ok', 'a sync after one that was rolled back');

# ---- in the middle

forget();
$db->set_server(hourly_limit => 8);
($element, $call) = make_crew(1 .. 3);
$sim->fault(kind => 'add', status => 429, times => 0);
$result = $db->sync($call);
is($result->{status}, 'partial', 'repeats in the middle');
cmp_ok($sim->counts->{total}, '<=', 8, 'stop at the limit');
is($result->{http_requests}, $sim->counts->{total}, 'and are counted');
$sim->clear_faults;

# ---- many at once

foreach my $limit (30, 41)
{
	$db->set_server(hourly_limit => $limit);
	my @calls = map { (make_crew(1 .. 4))[1] } 1 .. 12;
	forget();
	$sim->configure(latency_ms => 20);
	my @results = $db->sync_together(12, \@calls);
	$sim->configure(latency_ms => 0);
	my %count;
	$count{ $_->{status} }++ foreach @results;
	is_deeply([ grep { !/^(ok|deferred)$/ } keys %count ], [], "limit $limit, twelve at once: ok or deferred") or diag(explain(\@results));
	cmp_ok($sim->counts->{total}, '<=', $limit, "limit $limit: is never exceeded on the wire");
	my $sum = 0;
	$sum += $_->{http_requests} foreach @results;
	is($sum, $sim->counts->{total}, "limit $limit: what was on the wire is what the results say");
	foreach my $i (grep { $results[$_]{status} eq 'deferred' } 0 .. 11)
	{
		is_deeply([ $db->assignments($calls[$i]) ], [], "limit $limit: a deferred one changed nothing");
	}
	note("limit $limit: " . join ', ', map { "$_ $count{$_}" } sort keys %count);
	# One after another they get what is left.
	my %later;
	$later{ $db->sync($_)->{status} }++ foreach @calls;
	cmp_ok($sim->counts->{total}, '<=', $limit, "limit $limit: nor by those that come later");
}
is($db->value("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'"), 0, 'nothing is held afterwards');

# Two accounts have limits of their own.
forget();
$db->set_server(hourly_limit => 3);
$db->make_server('second', hourly_limit => 3, url => $sim->host_url('localhost'));
($element, $call) = make_crew(1);
is($db->sync($call)->{status}, 'ok', 'an account whose limit is used up');
is($db->sync($call)->{status}, 'deferred', 'has nothing left');
my $session = $db->session;
$session->run("SET flex_sync.server = 'second'");
is($session->sync($call)->{status}, 'ok', 'another server has');
done_testing;
