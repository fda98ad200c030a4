# Cancel, termination and timeouts in each phase of a sync: the server's own error, soon, and no lock, descriptor or request is left
# behind; rows are as they were, and the next sync goes on from what Flex shows.

use strict;
use warnings;

use BackendProcess;
use FlexSync;
use HangingResolver;
use IO::Socket::INET;
use Test::More;
use Time::HiRes qw(sleep time);

my $db;
{
	local $ENV{LD_PRELOAD} = HangingResolver->build;
	$db = FlexSync->start(server => { connect_timeout => '30s', request_timeout => '30s', deadline => '90s', retries => 20 });
}
my $sim = $db->sim;
my $call = $db->make_call('element-1', 1 .. 3);
is($db->sync($call)->{status}, 'ok', 'a crew is in sync');
my @crew = $db->assignments($call);
my $sync = "SELECT flex_sync_crew('$call')";

# A listening socket whose queue is full does not take part in a handshake; one that nobody accepts from says nothing.
my $silent = IO::Socket::INET->new(Listen => 5, LocalAddr => '127.0.0.1') or die $!;
my $full = IO::Socket::INET->new(Listen => 1, LocalAddr => '127.0.0.1') or die $!;
my @queue = map { IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $full->sockport, Blocking => 0) } 1 .. 4;

# A view and a trigger that are slow when they are told to be.
$db->run(q(
	CREATE TABLE slow (reading float, writing float);
	INSERT INTO slow VALUES (0, 0);
	ALTER TABLE flex_desired_crew RENAME TO desired;
	CREATE FUNCTION be_slow() RETURNS boolean LANGUAGE plpgsql AS
		$$ BEGIN PERFORM pg_sleep((SELECT reading FROM slow)); RETURN true; END $$;
	CREATE VIEW flex_desired_crew AS SELECT d.* FROM desired AS d, (SELECT be_slow() AS was OFFSET 0) AS s WHERE s.was;
	CREATE FUNCTION wait_for_it() RETURNS trigger LANGUAGE plpgsql AS
		$$ BEGIN PERFORM pg_sleep((SELECT writing FROM slow)); RETURN NEW; END $$;
	CREATE TRIGGER wait_for_it BEFORE INSERT ON flex_crew_assignments FOR EACH ROW EXECUTE FUNCTION wait_for_it();
));
sub desire_one_more { return $db->run("INSERT INTO desired VALUES ('$call', '@{[ technician(4) ]}', 'resource-4') ON CONFLICT DO NOTHING") }
sub desire_three { return $db->run("DELETE FROM desired WHERE technician_id = '@{[ technician(4) ]}'; UPDATE slow SET reading = 0, writing = 0") }

# How to get into each phase, and out of it.
my $holder = $db->session;
my %phases = (
	'lock' => {
		begin => sub { $holder->run("ROLLBACK; BEGIN; SELECT pg_advisory_xact_lock(flex_sync_lock_key('$call'))") },
		end => sub { $holder->run('ROLLBACK') },
	},
	'SPI' => { begin => sub { $db->run('UPDATE slow SET reading = 30') }, end => \&desire_three },
	'rehearsal' => { begin => sub { desire_one_more(); $db->run('UPDATE slow SET writing = 30') }, end => \&desire_three },
	'name' => { begin => sub { $db->set_server(url => 'https://hangs.example/f5/api') } },
	'connection' => { begin => sub { $db->set_server(url => 'http://127.0.0.1:' . $full->sockport) } },
	'TLS' => { begin => sub { $db->set_server(url => 'https://127.0.0.1:' . $silent->sockport) } },
	'first byte' => { begin => sub { $sim->fault(kind => 'list', hang => 1) } },
	'body' => {
		begin => sub { $sim->fault(kind => 'list', body => '[' . ' ' x 10_000 . ']', slow_body => { bytes => 1, every_ms => 50 }) }
	},
	'backoff' => { begin => sub { $sim->fault(kind => 'list', status => 429, headers => { 'Retry-After' => '60' }) } },
	'plan' => { begin => sub { $sim->fault(kind => 'list', hang => 1) }, statement => "SELECT FROM flex_sync_plan('$call')" },
);
my %ends = (cancel => [ '57014', 'canceling statement due to user request' ], terminate => [ '57P01', 'terminating connection due to administrator command' ]);

# The simulator looks now and then.
sub flex_sees_nobody
{
	my $tries = 0;
	sleep 0.01 while $sim->held(0) && ++$tries < 200;
	return $tries < 200;
}

# Takes seconds until the end is due.
sub ends
{
	my ($name, $session, $state, $words, $due) = @_;
	my $begun = time + $due;
	is($session->finish_sqlstate, $state, "$name: the server's own error") or diag($session->error);
	cmp_ok(time - $begun, '<', 3, "$name: soon");
	like($session->error, qr/^(ERROR|FATAL):  $state: $words$/m, "$name: in the server's words");
	$db->wait_until("SELECT count(*) = 0 FROM pg_locks WHERE locktype = 'advisory' AND pid = " . $session->pid);
	return ok(flex_sees_nobody(), "$name: nothing waits in Flex");
}

