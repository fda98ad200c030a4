# Which crews CALL flex_sync_all takes, in which order, and what it leaves: those that are busy, that come through another call of
# the element, or that neither time nor requests are left for.

use strict;
use warnings;

use FlexSync;
use Test::More;
use Time::HiRes qw(time);

my $db = FlexSync->start(server => { max_parallel => 2 });
my $sim = $db->sim;
my @calls = map { $db->make_call("element-$_", $_) } 1 .. 8;

sub listed { return join ',', map { $_->{element} =~ /(\d+)$/ } sort { $a->{ordinal} <=> $b->{ordinal} } $sim->log(kind => 'list') }

sub call_all
{
	my ($arguments, $session) = @_;
	$session //= $db;
	$sim->clear_log;
	$session->run('CALL flex_sync_all(' . ($arguments // '') . ')');
	my ($counts) = $session->error =~ /NOTICE:  00000: flex_sync_all: (.*), \d+ s$/m;
	return $counts // $session->error;
}

# ---- nothing

$db->run('CREATE OR REPLACE VIEW flex_due_crew_calls AS SELECT id AS crew_call_id FROM flex_crew_calls WHERE false');
$db->run('CALL flex_sync_all()');
like($db->error, qr/^NOTICE:  00000: flex_sync_all: no crew call is due$/m, 'nothing is due');
$db->run(q(CREATE OR REPLACE VIEW flex_due_crew_calls AS SELECT id AS crew_call_id FROM flex_crew_calls WHERE flex_element_id = 'element-5'));
is(call_all(), '1 crew call: 1 ok', 'a single one');
$db->run('CREATE OR REPLACE VIEW flex_due_crew_calls AS SELECT id AS crew_call_id FROM flex_crew_calls');

# ---- order

$db->sync($calls[$_ - 1]) foreach 7, 2;
is(call_all(), '8 crew calls: 8 ok', 'all of them');
my @order = map { $_->{n} } $db->rows('SELECT right(crew_call_id::text, 1)::int AS n FROM flex_sync_log WHERE run_id > 3 ORDER BY run_id');
is("@order", '1 3 4 6 8 5 7 2', 'those that were never synced come first, then the least recently synced');
is($db->run("SELECT string_agg(DISTINCT triggered_by, ',') FROM flex_sync_log"), $db->run('SELECT session_user'), 'the log says by whom');

# ---- busy crews, whatever lock_timeout says

my $holder = $db->session;
$holder->run("BEGIN; SELECT pg_advisory_xact_lock(flex_sync_lock_key('$calls[3]'))");
$db->run('SET lock_timeout = 1');
is(call_all(), '8 crew calls: 7 ok, 1 busy', 'a crew that another session holds is busy');
unlike(listed(), qr/4/, 'and not listed');
$db->run('RESET lock_timeout');
$holder->run('ROLLBACK');

# ---- crews that the database refuses to read, before Flex is asked or while it answers

sub last_failures
{
	return map { $_->{text} } $db->rows(q(SELECT message || ' ' || (diagnostics->0->>'code') AS text FROM flex_sync_log
		WHERE status = 'failed' ORDER BY run_id));
}
$db->run("ALTER TABLE flex_desired_crew RENAME TO desired_table; CREATE VIEW flex_desired_crew AS SELECT crew_call_id, technician_id,
	flex_resource_id, (1 / (crew_call_id <> '$calls[4]')::int)::text AS business_role_id FROM desired_table");
is(call_all('strict => false'), '8 crew calls: 7 ok, 1 failed', 'one whose view raises fails, and keeps no other from being synced');
is_deeply([last_failures], ['The database refused the sync, and nothing was changed. division by zero. 22012'], 'the log says why');
unlike(listed(), qr/5/, 'without a request');
$db->run('DROP VIEW flex_desired_crew; ALTER TABLE desired_table RENAME TO flex_desired_crew; TRUNCATE flex_sync_log');
$holder->run('BEGIN; LOCK TABLE flex_sync_contact');
$db->run('SET lock_timeout = 1');
is(call_all('strict => false'), '8 crew calls: 8 failed', 'without what is remembered nothing is synced');
is_deeply([last_failures],
	[ ('The database refused the sync, and nothing was changed. canceling statement due to lock timeout. 55P03') x 8 ], 'and why');
$holder->run('ROLLBACK');
$db->run('RESET lock_timeout');
is(call_all(), '8 crew calls: 8 ok', 'and then it is');

# A crew call that can be read with the others, and not by itself when its turn comes.
$db->run(q(CREATE TABLE poison (id uuid); ALTER TABLE flex_crew_calls RENAME TO calls;
	CREATE FUNCTION antidote(id uuid) RETURNS uuid LANGUAGE plpgsql AS $$ BEGIN
		IF EXISTS (SELECT FROM poison AS p WHERE p.id = antidote.id) THEN RAISE 'not this one'; END IF;
		RETURN NULL; END $$));
$db->run('CREATE VIEW flex_crew_calls AS SELECT id, antidote(id) AS job_id, department, flex_element_id FROM calls;
	CREATE OR REPLACE VIEW flex_due_crew_calls AS SELECT id AS crew_call_id FROM flex_crew_calls');
my $poisoned = $db->session;
$sim->fault(kind => 'list', hold => 'before');
$poisoned->start('CALL flex_sync_all(strict => false)');
is(scalar $sim->held(10, 1), 1, 'in the first batch');
my ($last) = $db->rows("SELECT crew_call_id FROM flex_sync_log ORDER BY run_id DESC LIMIT 1");
$db->run("INSERT INTO poison VALUES ('$last->{crew_call_id}')");
$sim->release;
$poisoned->finish;
like($poisoned->error, qr/flex_sync_all: 8 crew calls: 7 ok, 1 failed/, 'one whose call raises when it is locked fails alone');
is_deeply([ (last_failures())[-1] ], ['The database refused the sync, and nothing was changed. not this one. P0001'], 'and the log says why');
$db->run('CREATE OR REPLACE VIEW flex_due_crew_calls AS SELECT id AS crew_call_id FROM calls; DROP VIEW flex_crew_calls;
	ALTER TABLE calls RENAME TO flex_crew_calls; DROP TABLE poison');

# ---- aliases

my $alias = $db->make_call('element-6', 6, 66);
my $empty = $db->make_call(undef, 1);
is(call_all(), '8 crew calls: 8 ok', 'an element that two calls share counts once; a call without an element never');
is(scalar(() = listed() =~ /6/g), 2, 'it is synced once: a listing, and the closing one');
$db->agrees('element-6', 'for both calls');

# ---- a trigger that refuses one crew, one that has no contacts to show, one that is deleted in the middle

$db->run(q(CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'not on this call'; END $$));
$db->run("CREATE TRIGGER refuse BEFORE INSERT ON flex_crew_assignments FOR EACH ROW
	WHEN (new.crew_call_id = '$calls[1]') EXECUTE FUNCTION refuse()");
$db->desire($calls[$_ - 1], $_, 10 + $_) foreach 1 .. 3;
is($db->sqlstate_of('CALL flex_sync_all()'), 'P0001', 'a trigger that raises');
like($db->error, qr/DETAIL:  Crew call $calls[1]: partial\. .*not on this call/, 'makes one crew partial, and is told');
like($db->error, qr/flex_sync_all: 8 crew calls: 7 ok, 1 partial/, 'the others are synced');
$db->agrees("element-$_", 'beside it') foreach 1, 3;
$db->run('DROP TRIGGER refuse ON flex_crew_assignments');

# An error outside of the writing of rows: a desired crew that cannot be read.
$db->run('ALTER TABLE flex_desired_crew RENAME TO desired; CREATE VIEW flex_desired_crew AS SELECT * FROM desired');
$db->run("CREATE OR REPLACE VIEW flex_desired_crew AS SELECT crew_call_id, technician_id,
	CASE WHEN crew_call_id = '$calls[4]' THEN (1 / (random() * 0)::int)::text ELSE flex_resource_id END AS flex_resource_id, business_role_id FROM desired");
is($db->sqlstate_of('CALL flex_sync_all()'), 'P0001', 'a crew that cannot be read');
like($db->error, qr/DETAIL:  Crew call $calls[4]: failed\. .*division by zero/, 'fails alone');
like($db->error, qr/flex_sync_all: 8 crew calls: 7 ok, 1 failed/, 'the others are synced');
$db->run('DROP VIEW flex_desired_crew; ALTER TABLE desired RENAME TO flex_desired_crew');

my $going = $db->session;
$sim->fault(kind => 'list', hold => 'before');
$going->start('CALL flex_sync_all()');
is(scalar $sim->held(10, 1), 1, 'in the first batch');
my ($latest) = $db->rows('SELECT crew_call_id FROM flex_sync_log ORDER BY run_id DESC LIMIT 1');
my $element = 'element-' . (1 * substr $latest->{crew_call_id}, -12);
$db->run("DELETE FROM $_ WHERE crew_call_id = '$latest->{crew_call_id}'") foreach qw(flex_crew_assignments flex_desired_crew);
$db->run("DELETE FROM flex_crew_calls WHERE id = '$latest->{crew_call_id}'");
my $contacts = scalar $db->flex_contacts($element);
$sim->release;
$going->finish;
like($going->error, qr/flex_sync_all: 7 crew calls: 7 ok/, 'a crew call that is deleted meanwhile is not counted');
is(scalar $db->flex_contacts($element), $contacts, 'nor are its contacts deleted');

# ---- not enough time

$sim->configure(latency_ms => 400);
my $hurried = $db->session;
$hurried->run('SET statement_timeout = 2000');
my $begun = time;
like(call_all('', $hurried), qr/^7 crew calls: [246] ok, [135] deferred$/, 'near statement_timeout the rest is deferred');
like($hurried->error, qr/^DETAIL:  statement_timeout leaves no time for more\.$/m, 'which is told');
cmp_ok(time - $begun, '<', 2, 'before it strikes');
$hurried->run('SET statement_timeout = 700');
like(call_all('', $hurried), qr/^7 crew calls: [1-6] ok, [1-6] deferred$/, 'however short it is, some crews have their turn');
$sim->configure(latency_ms => 0);

# ---- not enough requests

sub sent { return $sim->counts->{total} }
$db->run('DELETE FROM flex_sync_log');
$db->set_server(hourly_limit => 9);
my @rest = sort grep { $_ ne $latest->{crew_call_id} } @calls;
$db->desire($_, 200, 201) foreach @rest;
my $counts = call_all();
like($counts, qr/^7 crew calls: \d ok, \d deferred$/, 'near the limit the rest is deferred');
cmp_ok(sent(), '<=', 9, 'which is never exceeded on the wire');
cmp_ok(sent(), '>=', 7, 'nor left unused');
like($db->error, qr/^DETAIL:  .*hourly_limit \(9\) of server "flex" leaves \d\. Try again in \d+ s\.$/m, 'the notice says why, and when to come back');
like(call_all(), qr/^7 crew calls: .*deferred$/, 'again: deferred');
cmp_ok($db->value('SELECT sum(http_requests) FROM flex_sync_log'), '<=', 9, 'and still within the limit');

# A crew that was deferred does not lose its turn.
$db->run(q(UPDATE flex_sync_log SET started_at = started_at - interval '2 hours'));
my %was_synced = map { $_->{crew_call_id} => 1 } $db->rows(q(SELECT crew_call_id FROM flex_sync_log WHERE status <> 'deferred'));
my @deferred = grep { !$was_synced{$_} } map { $_->{crew_call_id} } $db->rows(q(SELECT crew_call_id FROM flex_sync_log WHERE status = 'deferred'));
cmp_ok(scalar @deferred, '>=', 1, 'some were deferred and never synced');
my $before = $db->value('SELECT max(run_id) FROM flex_sync_log');
$db->set_server(hourly_limit => undef);
call_all();
my @turns = map { $_->{crew_call_id} } $db->rows("SELECT crew_call_id FROM flex_sync_log WHERE run_id > $before ORDER BY run_id");
my @wrong_turn = grep { my $i = $_; !$was_synced{ $turns[$i] } && grep { $was_synced{$_} } @turns[ 0 .. $i ] } 0 .. $#turns;
is_deeply(\@wrong_turn, [], 'they come before those that were synced');

# Flex says that it has had enough: the rest is left for later as well.
$sim->fault(kind => 'list', status => 429, headers => { 'Retry-After' => '3600' }, times => 0, skip => 2);
like(call_all(), qr/^7 crew calls: 2 ok, 5 deferred$/, '429: the rest is deferred');
cmp_ok($sim->counts->{list}, '<=', 2 * 2 + 4, 'without asking for every crew');
done_testing;
