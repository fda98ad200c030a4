# A day of 200 crew calls: people change crews in the database and in Flex, CALL flex_sync_all() runs by the hour, Flex is out for one of
# them, has had enough of requests in another and is slow in a third. The test keeps books of its own; hour by hour health and alerts have to
# say what these say, to the last digit, and at the end every crew agrees.
#
# An hour passes by moving what is remembered back: started_at of the log and noted_at of the lines known. Nothing else that flex_sync
# reads depends on the time of day. How long a run took is written into the log by the test, so that it can be reckoned with.

use strict;
use warnings;

use FlexSync;
use List::Util qw(max min sum0);
use Test::More;

my $seed = $ENV{FLEX_SYNC_SEED} || time;
note("seed $seed");
srand $seed;

my $count = 200;
my $db = FlexSync->start(server => { retries => 1, max_parallel => 20, max_removals => 50 });
my $sim = $db->sim;
my $session = $db->session(name => 'cron');

sub pick { return int rand $_[0] }
sub call_of { return sprintf 'ca110000-0000-4000-8000-%012d', $_[0] }
sub number_of { return 0 + ($_[0] =~ /(\d+)\z/)[0] }

# When what happens.
my $few = 1 + pick(2);
my $outage = 4 + pick(4);
my $short_burst = 10 + pick(3);
my $long_burst = 14 + pick(3);
my $slow = 19 + pick(3);
note("a few fail at $few, outage at $outage, bursts at $short_burst and $long_burst, slow at $slow");

# The books: an entry a run, of its hour, status and duration; who is desired on each call, and who has a row.
my $hour = 0;
my @runs;
my (%desired, %has_row);

