# A crew call that is deleted, or gets another Flex element, while a sync of it is under way: the element is nobody's any more, and its
# contacts stay as they are. Nobody is called who has not been yet.

use strict;
use warnings;

use FlexSync;
use Test::More;

my $db = FlexSync->start;
my $sim = $db->sim;
my $session = $db->session;
my $number = 0;

sub delete_call
{
	my ($call) = @_;
	return "BEGIN; DELETE FROM flex_crew_assignments WHERE crew_call_id = '$call'; DELETE FROM flex_desired_crew WHERE crew_call_id = '$call';
		DELETE FROM flex_crew_calls WHERE id = '$call'; COMMIT";
}
sub repoint_call { return "UPDATE flex_crew_calls SET flex_element_id = 'another' WHERE id = '$_[0]'" }
sub clear_call { return "UPDATE flex_crew_calls SET flex_element_id = NULL WHERE id = '$_[0]'" }

my @goings = ([ 'deleted', \&delete_call ], [ 'pointed at another element', \&repoint_call ], [ 'pointed at none', \&clear_call ]);
my @syncs = (
	[ 'flex_sync_crew', sub { return "SELECT status, message FROM flex_sync_crew('$_[0]')" } ],
	[ 'flex_sync_job', sub { return "SELECT status, message FROM flex_sync_job((SELECT job_id FROM flex_crew_calls WHERE id = '$_[0]'))" } ]);
foreach my $going (@goings)
{
	my ($how, $go) = @$going;
	foreach my $sync (@syncs)
	{
		my ($what, $statement) = @$sync;
		my $name = "$how, $what";
		my $element = 'element-' . ++$number;
		my $call = $db->make_call($element, 1 .. 3);
		$db->run("UPDATE flex_crew_calls SET job_id = gen_random_uuid() WHERE id = '$call'");
		is($db->sync($call)->{status}, 'ok', "$name: a crew");

		# While Flex is listed: nothing has been done.
		$db->desire($call, 1 .. 4);
		my @contacts = $db->flex_contacts($element);
		$sim->clear_log;
		$sim->fault(kind => 'list', hold => 'before');
		$session->start($statement->($call));
		is(scalar $sim->held(10, 1), 1, "$name: it lists");
		$db->run($go->($call));
		$sim->release;
		like($session->finish, qr/^failed\|Nothing was changed\. The crew call was deleted, or got another flex_element_id/, "$name: is told");
		is_deeply([ $db->flex_contacts($element) ], \@contacts, "$name: its contacts stay");
		is($sim->counts->{total}, 1, "$name: after one request");
	}

	# While somebody is called.
	my $element = 'element-' . ++$number;
	my $call = $db->make_call($element, 1 .. 3);
	is($db->sync($call)->{status}, 'ok', "$how: another crew");
	$db->desire($call, 1 .. 4);
	my %was_there = map { $_->{id} => 1 } $db->flex_contacts($element);
	$sim->fault(kind => 'add', hold => 'after');
	$session->start_sync($call);
	is(scalar $sim->held(10, 1), 1, "$how: it adds");
	$db->run($go->($call));
	$sim->release;
	my $result = $session->finish_sync;
	is("@{$result}{qw(status removed pruned)}", 'partial 0 0', "$how: partial");
	is(scalar(grep { $_->{code} eq 'call_gone' } @{ $result->{diagnostics} }), 1, "$how: and why");
	is(scalar(grep { $was_there{ $_->{id} } } $db->flex_contacts($element)), 3, "$how: nobody is taken out");
}
done_testing;
