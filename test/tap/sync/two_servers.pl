# Two foreign servers with one URL, two users, two calls of one element: one crew, and one lock. The second sync waits for
# the first, and calls nobody again. What is remembered of the element's lines is one memory too.

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
	GRANT SET ON PARAMETER flex_sync.server TO other;
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
# ---- what is remembered of lines belongs to the element, whichever server it was learned through

sub through
{
	my ($server, $of, %arguments) = @_;
	$db->sim->clear_log;
	$db->run("SET flex_sync.server = '$server'");
	my $result = $db->sync($of, %arguments);
	$db->run('RESET flex_sync.server');
	return $result;
}

sub adds { return $db->sim->counts->{add} // 0 }

$db->set_server(deadline => '600ms');
$db->run("ALTER SERVER second OPTIONS (ADD deadline '600ms')");

# An add that Flex has accepted and does not list yet.
my $late = $db->make_call('element-2', 1, 2);
$db->sim->configure(hide_adds => 1);
is(through('flex', $late)->{status}, 'partial', 'two whom Flex does not show yet');
is(through('second', $late)->{status}, 'partial', 'nor through the second server');
is(adds(), 0, 'which calls nobody again');
$db->run("UPDATE flex_sync_contact SET noted_at = noted_at - interval '61 seconds' WHERE NOT was_shown");
through('second', $late);
is(adds(), 2, 'after a minute it does');
through('flex', $late);
is(adds(), 0, 'and then the first does not');
$db->run("UPDATE flex_sync_contact SET noted_at = noted_at - interval '61 seconds' WHERE NOT was_shown");
through('flex', $late);
is(adds(), 0, 'the pause has doubled for both');
$db->sim->configure(hide_adds => 0);

# An add whose answer was lost.
my $lost = $db->make_call('element-3', 1);
$db->sim->fault(kind => 'add', status => 504, act => 0, times => 1);
is(through('flex', $lost)->{status}, 'partial', 'an add without an answer');
is(through('second', $lost)->{status}, 'partial', 'is not sent again through the second server');
is(adds(), 0, 'too soon');

# What is ours, and the role that Flex does not show.
my $owned = $db->make_call('element-4', { technician => 1, role => 'role-1' }, 2);
$db->sim->configure(shape => { role => 'hidden' });
is(through('flex', $owned)->{status}, 'ok', 'a crew with a role that Flex does not show');
is(through('second', $owned)->{http_requests}, 1, 'which is not sent again through the second server');
$db->run("DELETE FROM flex_crew_assignments WHERE crew_call_id = '$owned'");
$db->desire($owned, { technician => 1, role => 'role-1' });
is(through('second', $owned, prune => 'owned')->{pruned}, 1, 'a contact of ours is ours through either');
is($db->value(q(SELECT count(*) FROM (SELECT FROM flex_sync_contact WHERE flex_line_item_id IS NOT NULL
	GROUP BY flex_element_id, flex_line_item_id HAVING count(*) > 1) AS q)), 0, 'no line is remembered twice');
done_testing;