foreach my $phase (sort keys %phases)
{
	my ($begin, $end, $statement) = @{ $phases{$phase} }{qw(begin end statement)};
	my $session = $db->session;
	$session->run("SELECT FROM flex_sync_plan('$call')");
	my $backend = BackendProcess->new($session->pid);
	my @descriptors = $backend->descriptors;

	# A sync watches its own clock: only where it waits for the server itself is it the server that ends it.
	$begin->();
	$session->start("SET statement_timeout = '1200ms'; " . ($statement // $sync));
	if ($phase =~ /lock|SPI|rehearsal/)
	{
		ends("$phase: statement_timeout", $session, '57014', 'canceling statement due to statement timeout', 1.2);
	}
	else
	{
		is($session->finish_sqlstate, $statement ? '08006' : '', "$phase: statement_timeout: it ends by itself") or diag($session->error);
		like($session->{output}, qr/,(failed|deferred),/, "$phase: statement_timeout: with a status") if !$statement;
	}
	$session->run('RESET statement_timeout');

	foreach my $how (sort keys %ends)
	{
		$sim->clear_faults;
		$begin->();
		$session->start($statement // $sync);
		$db->wait_until("SELECT wait_event IS NOT NULL AND state = 'active' FROM pg_stat_activity WHERE pid = " . $session->pid);
		sleep 0.2;
		$db->run("SELECT pg_${how}_backend(" . $session->pid . ')');
		ends("$phase: $how", $session, @{ $ends{$how} }, 0);
		next if $how eq 'terminate';
		is($session->value('SELECT 1'), 1, "$phase: the backend is usable");
		# A resolver that hangs keeps a socket of its own, until it gives up.
		cmp_ok(scalar $backend->descriptors, '<=', @descriptors + ($phase eq 'name' ? 2 : 0), "$phase: it holds no descriptor more");
	}
	$db->wait_until('SELECT NOT EXISTS (SELECT FROM pg_stat_activity WHERE pid = ' . $session->pid . ')');
	$sim->clear_faults;
	$end->() if $end;
	$db->set_server(url => $sim->url);
	is_deeply([ $db->assignments($call) ], \@crew, "$phase: the rows are as they were");
	is($db->sync($call)->{status}, 'ok', "$phase: another session syncs");
}
is(scalar(grep { $_->{kind} ne 'list' } $sim->log), 3, 'nobody was called in all that, but the crew at the beginning');

# ---- what was done when it was cancelled is found by the next sync, in the same backend

my $session = $db->session;
desire_one_more();
$sim->fault(kind => 'add', hang => 'after');
$session->start($sync);
is($sim->held, 1, 'an add is under way');
$session->cancel;
ends('an add: cancel', $session, @{ $ends{cancel} }, 0);
my $result = $session->sync($call);
is("@{$result}{qw(status adopted added)}", 'ok 1 0', 'the next sync finds the contact');
$db->agrees('element-1', 'after it');

$sim->configure(hide_adds => 1);
$db->run("INSERT INTO desired VALUES ('$call', '@{[ technician(5) ]}', 'resource-5')");
$sim->clear_log;
$session->start($sync);
sleep 0.01 until $sim->counts->{list} >= 2 || !$session->is_running;
$session->wait_for_network;
$session->cancel;
ends('while Flex is given time to show what it accepted: cancel', $session, @{ $ends{cancel} }, 0);
$sim->configure(hide_adds => 0);

# ---- a cancel that is caught, and lock_timeout

$sim->fault(kind => 'list', hang => 1);
$session->start("DO \$\$ BEGIN PERFORM flex_sync_crew('$call'); EXCEPTION WHEN query_canceled THEN RAISE NOTICE 'caught %', SQLSTATE; END \$\$");
$sim->held;
$session->cancel;
is($session->finish_sqlstate, '', 'an EXCEPTION block catches a cancel');
like($session->error, qr/NOTICE: .*caught 57014/, 'as query_canceled');
$db->wait_until("SELECT count(*) = 0 FROM pg_locks WHERE locktype = 'advisory'");
ok(flex_sees_nobody(), 'nothing waits in Flex after it');
$phases{lock}{begin}->();
$session->start("SET lock_timeout = '100ms'; $sync");
ends('lock_timeout', $session, '55P03', 'canceling statement due to lock timeout', 0.1);
$phases{lock}{end}->();
unlike(PostgreSQL::Test::Utils::slurp_file($db->node->logfile), qr/PANIC|terminated by signal/, 'the server never faltered');
done_testing;
