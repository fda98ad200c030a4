# A desired crew that is empty by mistake, or an element that seems empty, must not cost a whole crew: a sync that would delete, or call
# again, more people than max_removals and more than half is blocked, and changes nothing. With the argument it goes through.

use strict;
use warnings;

use FlexSync;
use Test::More;

my $db = FlexSync->start;
my $sim = $db->sim;
my $number = 0;

sub make_crew
{
	my ($count) = @_;
	my $element = 'element-' . ++$number;
	my $call = $db->make_call($element, 1 .. $count);
	is($db->sync($call)->{status}, 'ok', "$element: a crew of $count");
	return ($element, $call);
}

sub is_blocked
{
	my ($name, $message, $call, %arguments) = @_;
	my @before = ([ $db->assignments ], [ $db->rows('SELECT * FROM flex_sync_contact ORDER BY 2, 3') ], $sim->dump);
	$sim->clear_log;
	my $result = $db->sync($call, %arguments);
	is($result->{status}, 'blocked', "$name: status") or diag(explain($result));
	like($result->{message}, $message, "$name: the message says what would happen, and the way through");
	is_deeply([ grep { $_->{method} ne 'GET' } $sim->log ], [], "$name: nothing is sent but listings");
	is_deeply([ [ $db->assignments ], [ $db->rows('SELECT * FROM flex_sync_contact ORDER BY 2, 3') ], $sim->dump ],
		\@before, "$name: nothing changes");
	return is($db->log_of($result->{run_id})->{status}, 'blocked', "$name: the log tells it");
}

sub goes_through
{
	my ($name, $counts, $element, $call, %arguments) = @_;
	my $result = $db->sync($call, %arguments);
	is("@{$result}{qw(status removed pruned stale added)}", $counts, "$name: goes through") or diag(explain($result));
	return $db->agrees($element, $name);
}

# Nobody is desired.
my ($element, $call) = make_crew(6);
$db->desire($call);
is_blocked('an empty crew', qr/would delete 6 of 6 contacts.*more than max_removals \(5\) allows.*max_removals => 6\b/, $call);
is_blocked('with one too few', qr/max_removals => 6\b/, $call, max_removals => 3);
goes_through('with the argument', 'ok 6 0 0 0', $element, $call, max_removals => 6);
($element, $call) = make_crew(5);
$db->desire($call);
goes_through('five', 'ok 5 0 0 0', $element, $call);
($element, $call) = make_crew(12);
$db->desire($call, 1 .. 6);
goes_through('six of twelve', 'ok 6 0 0 0', $element, $call);

# Contacts that no row names count like the others; so do rows that are stale meanwhile: they stay.
($element, $call) = make_crew(4);
$sim->add_row($element, "by hand $_") foreach 1 .. 6;
$sim->delete_line(($db->assignments($call))[0]{flex_line_item_id});
is_blocked('contacts to prune', qr/would delete 6 of 9 contacts/, $call);
goes_through('contacts to prune', 'ok 0 6 1 1', $element, $call, max_removals => 6);

# The server's option.
$db->set_server(max_removals => 0);
($element, $call) = make_crew(1);
$db->desire($call);
is_blocked('an option of 0', qr/would delete 1 of 1/, $call);
goes_through('the argument goes before it', 'ok 1 0 0 0', $element, $call, max_removals => 5);
$db->set_server(max_removals => undef);

# Everybody's contact is gone: all would be called again.
($element, $call) = make_crew(6);
$sim->delete_line($_->{id}) foreach $db->flex_contacts($element);
is_blocked('an empty element', qr/6 of 6 mapped contacts are missing from Flex.*max_removals => 6\b/, $call);
goes_through('an empty element', 'ok 0 0 6 6', $element, $call, max_removals => 6);
($element, $call) = make_crew(6);
$sim->fault(kind => 'list', times => 2, body => '[]');
is_blocked('listings that lie', qr/6 of 6 mapped contacts are missing/, $call);
goes_through('when they lie no more', 'ok 0 0 0 0', $element, $call);
$sim->fault(kind => 'list', body => '[]');
my $result = $db->sync($call);
is("@{$result}{qw(status kept stale http_requests)}", 'ok 6 0 2', 'one listing that lies is asked for again');

# The crew is emptied while a sync runs: it stops there.
($element, $call) = make_crew(6);
$db->desire($call, 1 .. 7);
$sim->fault(kind => 'add', hold => 1);
my $session = $db->session;
$session->start_sync($call);
$sim->held;
$db->desire($call);
$sim->release;
$result = $session->finish_sync;
is("@{$result}{qw(status removed)}", 'partial 0', 'the crew is emptied meanwhile');
is(scalar(grep { $_->{code} eq 'max_removals' } @{ $result->{diagnostics} }), 1, 'a diagnostic says what stopped it');
is(scalar $db->flex_contacts($element), 7, 'nobody is deleted');
goes_through('the next sync', 'ok 7 0 0 0', $element, $call, max_removals => 7);

is($db->sqlstate_of("SELECT flex_sync_crew('$call', max_removals => -1)"), '22023', 'a negative number');
done_testing;
