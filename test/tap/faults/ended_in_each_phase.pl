# Termination, statement_timeout and a lost client in each phase of a sync: the server's own error soon, no lock, socket or
# request left behind. (That a cancel is heard soon, wherever a sync waits, is shown by cancel_is_heard.pl.)

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
my @crew = ($db->assignments($call));

my $silent = IO::Socket::INET->new(Listen => 5, LocalAddr => '127.0.0.1') or die $!;
my $full = IO::Socket::INET->new(Listen => 1, LocalAddr => '127.0.0.1') or die $!;
my @queue = map { IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $full->sockport, Blocking => 0) } 1 .. 4;

# A view that is slow when it is told to be.
$db->run(q(
	CREATE TABLE slow (seconds float);
	INSERT INTO slow VALUES (0);
	ALTER TABLE flex_desired_crew RENAME TO desired;
	CREATE FUNCTION be_slow() RETURNS boolean LANGUAGE plpgsql AS
		$$ BEGIN PERFORM pg_sleep((SELECT seconds FROM slow)); RETURN true; END $$;
	CREATE VIEW flex_desired_crew AS SELECT d.* FROM desired AS d, (SELECT be_slow() AS was OFFSET 0) AS s WHERE s.was;
	CREATE FUNCTION wait_for_it() RETURNS trigger LANGUAGE plpgsql AS
		$$ BEGIN PERFORM pg_sleep((SELECT seconds FROM slow)); RETURN NEW; END $$;
	CREATE TRIGGER wait_for_it BEFORE INSERT ON flex_crew_assignments FOR EACH ROW EXECUTE FUNCTION wait_for_it();
));

# Each phase: how to get there, a function that waits until it is there, how to leave it.
my $holder = $db->session;
my %phases = (
	'1 lock' => {
		begin => sub { $holder->run("BEGIN; SELECT pg_advisory_xact_lock(flex_sync_lock_key('$call'))") },
		end => sub { $holder->run('ROLLBACK') },
	},
	'2 SPI' => {
		begin => sub { $db->run('UPDATE slow SET seconds = 30') },
		end => sub { $db->run('UPDATE slow SET seconds = 0') },
	},
	'3 name' => { begin => sub { $db->set_server(url => 'https://hangs.example/f5/api') } },
	'4 connection' => { begin => sub { $db->set_server(url => 'http://127.0.0.1:' . $full->sockport) } },
	'5 TLS' => { begin => sub { $db->set_server(url => 'https://127.0.0.1:' . $silent->sockport) } },
	'6 first byte' => { begin => sub { $sim->fault(kind => 'list', hang => 1) } },
	'7 body' => {
		begin => sub { $sim->fault(kind => 'list', body => '[' . ' ' x 10_000 . ']', slow_body => { bytes => 1, every_ms => 50 }) }
	},
	'8 backoff' => { begin => sub { $sim->fault(kind => 'list', status => 429, headers => { 'Retry-After' => '60' }) } },
	'9 rehearsal' => {
		begin => sub { $db->run("INSERT INTO desired VALUES ('$call', '@{[ technician(4) ]}', 'resource-4') ON CONFLICT DO NOTHING");
			$db->run("CREATE OR REPLACE FUNCTION be_slow() RETURNS boolean LANGUAGE sql AS 'SELECT true'; UPDATE slow SET seconds = 30") },
		end => sub { $db->run("DELETE FROM desired WHERE technician_id = '@{[ technician(4) ]}'; UPDATE slow SET seconds = 0") },
	},
);

# The simulator looks now and then.
sub flex_sees_nobody
{
	my $tries = 0;
	sleep 0.01 while $sim->held(0) && ++$tries < 200;
	return $tries < 200;
}

sub ends
{
	my ($phase, $how, $state, $session, $end) = @_;
	my $name = "$phase: $how";
	my $begun = time + $end->($session);
	is($session->finish_sqlstate, $state, "$name: the server's own error") or diag($session->error);
	cmp_ok(time - $begun, '<', 3, "$name: soon");
	my $pid = $session->pid;
	$db->wait_until("SELECT count(*) = 0 FROM pg_locks WHERE locktype = 'advisory' AND pid = $pid");
	ok(flex_sees_nobody(), "$name: nothing waits in Flex");
	return;
}

foreach my $phase (sort keys %phases)
{
	my ($begin, $end) = @{ $phases{$phase} }{qw(begin end)};
	my $session = $db->session;
	$session->run('SELECT FROM flex_sync_plan($$' . $call . '$$)');
	my @descriptors = BackendProcess->new($session->pid)->descriptors;

	$begin->();
	$session->start("SET statement_timeout = '1200ms'; SELECT flex_sync_crew('$call')");
	# A sync watches its own clock: only where it waits for the server itself is it the server that ends it.
	if ($phase =~ /lock|SPI|rehearsal/)
	{
		ends($phase, 'statement_timeout', '57014', $session, sub { return 1.2 });
		like($session->error, qr/canceling statement due to statement timeout/, "$phase: statement_timeout: in the server's words");
	}
	else
	{
		is($session->finish_sqlstate, '', "$phase: statement_timeout: the sync ends by itself") or diag($session->error);
		like($session->{output}, qr/,(failed|deferred),/, "$phase: statement_timeout: with a status");
	}
	$session->run('RESET statement_timeout');
	$sim->clear_faults;

	$begin->() if $phase !~ /lock/;
	foreach my $how (qw(cancel terminate))
	{
		$begin->() if $phase =~ /[678]/;
		$session->start("SELECT flex_sync_crew('$call')");
		$db->wait_until('SELECT wait_event IS NOT NULL AND state = $$active$$ FROM pg_stat_activity WHERE pid = ' . $session->pid);
		sleep 0.2;
		ends($phase, $how, $how eq 'cancel' ? '57014' : '57P01', $session,
			sub { $db->run("SELECT pg_${how}_backend(" . $_[0]->pid . ')'); return 0 });
		$sim->clear_faults;
		if ($how eq 'cancel')
		{
			is($session->value('SELECT 1'), 1, "$phase: the backend is usable");
			my @now = BackendProcess->new($session->pid)->descriptors;
			# A resolver that hangs keeps a socket of its own, until it gives up.
			my $kept = $phase =~ /name/ ? 2 : 0;
			cmp_ok(scalar @now, '<=', @descriptors + $kept, "$phase: it holds no descriptor more") or diag("@now");
		}
		else
		{
			$db->wait_until('SELECT NOT EXISTS (SELECT FROM pg_stat_activity WHERE pid = ' . $session->pid . ')');
		}
	}
	$end->() if $end;
	$db->set_server(url => $sim->url);
	is_deeply([ $db->assignments($call) ], \@crew, "$phase: the rows are as they were");
	is($db->sync($call)->{status}, 'ok', "$phase: another session syncs");
}

is(scalar(grep { $_->{kind} ne 'list' } $sim->log), 3, 'nobody was called in all that, but the crew at the beginning');
unlike(PostgreSQL::Test::Utils::slurp_file($db->node->logfile), qr/PANIC|terminated by signal/, 'the server never faltered');
done_testing;
