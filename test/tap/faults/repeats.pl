# What is sent again, and how often: a listing, a role and a deletion up to `retries` times, an add only after "too many requests" or
# when it is known that nothing was done, a refused key never. A sync that needed repeats leaves one line in the server's log.

use strict;
use warnings;

use FlexSync;
use PostgreSQL::Test::Utils;
use Test::More;

my $db = FlexSync->start(server => { retries => 2, request_timeout => '250ms', max_removals => 100 });
my $sim = $db->sim;
my $number = 0;

sub make_synced
{
	my $element = 'element-' . ++$number;
	my $call = $db->make_call($element, @_);
	is($db->sync($call)->{status}, 'ok', "$element: a crew");
	$sim->clear_log;
	return ($element, $call);
}

sub sent { return $sim->counts->{ $_[0] } // 0 }

# ---- listings

my ($element, $call) = make_synced(1);
foreach my $rule ({ status => 503 }, { drop => 'before' }, { cut_body => 1 }, { hang => 1 }, { body => '[' }, { status => 429 })
{
	my $name = join ' ', %$rule;
	$sim->clear_log;
	$sim->fault(kind => 'list', times => 0, %$rule);
	my $result = $db->sync($call);
	is($result->{status}, ($rule->{status} // 0) == 429 ? 'deferred' : 'failed', "listing: $name: fails");
	# libcurl repeats what it sent on a kept connection that died.
	my $own = exists $rule->{drop} ? 1 : 0;
	ok(sent('list') >= 3 && sent('list') <= 3 + $own, "listing: $name: three tries") or diag(sent('list'));
	is($result->{http_requests}, sent('list'), "listing: $name: are counted");
	$sim->clear_faults;
	$sim->fault(kind => 'list', times => 2, %$rule);
	is($db->sync($call)->{status}, 'ok', "listing: $name: the third one does");
}
$sim->clear_log;
$sim->fault(kind => 'list', status => 401);
is($db->sync($call)->{status} . ' ' . sent('list'), 'failed 1', 'listing: a refused key is not repeated');

# ---- changes

foreach my $case (
	[ 'role', 3, 'ok', status => 503, times => 2 ],
	[ 'role', 1, 'partial', status => 401, times => 0 ],
	[ 'delete', 3, 'ok', hang => 1, act => 0, times => 2 ],
	[ 'delete', 1, 'partial', status => 403, times => 0 ],
	[ 'add', 3, 'ok', status => 429, times => 2 ],
	[ 'add', 3, 'partial', status => 429, times => 0 ],
	[ 'add', 1, 'partial', status => 422, times => 0 ])
{
	my ($kind, $times, $status, %rule) = @$case;
	my $name = "$kind: " . join ' ', map { "$_ $rule{$_}" } sort keys %rule;
	($element, $call) = make_synced(1, 2);
	$db->desire($call, $kind eq 'role' ? ({ technician => 1, role => 'role-1' }, 2) : $kind eq 'add' ? (1 .. 3) : 2);
	$sim->fault(kind => $kind, %rule);
	my $result = $db->sync($call);
	is("@{$result}{qw(status passes)}", "$status 1", "$name: the sync, in one pass") or diag(explain($result));
	is(sent($kind) . ' ' . sent('list'), "$times 2", "$name: tries, and listings");
	$sim->clear_faults;
}

# A lost answer is no reason to repeat: listings come first.
($element, $call) = make_synced(1);
$db->desire($call, 1, 2);
$sim->fault(kind => 'add', status => 503, act => 1);
is($db->sync($call)->{added}, 1, 'add: status 503, done');
is_deeply([ map { $_->{kind} } sort { $a->{ordinal} <=> $b->{ordinal} } $sim->log ], [qw(list add list)], 'is settled by a listing');

# Nothing was done where nobody was reached: the connection to a server that is gone for a moment.
# The journal would have the next sync wait for those that were under way.
$db->set_server(retries => 20, deadline => '20s', journal => 'off');
($element, $call) = make_synced(1);
$db->desire($call, 1, 2);
my $port = $sim->port;
my $gone = FlexSim->start;
my $gone_port = $gone->port;
$gone->seed($element, []);
$db->set_server(url => $gone->url);
$db->run("DELETE FROM flex_crew_assignments; DELETE FROM flex_sync_contact");
$gone->fault(kind => 'list', close_idle => 1);
$gone->fault(kind => 'add', times => 0, hold => 1);
my $session = $db->session;
$session->start_sync($call);
$gone->held;
$session->cancel;
is($session->finish_sqlstate, '57014', 'a sync under way');
$gone->stop;
$session->start_sync($call);
$session->wait_for_network;
select undef, undef, undef, 0.3;
$gone = FlexSim->start(port => $gone_port, latency => 2000);    # time to seed it before it answers
$gone->seed($element, []);
$gone->configure(latency_ms => 0);
my $result = $session->finish_sync;
is("@{$result}{qw(status added failed)}", 'ok 2 0', 'a server that is gone for a moment') or diag(explain($result));
is($gone->counts->{add}, 2, 'each add once');
$db->set_server(url => $sim->url, retries => 2, deadline => undef, journal => undef);

# ---- the log line

my $log_begins = -s $db->node->logfile;
($element, $call) = make_synced(1);
$db->desire($call, 1, 2, 3);
$sim->fault(kind => 'list', status => 503);
$sim->fault(kind => 'add', status => 429, times => 2);
$result = $db->sync($call);
is($result->{status}, 'ok', 'a sync that needs three repeats');
my @lines = grep { /flex_sync: / } split /\n/, PostgreSQL::Test::Utils::slurp_file($db->node->logfile, $log_begins);
is(scalar @lines, 1, 'leaves one line in the log, a sync that needs none leaves none') or diag(explain(\@lines));
like($lines[0], qr/LOG:  flex_sync: crew call "$call": ok in \d+ ms, \d requests \(\d repeated\)/, 'at level LOG, with what it took');
unlike($lines[0], qr/@{[ $sim->token ]}/, 'without a secret');
done_testing;
