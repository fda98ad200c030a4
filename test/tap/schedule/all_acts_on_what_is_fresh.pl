# CALL flex_sync_all lists several crews together, and acts on each in turn: on the crew as it is by then, and on a listing that is no
# older than two seconds. What others have changed while another crew had its turn is heard.

use strict;
use warnings;

use FlexSync;
use Test::More;
use Time::HiRes qw(sleep time);

my $db = FlexSync->start;
my $sim = $db->sim;
my @calls = map { $db->make_call("element-$_", $_) } 1 .. 4;
my $all = $db->session;

# While the first crew has its turn, the code runs; gives the counts.
sub while_the_first_is_synced
{
	my ($code) = @_;
	$db->desire($calls[0], 1, 100 + $db->run("SELECT nextval('flex_sync_run_id_seq')"));
	$sim->clear_log;
	$sim->fault(kind => 'add', element => 'element-1', hold => 'after');
	$all->start('CALL flex_sync_all(strict => false)');
	is(scalar $sim->held(10, 1), 1, 'the first crew has its turn');
	$code->();
	$sim->release;
	$all->finish;
	my ($counts) = $all->error =~ /NOTICE:  00000: flex_sync_all: (.*), \d+ s$/m;
	return $counts;
}

sub listings { return scalar $sim->log(kind => 'list', element => "element-$_[0]") }
sub added { return scalar $sim->log(kind => 'add', element => "element-$_[0]") }

# The least recently synced comes first: the first, each time.
sub comes_first
{
	$db->run("DELETE FROM flex_sync_log WHERE crew_call_id = '$calls[0]'");
	return;
}

$db->sync($_) foreach @calls[ 1 .. 3 ];

# ---- what was committed meanwhile

$db->desire($calls[1], 2, 22);
is(while_the_first_is_synced(sub { $db->desire($calls[1], 2); $db->desire($calls[2], 3, 33) }), '4 crew calls: 4 ok', 'two crews change');
is(added(2), 0, 'whoever was withdrawn is not called');
is(added(3), 1, 'whoever was assigned is');
$db->agrees("element-$_", 'after it') foreach 1 .. 4;

# ---- what Flex has changed meanwhile

comes_first();
my $begun;
is(while_the_first_is_synced(sub {
	$begun = time;
	$sim->delete_line($_->{id}) foreach $db->flex_contacts('element-4');
	sleep 2.1;
}), '4 crew calls: 4 ok', 'the first crew takes longer than two seconds');
$db->agrees('element-4', 'although its contact went after it was listed');
is(listings(2), 2, 'a crew that nothing happened to is listed once more, by itself');

# A crew for which there is no request left is left alone.
comes_first();
$db->run('DELETE FROM flex_sync_log');
$db->set_server(hourly_limit => 8);
is(while_the_first_is_synced(sub {
	$sim->delete_line($_->{id}) foreach $db->flex_contacts('element-4');
	sleep 2.1;
}), '4 crew calls: 2 ok, 2 deferred', 'without requests for other listings');
cmp_ok($sim->counts->{total}, '<=', 8, 'the limit holds');
is(added(4), 0, 'and nothing is done on the word of an old one');
$db->set_server(hourly_limit => undef);
done_testing;
