# An add whose answer is lost: what listings tell settles it. Until two of them have not shown it, the second two seconds after
# the answer was lost, it is not sent again; where the sync has no time for that, it says that it does not know.

use strict;
use warnings;

use FlexSync;
use Test::More;
use Time::HiRes qw(sleep);

my $db = FlexSync->start(server => { request_timeout => '300ms' });
my $sim = $db->sim;

# The requests of an element in the order of their coming: kind and resource.
sub wire
{
	my ($element) = @_;
	return map { $_->{kind} . ($_->{resource} ? " $_->{resource}" : '') } log_of_element($element);
}

sub log_of_element
{
	my ($element) = @_;
	return sort { $a->{ordinal} <=> $b->{ordinal} } $sim->log(element => $element);
}

sub marks
{
	my ($element) = @_;
	return map { $_->{flex_resource_id} } $db->rows("SELECT flex_resource_id FROM flex_sync_contact
		WHERE flex_element_id = '$element' AND flex_line_item_id IS NULL ORDER BY 1");
}

# ---- not done: one more try, after two listings and two seconds

my $call = $db->make_call('element-1', 1);
$sim->fault(kind => 'add', drop => 'before');
my $result = $db->sync($call);
is("@{$result}{qw(status added failed)}", 'ok 1 0', 'an add that was lost and not done') or diag(explain($result));
is_deeply(
	[ wire('element-1') ],
	[ 'list', 'add resource-1', 'list', 'list', 'add resource-1', 'list' ],
	'is sent again after two listings that do not show it');
my @log = log_of_element('element-1');
cmp_ok($log[3]{started_ms} - $log[1]{started_ms} - $log[1]{duration_ms}, '>=', 2000, 'the second of them two seconds after');
cmp_ok($log[2]{started_ms} - $log[1]{started_ms}, '<', 1000, 'the first of them at once');
is_deeply([ marks('element-1') ], ['resource-1'], 'its mark stays, for a contact that comes late');
is_deeply([ map { "$_->{action} $_->{outcome}" } $db->operations_of($result->{run_id}) ], [ 'add unknown', 'add done' ],
	'the log has both tries');

# ---- lost twice: the sync does not try a third time, nor does the next one before it knows

$call = $db->make_call('element-2', 1, 2);
$sim->fault(kind => 'add', path => 'resource-1$', drop => 'before', times => 2);
$result = $db->sync($call);
is("@{$result}{qw(status added failed)}", 'partial 1 1', 'an add that is lost twice') or diag(explain($result));
is(scalar(grep { /add resource-1/ } wire('element-2')), 2, 'is not sent a third time');
my ($diagnostic) = @{ $result->{diagnostics} };
is("@{$diagnostic}{qw(action code technician_id flex_resource_id)}", 'add unknown ' . technician(1) . ' resource-1',
	'a diagnostic says that its outcome is unknown');
like($diagnostic->{message}, qr/^It is not known whether the contact was added\. \w.*\.$/, 'and why');
is_deeply([ marks('element-2') ], ['resource-1'], 'its mark is left');
$sim->clear_log;
$result = $db->sync($call);
is("@{$result}{qw(status added kept)}", 'ok 1 1', 'the next sync adds it');
is_deeply([ wire('element-2') ], [ 'list', 'list', 'add resource-1', 'list' ], 'after two listings of its own');

# ---- no time to know

$call = $db->make_call('element-3', 1, 2);
$sim->fault(kind => 'add', path => 'resource-1$', drop => 'before');
$sim->fault(kind => 'add', path => 'resource-2$', body => '{"ok": true}');
$db->set_server(deadline => '1500ms');
$result = $db->sync($call);
is("@{$result}{qw(status added failed)}", 'partial 0 2', 'no time to know') or diag(explain($result));
is_deeply([ map { "$_->{action} $_->{code}" } @{ $result->{diagnostics} } ], [ 'add unknown', 'add unknown' ],
	'both outcomes are unknown, that of a 2xx without a line id too');
is(scalar(grep { /add/ } wire('element-3')), 2, 'nobody is called again');
is_deeply([ marks('element-3') ], [ 'resource-1', 'resource-2' ], 'both have a mark');
$sim->clear_log;
$result = $db->sync($call);
is("$result->{status} @{[ map { $_->{code} } @{ $result->{diagnostics} } ]}", 'partial unknown unknown',
	'the next sync, just as short of time, does not know either');
is(scalar(grep { /add/ } wire('element-3')), 0, 'and calls nobody');
$db->set_server(deadline => undef);
sleep 2;
$sim->clear_log;
is($db->sync($call)->{status}, 'ok', 'with time, the next one is ok');
is_deeply([ sort grep { /add/ } wire('element-3') ], [ 'add resource-1', 'add resource-2' ], 'and calls them once');

# ---- done after all, before the second listing

$call = $db->make_call('element-4', 1);
$sim->fault(kind => 'add', hold => 'before');
my $session = $db->session;
$session->start_sync($call);
sleep 0.005 until (grep { $_ eq 'list' } wire('element-4')) == 2;
$sim->release;
$result = $session->finish_sync;
is("@{$result}{qw(status added failed)}", 'ok 1 0', 'an add that lands between the two listings');
is(scalar(grep { /add/ } wire('element-4')), 1, 'is not sent again');
$db->agrees("element-$_", 'after all') foreach 1 .. 4;

# ---- the mark goes with a sync that ends ok more than an hour later

$db->run("UPDATE flex_sync_contact SET noted_at = noted_at - interval '59 minutes' WHERE flex_line_item_id IS NULL");
$call = 'ca110000-0000-4000-8000-000000000001';
$db->sync($call);
is_deeply([ marks('element-1') ], ['resource-1'], 'a mark of less than an hour stays');
$db->run("UPDATE flex_sync_contact SET noted_at = noted_at - interval '2 minutes' WHERE flex_line_item_id IS NULL");
$sim->fault(kind => 'list', status => 403);
$db->sync($call);
is_deeply([ marks('element-1') ], ['resource-1'], 'a sync that fails leaves it');
$db->sync($call);
is_deeply([ marks('element-1') ], [], 'one that ends ok takes it');
done_testing;
