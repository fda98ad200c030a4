# A day of 200 crew calls: people change crews in the database and in Flex, CALL flex_sync_all() runs by the hour, Flex is out for one of
# them and has had enough of requests in another. Health and alerts tell it as it was, and at the end every crew agrees.
#
# An hour passes by moving what is remembered back: started_at of the log and noted_at of the lines known. Nothing else that flex_sync
# reads depends on the time of day.

use strict;
use warnings;

use FlexSync;
use Test::More;

my $seed = $ENV{FLEX_SYNC_SEED} // time;
note("seed $seed");
srand $seed;

my $count = 200;
my $db = FlexSync->start(server => { retries => 1, max_parallel => 20 });
my $sim = $db->sim;
my $session = $db->session(name => 'cron');
my $hour = 0;

sub pick { return int rand $_[0] }
sub call_of { return sprintf 'ca110000-0000-4000-8000-%012d', $_[0] }
sub an_hour_passes
{
	++$hour;
	$db->run(q(UPDATE flex_sync_log SET started_at = started_at - interval '1 hour';
		UPDATE flex_sync_contact SET noted_at = noted_at - interval '1 hour'));
	return;
}

$sim->seed("element-$_", []) foreach 1 .. $count;
$db->run("INSERT INTO flex_crew_calls (id, department, flex_element_id)
	SELECT ('ca110000-0000-4000-8000-' || lpad(i::text, 12, '0'))::uuid, (ARRAY['sound', 'lights', 'video'])[1 + i % 3], 'element-' || i
	FROM generate_series(1, $count) AS i");

# Somebody plans: technicians come to a crew and leave it, and get roles.
sub edit_database
{
	my ($calls) = @_;
	foreach (1 .. $calls)
	{
		my %crew = map { 1 + pick(60) => 1 } 1 .. 3 + pick(3);
		$db->desire(call_of(1 + pick($count)), map { { technician => $_, role => pick(3) ? undef : 'role-' . pick(2) } } sort keys %crew);
	}
	return;
}

# Somebody works in Flex: contacts are deleted and put in by hand.
sub edit_flex
{
	my ($calls) = @_;
	foreach (1 .. $calls)
	{
		my $element = 'element-' . (1 + pick($count));
		my @contacts = $db->flex_contacts($element);
		$sim->delete_line($contacts[ pick(scalar @contacts) ]{id}) if @contacts && pick(2);
		$sim->add_row($element, resource(100 + pick(20))) if pick(2);
	}
	return;
}

# The hourly run. Gives the counts of its last notice.
sub sync_all
{
	my $sqlstate = $session->sqlstate_of('CALL flex_sync_all()');
	my ($counts) = $session->error =~ /flex_sync_all: (.*), \d+ s$/m;
	return ($counts, $sqlstate);
}

sub health { return ($db->rows('SELECT * FROM flex_sync_health'))[0] }
sub alerts { return join ',', sort map { $_->{alert} } $db->rows('SELECT alert FROM flex_sync_alerts') }
sub targets { my ($health) = @_; return join '', map { $health->{"${_}_on_target"} ? 1 : 0 } qw(duplicates missing_crew failure_rate_24h mean_duration_ms_24h) }

# ---- the morning: from nothing

$db->desire(call_of($_), map { { technician => $_ } } 1 + $_ % 50 .. 4 + $_ % 50) foreach 1 .. $count;
my $health = health();
is($health->{missing_crew}, 4 * $count, 'before the first run the whole crew is missing');
is_deeply([ sync_all() ], [ '200 crew calls: 200 ok', '' ], 'the first run');
is_deeply([ targets(health()), alerts() ], [ '1111', '' ], 'every target is met, no alert is open');

# ---- quiet hours

foreach (1 .. 3)
{
	an_hour_passes();
	edit_database(25);
	edit_flex(15);
	is_deeply([ sync_all() ], [ '200 crew calls: 200 ok', '' ], "hour $hour: edits on both sides");
	is_deeply([ targets(health()), alerts() ], [ '1111', '' ], 'all is well');
}

# ---- Flex is out for an hour

an_hour_passes();
edit_database(25);
my $missing = health()->{missing_crew};
$sim->fault(kind => [qw(list add role delete)], status => 503, times => 0);
my ($counts, $sqlstate) = sync_all();
is($counts, '200 crew calls: 200 failed', "hour $hour: Flex is out");
is($sqlstate, 'P0001', 'the run is an error');
like($session->error, qr/HTTP status 503/, 'that says what Flex said');
$health = health();
is(targets($health), $missing ? '1001' : '1101', 'failures and missing crew are off target');
is($health->{failure_rate_24h}, 0.2, 'a fifth of the day so far has failed');
is($health->{missing_crew}, $missing, 'nobody was taken off');
is(alerts(), 'failure_rate', 'an alert is open');
is($db->value('SELECT value FROM flex_sync_alerts'), 1, 'everything has failed in the last hour');
is($db->value(q(SELECT since FROM flex_sync_alerts)), $db->value(q(SELECT min(started_at) FROM flex_sync_log WHERE status = 'failed')), 'since the outage began');
is($db->sync(call_of(1))->{status}, 'failed', 'the button says so, too');

# ---- it is back

an_hour_passes();
$sim->clear_faults;
edit_flex(15);
is_deeply([ sync_all() ], [ '200 crew calls: 200 ok', '' ], "hour $hour: Flex is back, and the next run makes good");
$health = health();
is(targets($health), '1101', 'nobody is missing; the failures of the day stay on the books');
cmp_ok($health->{failure_rate_24h}, '>', 0.16, 'a sixth of them');
is(alerts(), '', 'the alert is gone after an hour');

# ---- a burst of 429: short, then long

an_hour_passes();
edit_database(20);
$sim->fault(kind => 'list', status => 429, headers => { 'Retry-After' => '1' }, times => 20);
is_deeply([ sync_all() ], [ '200 crew calls: 200 ok', '' ], "hour $hour: a short burst of 429 is waited out");
is(alerts(), '', 'without an alert');

an_hour_passes();
edit_database(20);
$sim->clear_log;
$sim->fault(kind => 'list', status => 429, headers => { 'Retry-After' => '3600' }, times => 0, skip => 60);
($counts, $sqlstate) = sync_all();
like($counts, qr/^200 crew calls: (\d+ ok, )?(\d+ partial, )?1[34567]\d deferred$/, "hour $hour: a long one defers the rest");
like($session->error, qr/Try again in 3600 s/, 'until when is told');
cmp_ok($sim->counts->{list}, '<=', 60 + 40, 'Flex is left alone');
my $partial = $counts =~ /(\d+) partial/ ? $1 : 0;
is($sqlstate, $partial ? 'P0001' : '', 'what is deferred is no error');

an_hour_passes();
$sim->clear_faults;
edit_flex(15);
is_deeply([ sync_all() ], [ '200 crew calls: 200 ok', '' ], "hour $hour: the next run makes good");
is($db->value(q(SELECT count(*) FROM flex_sync_health WHERE missing_crew = 0 AND duplicates = 0)), 1, 'nobody is missing, nobody is there twice');

# ---- the evening

my @differences = map { $db->differences("element-$_") } 1 .. $count;
is_deeply(\@differences, [], 'every crew agrees');
my %adds;
$adds{ "$_->{element} $_->{resource}" }++ foreach grep { $_->{acted} } $sim->log(kind => 'add');
is_deeply([ grep { $adds{$_} > 2 } keys %adds ], [], 'nobody was called again and again');
an_hour_passes() foreach 1 .. 25;
$health = health();
is_deeply([ targets($health), $health->{syncs_24h}, $health->{failure_rate_24h} ], [ '1111', 0, undef ], 'a day later the books are closed');
done_testing;
