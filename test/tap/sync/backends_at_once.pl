# Eight backends sync one crew call at once, from nothing, round after round: no duplicate contact, no duplicate row, no
# duplicate call of anybody. What saves Flex is the lock: the requests of two backends never come between each other.

use strict;
use warnings;

use FlexSync;
use HTTP::Tiny;
use Test::More;

my ($backends, $rounds, $crew) = (8, 12, 5);

my $db = FlexSync->start;
my $sim = $db->sim;
my @sessions = $db->sessions($backends);

# Each backend has a server and a token of its own, so that the simulator's log tells them apart, and a max_removals of its
# own in the first rounds, so that none may take another's result.
foreach my $i (0 .. $#sessions)
{
	$sim->fault(kind => 'other', refresh_token => "token-$i");
	HTTP::Tiny->new->get($sim->url, { headers => { 'X-Auth-Token' => $sim->token } });
	$db->run("CREATE SERVER flex_$i FOREIGN DATA WRAPPER flex_sync OPTIONS (url '" . $sim->url . "', max_removals '1$i')");
	$db->make_mapping("flex_$i", 'CURRENT_USER', "token-$i");
	$sessions[$i]->run("SET flex_sync.server = 'flex_$i'");
}
$sim->configure(latency_ms => 3);

my (%statuses, @troubles);
foreach my $round (1 .. $rounds)
{
	if ($round == $rounds / 2)
	{
		is_deeply(\%statuses, { ok => $backends * ($round - 1) }, 'every sync is ok');
		$db->run("ALTER SERVER flex_$_ OPTIONS (DROP max_removals)") foreach 0 .. $#sessions;
		%statuses = ();
	}
	my $element = "element-$round";
	my $call = $db->make_call($element, 1 .. $crew);
	$sim->clear_log;
	$statuses{ $_->{status} }++ foreach $db->sync_together($backends, $call);
	push @troubles, $db->differences($element);

	my $adds = $sim->counts->{add};
	push @troubles, "$element: $adds adds" if $adds != $crew;

	# The log in the order of the requests' coming: each backend's are in one piece.
	my ($turns, $last) = ('', '');
	foreach my $token (map { $_->{headers}{'X-Auth-Token'} } sort { $a->{ordinal} <=> $b->{ordinal} } $sim->log)
	{
		$turns .= " $token" if $token ne $last;
		push @troubles, "$element: interleaved:$turns" if $turns =~ /\b$token\b.* $token$/;
		$last = $token;
	}
}

is_deeply([ grep { !/^(ok|coalesced)$/ } keys %statuses ], [], 'or coalesced with one that is')
  or diag(explain(\%statuses));
cmp_ok($statuses{ok}, '>=', 1 + $rounds / 2, 'one that is ok in each round');
is_deeply(\@troubles, [], 'one contact and one row for each technician, and no requests between those of another sync');
is($db->value('SELECT count(*) FROM flex_crew_assignments'), $crew * $rounds, 'as many rows as technicians');
done_testing;
