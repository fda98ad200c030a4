# What a backend keeps from one sync to the next: its connections with their TLS, and its statements. The second sync opens no
# connection and shakes no hands. It neither parses nor plans any of the statements that the first one issued.

use strict;
use warnings;

use BackendProcess;
use FlexSync;
use PostgreSQL::Test::Utils;
use Test::More;

my $db = FlexSync->start(conf => "autovacuum = off\n", server => { max_parallel => 4 });
my $node = $db->node;
my $session;

# The connections that requests came over, each once.
sub connections
{
	my ($sim) = @_;
	my %seen = map { $_->{connection} => 1 } $sim->log;
	return sort { $a <=> $b } keys %seen;
}

sub sockets { return grep { /^socket:/ } BackendProcess->new($session->pid)->descriptors }

# Syncs that add, remove, set roles and find nothing to do: between them they send every kind of request.
sub keeps_its_connections
{
	my ($sim, $name) = @_;
	my $call = $db->make_call("element of $name", 1 .. 4);
	# So that requests which may be in flight together are.
	$sim->configure(latency_by_kind_ms => { map { $_ => 100 } qw(add role delete) });
	$sim->seed("element of $name", []);
	$session = $db->session;
	is($session->sync($call)->{status}, 'ok', "$name: the first sync");
	my @opened = connections($sim);
	my @sockets = sockets();
	is(scalar @opened, 4, "$name: opens a connection for each request in flight");
	foreach my $step (
		[ 'nothing to do', 1 .. 4 ],
		[ 'adds', 1 .. 8 ],
		[ 'roles', map { { technician => $_, role => 'role-1' } } 1 .. 8 ],
		[ 'removals', 1 .. 5 ],
		[ 'all of it', 2 .. 5, { technician => 9, role => 'role-2' } ])
	{
		my ($what, @desired) = @$step;
		$db->desire($call, @desired);
		$sim->clear_log;
		is($session->sync($call)->{status}, 'ok', "$name: then one with $what");
		my %known = map { $_ => 1 } @opened;
		is_deeply([ grep { !$known{$_} } connections($sim) ], [], "$name, $what: no new connection");
		is(scalar(grep { !$_->{kept} } $sim->log), 0, "$name, $what: no request is the first of its connection");
		is_deeply([ sockets() ], \@sockets, "$name, $what: the backend's sockets are those that it had");
	}
	$sim->configure(latency_by_kind_ms => {});
	return;
}

keeps_its_connections($db->sim, 'HTTP');

# A handshake belongs to a connection: where there is no new one, there is none. A plan goes over them, too.
my $tls = FlexSim->start(tls => 1);
$db->set_server(url => $tls->url, ca_file => $tls->ca_file);
keeps_its_connections($tls, 'HTTPS');
my ($call) = map { $_->{id} } $db->rows('SELECT id FROM flex_crew_calls ORDER BY id DESC LIMIT 1');
$tls->clear_log;
is(scalar(my @plan = $session->plan($call)), 5, 'a plan in the same backend');
is(scalar(grep { !$_->{kept} } $tls->log), 0, 'opens no connection either');

# ---- statements

# The statements that the server told of while it ran the code: { 'PLANNER' => { statement => times } }. Each note has the statement
# as its context; what the session itself asks for has none.
sub noted
{
	my ($code) = @_;
	my $offset = -s $node->logfile;
	$code->();
	my %noted;
	my $log = slurp_file($node->logfile, $offset);
	my $prefix = qr/^[^\n]*?/m;
	while ($log =~ /$prefix(PLANNER|PARSE ANALYSIS|REWRITER) STATISTICS\n(.*?)(?=^\S[^\n]*?(?:LOG|STATEMENT):  )/msg)
	{
		my ($kind, $rest) = ($1, $2);
		# A foreign key's own statement is not ours.
		next if $rest !~ /CONTEXT:  SQL statement "(.*)"$/ms || $rest =~ /FOR KEY SHARE OF x/;
		$noted{$kind}{ $1 =~ s/\s+/ /gr }++;
	}
	return \%noted;
}

$db->set_server(url => $db->sim->url, ca_file => undef);
$call = $db->make_call('element-1', 1 .. 3);
$session = $db->session;
$session->run('SET log_planner_stats = on; SET log_parser_stats = on');

# Each sync issues the same statements: one technician comes, one goes.
my (%planned, @per_sync);
foreach my $number (3 .. 8)
{
	$db->desire($call, $number - 2 .. $number);
	my $noted = noted(sub { is($session->sync($call)->{status}, 'ok', 'sync ' . ($number - 2)) });
	$planned{$_} += $noted->{PLANNER}{$_} foreach keys %{ $noted->{PLANNER} };
	push @per_sync, { map { $_ => scalar keys %{ $noted->{$_} // {} } } 'PARSE ANALYSIS', 'REWRITER', 'PLANNER' };
}
cmp_ok($per_sync[0]{'PARSE ANALYSIS'}, '>', 5, 'the first sync parses its statements');
cmp_ok(scalar keys %planned, '>', 10, 'and they are seen when they are planned');
is_deeply([ grep { $planned{$_} > 1 } sort keys %planned ], [], 'none is planned twice');
is_deeply([ map { my $sync = $_; map { $sync->{$_} } 'PARSE ANALYSIS', 'REWRITER', 'PLANNER' } @per_sync[ 2 .. 5 ] ], [ (0) x 12 ],
	'from the third sync on, which issues nothing new, none is parsed, rewritten or planned')
  or diag(explain(\@per_sync));
done_testing;