sub hours_pass
{
	my ($hours) = @_;
	$hour += $hours;
	$db->run("UPDATE flex_sync_log SET started_at = started_at - interval '$hours hours';
		UPDATE flex_sync_contact SET noted_at = noted_at - interval '$hours hours'");
	return;
}

# ---- what people do

sub desire
{
	my ($number, @technicians) = @_;
	$db->desire(call_of($number), map { { technician => $_, role => pick(3) ? undef : 'role-' . pick(2) } } @technicians);
	$desired{$number} = { map { $_ => 1 } @technicians };
	return;
}

# Somebody plans: a technician comes to a crew, another leaves it, roles change.
sub edit_database
{
	foreach my $number (map { 1 + pick($count) } 1 .. $_[0])
	{
		my %crew = %{ $desired{$number} };
		my @crew = sort { $a <=> $b } keys %crew;
		delete $crew{ $crew[ pick(scalar @crew) ] } if @crew > 2 && pick(2);
		$crew{ 1 + pick(60) } = 1 if pick(3);
		desire($number, sort { $a <=> $b } keys %crew);
	}
	return;
}

# Somebody works in Flex: contacts are deleted and put in by hand, some of them those of technicians of the crew.
sub edit_flex
{
	foreach my $element (map { 'element-' . (1 + pick($count)) } 1 .. $_[0])
	{
		my @contacts = $db->flex_contacts($element);
		$sim->delete_line($contacts[ pick(scalar @contacts) ]{id}) if @contacts && pick(2);
		$sim->add_row($element, resource(pick(2) ? 1 + pick(60) : 100 + pick(20))) if pick(2);
	}
	return;
}

# ---- what is written down

# Takes the runs since the last time into the books. $duration_of gives the milliseconds of one.
sub keep_books
{
	my ($duration_of) = @_;
	my $last = max(0, map { $_->{id} } @runs);
	foreach my $run ($db->rows("SELECT run_id, crew_call_id, status, duration_ms FROM flex_sync_log WHERE run_id > $last ORDER BY run_id"))
	{
		my $number = number_of($run->{crew_call_id});
		push @runs, { id => $run->{run_id}, hour => $hour, status => $run->{status}, took => $duration_of->(), really => $run->{duration_ms} };
		$has_row{$number} = { %{ $desired{$number} } } if $run->{status} eq 'ok';
	}
	my $values = join ', ', map { "($_->{id}, $_->{took})" } grep { $_->{id} > $last } @runs;
	$db->run("UPDATE flex_sync_log AS l SET duration_ms = v.took FROM (VALUES $values) AS v (id, took) WHERE l.run_id = v.id");
	return;
}

# The hourly run. Gives the counts of its last notice, and the SQLSTATE.
sub sync_all
{
	my ($duration_of) = @_;
	my $sqlstate = $session->sqlstate_of('CALL flex_sync_all()');
	my ($counts) = $session->error =~ /flex_sync_all: (.*), \d+ s$/m;
	keep_books($duration_of // sub { return 20 + pick(400) });
	return ($counts, $sqlstate);
}

# ---- what the views have to say

# The runs of so many hours that ended so.
sub runs_since
{
	my ($age, @statuses) = @_;
	my %is_one = map { $_ => 1 } @statuses;
	return grep { $hour - $_->{hour} < $age && $is_one{ $_->{status} } } @runs;
}

sub failure_rate
{
	my ($age) = @_;
	my $judged = runs_since($age, qw(ok partial failed));
	return $judged ? runs_since($age, qw(partial failed)) / $judged : undef;
}

# As percentile_cont does it.
sub percentile
{
	my ($share, @values) = @_;
	return undef if !@values;
	@values = sort { $a <=> $b } @values;
	my $place = $share * $#values;
	my $below = int $place;
	return $values[$below] + ($place - $below) * ($values[ min($below + 1, $#values) ] - $values[$below]);
}

sub missing_crew
{
	return sum0(map { my $number = $_; scalar grep { !$has_row{$number}{$_} } keys %{ $desired{$number} } } keys %desired);
}

sub expected_health
{
	my @took = map { $_->{took} } runs_since(24, qw(ok partial failed blocked deferred));
	my $rate = failure_rate(24);
	my $mean = @took ? sum0(@took) / @took : undef;
	return {
		duplicates => 0, missing_crew => missing_crew(), syncs_24h => scalar @took,
		failure_rate_24h => $rate, mean_duration_ms_24h => $mean, p95_duration_ms_24h => percentile(0.95, @took),
		duplicates_on_target => 1, missing_crew_on_target => missing_crew() == 0 ? 1 : 0,
		unsettled_runs => 0, failure_rate_24h_on_target => ($rate // 0) < 0.01 ? 1 : 0, mean_duration_ms_24h_on_target => ($mean // 0) < 5000 ? 1 : 0,
	};
}

sub expected_alerts
{
	my @alerts;
	my $rate = failure_rate(1);
	push @alerts, { alert => 'failure_rate', value => $rate, threshold => 0.05, since => min(map { $_->{id} } runs_since(1, qw(partial failed))) }
	  if ($rate // 0) > 0.05;
	my @slow = grep { $_->{took} > 10_000 } runs_since(1, qw(ok partial failed blocked deferred));
	push @alerts, { alert => 'slow_sync', value => max(map { $_->{took} } @slow), threshold => 10_000, since => min(map { $_->{id} } @slow) } if @slow;
	return \@alerts;
}

# Sums of floating-point numbers depend on their order: as many digits as both have. Booleans are 0 and 1.
sub plain
{
	my %row = %{ $_[0] };
	foreach my $value (values %row)
	{
		$value = ref $value ? ($value ? 1 : 0) : defined $value && $value =~ /\A[\d.e+-]+\z/ ? sprintf '%.9g', $value : $value;
	}
	return \%row;
}

sub tells_the_story
{
	my ($name) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my ($health) = $db->rows('SELECT * FROM flex_sync_health');
	is_deeply(plain($health), plain(expected_health()), "hour $hour: $name: the health is what the books say");
	# Since when, as the run that began then.
	my @alerts = $db->rows('SELECT a.alert, a.value, a.threshold, (SELECT min(l.run_id) FROM flex_sync_log AS l WHERE l.started_at = a.since) AS since
		FROM flex_sync_alerts AS a ORDER BY a.alert');
	is_deeply([ map { plain($_) } @alerts ], [ map { plain($_) } @{ expected_alerts() } ], 'so are the alerts');
	return;
}

sub alerts { return join ',', sort map { $_->{alert} } $db->rows('SELECT alert FROM flex_sync_alerts') }
sub headline { return $db->run('SELECT flex_sync_dashboard()') =~ m{<h1>(.*?)</h1>} ? $1 : undef }

# Which of the four targets are met.
sub targets
{
	my ($health) = $db->rows('SELECT * FROM flex_sync_health');
	return join '', map { $health->{"${_}_on_target"} ? 1 : 0 } qw(duplicates missing_crew failure_rate_24h mean_duration_ms_24h);
}

# ---- midnight: from nothing

$sim->seed("element-$_", []) foreach 1 .. $count;
$db->run("INSERT INTO flex_crew_calls (id, department, flex_element_id)
	SELECT ('ca110000-0000-4000-8000-' || lpad(i::text, 12, '0'))::uuid, (ARRAY['sound', 'lights', 'video'])[1 + i % 3], 'element-' || i
	FROM generate_series(1, $count) AS i");
desire($_, 1 + $_ % 50 .. 4 + $_ % 50) foreach 1 .. $count;
tells_the_story('before the first run');
is(missing_crew(), 4 * $count, 'the whole crew is missing');
is_deeply([ sync_all() ], [ '200 crew calls: 200 ok', '' ], 'the first run');

# ---- the hours

my %happens = (
	$few => \&a_few_fail,
	$outage => \&flex_is_out,
	$short_burst => \&too_many_requests_for_a_moment,
	$long_burst => \&too_many_requests,
	$slow => \&flex_is_slow);

foreach (1 .. 23)
{
	tells_the_story('after the run');
	hours_pass(1);
	edit_database(15);
	edit_flex(10);
	tells_the_story('before the run, after edits on both sides');
	is(alerts(), '', 'no alert is older than an hour');
	if ($happens{$hour})
	{
		$happens{$hour}->();
		next;
	}
	is_deeply([ sync_all() ], [ '200 crew calls: 200 ok', '' ], "hour $hour: the run");
	is(targets(), failure_rate(24) < 0.01 ? '1111' : '1101', 'every target is met, but for the failures while they are a hundredth of the day');
}

# A twentieth is no alert yet, a click more is one.
sub a_few_fail
{
	my @broken = map { 1 + ($_ * 17 + 5) % $count } 0 .. 9;
	$sim->fault(element => "element-$_", status => 500, times => 0) foreach @broken;
	is_deeply([ sync_all() ], [ '200 crew calls: 190 ok, 10 failed', 'P0001' ], "hour $hour: a few fail");
	tells_the_story('while a few fail');
	is(alerts(), '', 'a twentieth is no alert');
	is($db->sync(call_of($broken[0]))->{status}, 'failed', 'somebody tries again');
	keep_books(sub { return 30 });
	tells_the_story('after a click');
	is(alerts(), 'failure_rate', 'more than a twentieth is one');
	$sim->clear_faults;
	return;
}

sub flex_is_out
{
	my $missing = missing_crew();
	my $rows = $db->value('SELECT count(*) FROM flex_crew_assignments');
	my $contacts = sum0(map { scalar @$_ } values %{ $sim->dump });
	$sim->fault(kind => [qw(list add role delete)], (pick(2) ? (status => 503) : (drop => 'before')), times => 0);
	my ($counts, $sqlstate) = sync_all();
	is($counts, '200 crew calls: 200 failed', "hour $hour: Flex is out");
	is($sqlstate, 'P0001', 'the run is an error');
	like($session->error, qr/HTTP status 503|without an answer|connection|Empty reply/i, 'that says what Flex did');
	tells_the_story('in the outage');
	is(targets(), $missing ? '1001' : '1101', 'failures, and who was to be added, are off target');
	is(alerts(), 'failure_rate', 'an alert is open');
	is(headline(), $missing ? '2 of 4 targets are missed' : '1 of 4 targets is missed', 'the dashboard says so');
	is($db->sync(call_of(1))->{status}, 'failed', 'the button says so, too');
	keep_books(sub { return 30 });
	tells_the_story('after a click');
	is($db->value('SELECT count(*) FROM flex_crew_assignments'), $rows, 'nobody lost their row');
	is(sum0(map { scalar @$_ } values %{ $sim->dump }), $contacts, 'nor their contact');
	$sim->clear_faults;
	return;
}

sub too_many_requests_for_a_moment
{
	$sim->fault(kind => 'list', status => 429, headers => { 'Retry-After' => '1' }, times => 20);
	my @took = (10_000);
	is_deeply([ sync_all(sub { return shift @took // 500 }) ], [ '200 crew calls: 200 ok', '' ], "hour $hour: a short burst of 429 is waited out");
	is(alerts(), '', 'without an alert, and 10 s are not over 10 s');
	return;
}

# Flex answers for the two batches that were synced longest ago, and not for the others.
sub too_many_requests
{
	my @order = map { number_of($_->{id}) } $db->rows('SELECT crew_call_id AS id FROM flex_sync_log GROUP BY 1 ORDER BY max(run_id)');
	my $rate = failure_rate(24);
	$sim->clear_log;
	$sim->fault(element => "element-$_", status => 429, headers => { 'Retry-After' => '3600' }, times => 0) foreach @order[ 40 .. $count - 1 ];
	is_deeply([ sync_all() ], [ '200 crew calls: 40 ok, 160 deferred', '' ], "hour $hour: a long burst defers the rest, and that is no error");
	like($session->error, qr/Try again in 3600 s/, 'until when is told');
	my %asked = map { $_->{element} => 1 } $sim->log(status => 429);
	cmp_ok(scalar keys %asked, '<=', 20, 'Flex is left alone');
	tells_the_story('in the burst');
	is(alerts(), '', 'what is deferred opens no alert');
	cmp_ok(failure_rate(24), '<', $rate, 'nor does it count as failure');
	is(scalar(my @deferred = runs_since(1, 'deferred')), 20, 'the log has those that asked');
	$sim->clear_faults;
	return;
}

sub flex_is_slow
{
	my @took = (12_345.5, 10_000.5, 10_000);
	is_deeply([ sync_all(sub { return shift @took // 6000 }) ], [ '200 crew calls: 200 ok', '' ], "hour $hour: Flex is slow");
	tells_the_story('in the slow hour');
	is(alerts(), 'slow_sync', 'an alert is open');
	is($db->value('SELECT value FROM flex_sync_alerts'), 12_345.5, 'that names the slowest');
	return;
}

# ---- the night

tells_the_story('the end of the day');
my @differences = map { $db->differences("element-$_") } 1 .. $count;
is_deeply(\@differences, [], 'every crew agrees');
is_deeply([ $db->rows('SELECT * FROM flex_sync_duplicates()') ], [], 'nobody is there twice');
is(missing_crew(), 0, 'nobody is missing');
is(alerts(), '', 'no alert is open');
cmp_ok(max(map { $_->{really} } @runs), '<', 10_000, 'no run really took long');
hours_pass($outage + 23 - $hour);
tells_the_story('the last hour with the outage on the books');
is(targets(), '1101', 'one target is missed still');
hours_pass(1);
tells_the_story('a day after the outage');
is_deeply([ targets(), headline() ], [ '1111', 'Every target is met' ], 'every target is met');
hours_pass(23 + 24 - $hour);
tells_the_story('a day later');
is($db->value('SELECT syncs_24h FROM flex_sync_health'), 0, 'the books are closed');
done_testing;
