# kill -9 of the backend, a fast and an immediate shutdown of the server in each phase of a sync that adds and removes: after the restart
# one sync puts all of it right; nobody has two contacts, and nobody is called again whose contact a listing shows.

use strict;
use warnings;

use FlexSync;
use Test::More;
use Time::HiRes qw(sleep);

my $db = FlexSync->start(conf => "restart_after_crash = on\n");
my $sim = $db->sim;
my $number = 0;

# Where a sync is held: the request that the simulator holds, before or after it is carried out.
my %phases = (
	'first listing' => { kind => 'list', hold => 'before' },
	'deletion, before' => { kind => 'delete', hold => 'before', times => 0 },
	'deletion, after' => { kind => 'delete', hold => 'after', times => 0 },
	'add, before' => { kind => 'add', hold => 'before', times => 0 },
	'add, after' => { kind => 'add', hold => 'after', times => 0 },
	'role' => { kind => 'role', hold => 'after', times => 0 },
	'closing listing' => { kind => 'list', skip => 1, hold => 'before' },
	'after it, not committed' => undef,
);

sub starts
{
	return scalar(() = PostgreSQL::Test::Utils::slurp_file($db->node->logfile) =~ /ready to accept connections/g);
}

my %ends = (
	'kill -9' => sub {
		my ($session) = @_;
		my $starts = starts();
		kill 'KILL', $session->pid;
		delete @{$db}{qw(sessions session)};
		# The postmaster starts all backends anew.
		my $tries = 0;
		sleep 0.02 while starts() == $starts && ++$tries < 1000;
		$db->{session} = $db->session;
	},
	'fast shutdown' => sub { $db->restart('fast') },
	'immediate shutdown' => sub { $db->restart('immediate') },
);

foreach my $end (sort keys %ends)
{
	foreach my $phase (sort keys %phases)
	{
		my $name = "$end, $phase";
		my $element = 'element-' . ++$number;
		my $call = $db->make_call($element, 1 .. 4);
		is($db->sync($call)->{added}, 4, "$name: a crew");
		$db->desire($call, 3, 4, map { { technician => $_, role => 'role-1' } } 5, 6);
		$sim->clear_log;
		my $session = $db->session;
		my $rule = $phases{$phase};
		if ($rule)
		{
			$sim->fault(%$rule);
			$session->start_sync($call);
			ok(scalar(my @held = $sim->held), "$name: a sync is under way");
		}
		else
		{
			$session->run('BEGIN');
			is($session->sync($call)->{status}, 'ok', "$name: a sync is done");
		}
		$ends{$end}->($session);
		$sim->clear_faults;
		$sim->release;
		my $tries = 0;
		sleep 0.01 while $sim->counts->{in_flight} && ++$tries < 500;
		my %called = map { $_->{resource} => 1 } $db->flex_contacts($element);
		my $adds = $sim->counts->{add} // 0;
		is($db->value("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'"), 0, "$name: no lock is left");

		# An add that nobody has heard the answer of is left alone for a minute (I11).
		$db->run("UPDATE flex_sync_journal SET sent_at = sent_at - interval '1 minute'");
		my $result = $db->sync($call);
		is($result->{status}, 'ok', "$name: one sync afterwards is ok") or diag(explain($result));
		$db->agrees($element, $name);
		is(scalar(grep { $called{ $_->{resource} } } ($sim->log(kind => 'add'))[ $adds .. $sim->counts->{add} - 1 ]), 0,
			"$name: nobody is called again");
		is_deeply([ sort map { $_->{resource} . ' ' . ($_->{role} // '') } $db->flex_contacts($element) ],
			[ 'resource-3 ', 'resource-4 ', 'resource-5 role-1', 'resource-6 role-1' ], "$name: roles and all");
	}
}
done_testing;
