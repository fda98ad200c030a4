# Two foreign servers with one URL, two users, two calls of one element: one crew, and one lock. The second sync waits for
# the first, and calls nobody again.

use strict;
use warnings;

use FlexSync;
use Test::More;

my $db = FlexSync->start;
my $call = $db->make_call('element-1', 1 .. 3);
my $alias = $db->make_call('ELEMENT-1');

$db->run(q(
	CREATE ROLE other LOGIN;
	GRANT SELECT ON flex_crew_calls, flex_desired_crew TO other;
	GRANT SELECT, INSERT, UPDATE, DELETE ON flex_crew_assignments TO other;
	GRANT EXECUTE ON FUNCTION flex_sync_crew TO other;
));
$db->make_server('second');
$db->make_mapping('second', 'other');
$db->run('GRANT USAGE ON FOREIGN SERVER second TO other');

my $one = $db->session;
my $other = $db->session(user => 'other');
$other->run("SET flex_sync.server = 'second'");
is($other->value("SELECT flex_sync_lock_key('$call')"), $one->value("SELECT flex_sync_lock_key('$call')"),
	'one key for both users and servers');

foreach my $round (1 .. 5)
{
	$db->sim->clear_log;
	$db->sim->seed('element-1', []);
	$db->sim->fault(kind => 'add', hold => 'after');
	$one->start_sync($call);
	$db->sim->held;
	$other->start_sync($call);
	$other->wait_for_lock;
	is($db->sim->counts->{list}, $round == 1 ? 1 : 2, 'the second sends nothing while the first runs');
	$db->sim->release;
	my $first = $one->finish_sync;
	my $second = $other->finish_sync;
	is("$first->{status} $second->{status}", 'ok ok', 'both are ok');
	is("$first->{added} $second->{kept}", '3 3', 'the first adds, the second keeps');
	is($db->sim->counts->{add}, 3, 'nobody is called twice');
	$db->agrees('element-1', "after round $round");
}

is($db->value(q(SELECT string_agg(DISTINCT server || ' ' || triggered_by, ', ') FROM flex_sync_log)),
	'flex postgres, second other', 'the log tells them apart');
done_testing;
