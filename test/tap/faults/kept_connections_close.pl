# A Flex, or a proxy before it, that closes each kept connection once it has answered, and doesn't say so. A session loses adds in one sync
# at most, which makes up for it; after that its adds go over connections of their own.

use strict;
use warnings;

use FlexSync;
use Test::More;

my $db = FlexSync->start;
my $sim = $db->sim;

sub adds_of
{
	my ($element) = @_;
	my %adds;
	$adds{ $_->{resource} }++ foreach $sim->log(kind => 'add', element => $element);
	return \%adds;
}

# Each after so many milliseconds; with one the request that follows may be on its way already.
foreach my $after ('true', 1, 3)
{
	my $session = $db->session;
	my $with_losses = 0;
	foreach my $number (1 .. 3)
	{
		my ($name, $element) = ("closed after $after, sync $number", "element-$after-$number");
		my $call = $db->make_call($element, 1 .. 12);
		$sim->clear_log;
		$sim->fault(times => 0, close_idle => $after eq 'true' ? \1 : $after);
		my $result = $session->sync($call);
		$sim->clear_faults;
		is("@{$result}{qw(status added failed)}", 'ok 12 0', "$name: the sync") or diag(explain($result));
		is(scalar $db->flex_contacts($element), 12, "$name: the contacts");
		$db->agrees($element, $name);
		my $adds = adds_of($element);
		is(scalar(grep { $_ > 1 } values %$adds), 0, "$name: no add is on the wire twice") or diag(explain($adds));
		$with_losses += $result->{passes} > 1;
	}
	cmp_ok($with_losses, '<=', 1, "closed after $after: one sync of the session at most loses something");
}
done_testing;
