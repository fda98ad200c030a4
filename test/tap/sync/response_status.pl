# In a request of PostgREST a sync sets the HTTP status of the response, and for `deferred` when to come back. Elsewhere it sets nothing.

use strict;
use warnings;

use FlexSync;
use Test::More;

my $db = FlexSync->start(server => { retries => 0 });
my $sim = $db->sim;
my $call = $db->make_call('element-1', 1 .. 6);
my $session = $db->session;

# What a request of PostgREST is: a transaction with settings of its own.
sub request
{
	my ($arguments, $method) = @_;
	my $set = defined $method ? "SET LOCAL \"request.method\" = '$method'; " : '';
	my $settings = join q( || '|' || ), map { "coalesce(current_setting('response.$_', true), '')" } 'status', 'headers';
	$session->start("BEGIN; ${set}SELECT status FROM flex_sync_crew('$call'$arguments); SELECT $settings; COMMIT");
	my $state = $session->finish_sqlstate;
	$session->run('ROLLBACK') if $state;
	return $state ? $state : join ' ', split /\n/, $session->{output};
}

sub responds
{
	my ($name, $expected, $arguments) = @_;
	return is(request($arguments // '', 'POST'), $expected, $name);
}

responds('ok', 'ok 200|');
$sim->fault(kind => 'list', status => 503);
responds('failed', 'failed 502|');
$sim->fault(kind => 'list', status => 403);
responds('failed, refused', 'failed 502|');
$db->set_server(request_timeout => '100ms');
$sim->fault(kind => 'list', hang => 1);
responds('failed, a timeout', 'failed 504|');
$db->set_server(request_timeout => undef);

$sim->fault(kind => 'list', status => 429, headers => { 'Retry-After' => '120' });
responds('deferred, as Flex said', 'deferred 429|[{"Retry-After": "120"}]');
$sim->fault(kind => 'list', status => 429);
responds('deferred, as Flex did not say', 'deferred 429|[{"Retry-After": "60"}]');
$db->set_server(hourly_limit => 1);
like(request('', 'POST'), qr/^deferred 429\|\[\{"Retry-After": "3[56]\d\d"\}\]$/, 'deferred by our own limit');
$db->set_server(hourly_limit => undef);

$db->desire($call, 1 .. 7);
$sim->fault(kind => 'add', status => 422);
responds('partial', 'partial 207|');
responds('and ok', 'ok 200|');
$db->desire($call);
responds('blocked', 'blocked 409|');
$db->desire($call, 1 .. 7);

my $other = $db->session;
$other->run("BEGIN; SELECT pg_advisory_xact_lock(flex_sync_lock_key('$call'))");
responds('busy', 'busy 409|', ', nowait => true');

# Coalesced: behind another one that waits for the same lock.
my $one = $db->session;
$one->start_sync($call);
$one->wait_for_lock;
my $settings = q(current_setting('response.status', true));
$session->start("BEGIN; SET LOCAL \"request.method\" = 'POST'; SELECT status, $settings FROM flex_sync_crew('$call'); SELECT $settings; COMMIT");
$session->wait_for_lock;
$other->run('ROLLBACK');
my $first = $one->finish_sync->{status};
my ($second, $http_status) = split /\n/, $session->finish;
is_deeply([ sort $first, $second =~ s/\|.*//r ], [qw(coalesced ok)], 'one of two is coalesced');
is($http_status, '200', 'its status, or that of the other one, is 200');

# So is one that Flex put off: each is told when to come back, not only the one that asked.
$other->run("BEGIN; SELECT pg_advisory_xact_lock(flex_sync_lock_key('$call'))");
$sim->clear_log;
$sim->fault(kind => 'list', status => 429, headers => { 'Retry-After' => '300' });
$one->start_sync($call);
$one->wait_for_lock;
my $headers = q(current_setting('response.headers', true));
$session->start("BEGIN; SET LOCAL \"request.method\" = 'POST'; SELECT status FROM flex_sync_crew('$call'); SELECT $headers; COMMIT");
$session->wait_for_lock;
$other->run('ROLLBACK');
is($one->finish_sync->{status}, 'deferred', 'one that Flex puts off');
like(join(' ', split /\n/, $session->finish), qr/^deferred \[\{"Retry-After": "(30\d|29\d)"\}\]$/, 'and the one that waited for it');
is($sim->counts->{total}, 1, 'after one request');
like($db->value("SELECT retry_at - started_at FROM flex_sync_log WHERE status = 'deferred' ORDER BY run_id DESC LIMIT 1"), qr/^00:05:00/, 'the log knows when');

# Errors: those that PostgREST knows pass, two take its own form.
my $nobody = 'ca110000-0000-4000-8000-00000000000f';
my $without = $db->make_call(undef, 1);
foreach my $case ([ $nobody, 'P0002', 'PT404' ], [ $without, '55000', 'PT409' ])
{
	my ($id, $plain, $own) = @$case;
	foreach my $function ("flex_sync_crew('$id')", "flex_sync_plan('$id')", "flex_crew_contacts('$id')")
	{
		is($session->sqlstate_of("SELECT $function"), $plain, "$function: $plain");
		is($session->sqlstate_of("BEGIN; SET LOCAL \"request.method\" = 'POST'; SELECT $function"), $own, "$function: $own in a request");
		like($session->error, qr/^HINT:  \w/m, "$function: with its hint");
		$session->run('ROLLBACK');
	}
}
is($session->sqlstate_of("BEGIN; SET LOCAL \"request.method\" = 'POST'; SELECT flex_sync_crew(NULL)"), '22004', 'others are as they are');
$session->run('ROLLBACK');

# Elsewhere.
foreach my $method (undef, '')
{
	my $name = defined $method ? 'with an empty request.method' : 'without request.method';
	is(request('', $method), 'ok |', "$name: ok");
	$sim->fault(kind => 'list', status => 429, headers => { 'Retry-After' => '120' });
	is(request('', $method), 'deferred |', "$name: deferred");
}
is($session->run("SELECT coalesce(current_setting('response.status', true), '')"), '', 'nothing is left after the transaction');

# The log tells whose request it was.
$session->run(qq(BEGIN; SET LOCAL "request.method" = 'POST'; SET LOCAL "request.jwt.claims" = '{"sub": "user-7", "role": "x"}'));
my $result = $session->sync($call);
$session->run('COMMIT');
is($db->log_of($result->{run_id})->{triggered_by}, 'user-7', 'the log has the sub of the token');
foreach my $claims ('', 'no JSON', '[]', '{"sub": null}')
{
	$session->run("BEGIN; SET LOCAL \"request.method\" = 'POST'; SET LOCAL \"request.jwt.claims\" = '$claims'");
	$result = $session->sync($call);
	$session->run('COMMIT');
	is($db->log_of($result->{run_id})->{triggered_by}, $db->run('SELECT current_user'), "or the session's user, for claims '$claims'");
}
done_testing;
