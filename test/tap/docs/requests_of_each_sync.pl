# How many requests a sync takes, as docs/reference.md says: its table is read, each formula computed for several n, and compared with
# what the simulator counts.

use strict;
use warnings;

use FlexSync;
use PostgreSQL::Test::Utils;
use Test::More;

my $db = FlexSync->start;
my $sim = $db->sim;

# ---- the table: kind => formula

my $page = slurp_file('docs/reference.md');
my ($section) = $page =~ /^## Requests$(.*?)(?=^## )/ms;
my %formula = ($section // '') =~ /^\| ([^|]+?) \| `([^|`]+)` \|/mg;
cmp_ok(scalar keys %formula, '>', 10, 'docs/reference.md has a table of requests');

# The formula's value: whole numbers, n, + and a number before n.
sub value_of
{
	my ($formula, $n) = @_;
	my $sum = 0;
	foreach my $term (split / \+ /, $formula)
	{
		$term =~ /^(\d*)(n?)$/ && length $term or die "formula \"$formula\" cannot be read";
		$sum += (length $1 ? $1 : 1) * ($2 ? $n : 1);
	}
	return $sum;
}

my %is_counted;
my $number = 0;

# Makes a crew of its own for each n, and counts while the last function runs. That one gives the result, where there is one; other
# syncs make so many requests meanwhile.
sub takes
{
	my ($kind, $status, $prepare, $run, $others) = @_;
	$is_counted{$kind} = 1;
	my $formula = $formula{$kind};
	return fail("docs/reference.md says how many requests it takes: $kind") if !defined $formula;
	foreach my $n ($formula !~ /n/ ? 3 : $kind =~ /two or more/ ? (2, 4) : (1, 3))
	{
		my $element = 'element-' . ++$number;
		my $call = $db->make_call($element);
		$prepare->($call, $element, $n);
		$sim->clear_log;
		my $result = ($run // sub { $db->sync($_[0]) })->($call, $element, $n);
		is($result->{status}, $status, "$kind, n = $n: $status") or diag(explain($result)) if defined $status;
		is($sim->counts->{total} - ($others // 0), value_of($formula, $n), "$kind, n = $n: $formula requests") or diag(join "\n", map { "$_->{kind} $_->{status}" } $sim->log);
		$db->set_server(map { $_ => undef } qw(bulk_delete hourly_limit retries));
		$sim->reset;
		$db->run('DELETE FROM flex_desired_crew; DELETE FROM flex_crew_assignments');
	}
	return;
}

sub has_crew
{
	my ($call, @crew) = @_;
	$db->desire($call, @crew);
	my $result = $db->sync($call);
	return $result->{status} eq 'ok' || die "could not make a crew: $result->{message}";
}

sub with_role { return map { { technician => $_, role => $_[0] } } @_[ 1 .. $#_ ] }

# ---- syncs that end ok

takes('nothing to do', 'ok', sub { has_crew($_[0], 1 .. 3) });
takes('n contacts adopted', 'ok', sub {
	my ($call, $element, $n) = @_;
	$db->desire($call, 1 .. $n);
	$sim->add_row($element, resource($_)) foreach 1 .. $n;
});
takes('n contacts added', 'ok', sub { $db->desire($_[0], 1 .. $_[2]) });
takes('n contacts added, each with a business role', 'ok', sub { $db->desire($_[0], with_role('role-1', 1 .. $_[2])) });
takes('n business roles changed', 'ok', sub {
	my ($call, undef, $n) = @_;
	has_crew($call, with_role('role-1', 1 .. $n));
	$db->desire($call, with_role('role-2', 1 .. $n));
});
takes('n contacts removed or pruned', 'ok', sub {
	my ($call, $element, $n) = @_;
	has_crew($call, 1 .. $n + 3);
	$db->desire($call, 1 .. 4);
	$sim->add_row($element, 'by hand');
});
takes('n contacts removed or pruned, with `bulk_delete`', 'ok', sub {
	has_crew($_[0], 1 .. 6);
	$db->desire($_[0], 1 .. 3);
	$sim->configure(bulk_delete => 'act');
	$db->set_server(bulk_delete => 'lineItemIds');
});
takes('n contacts of technicians who are still desired gone from Flex', 'ok', sub {
	my ($call, undef, $n) = @_;
	has_crew($call, 1 .. 10);
	$sim->delete_line($_->{flex_line_item_id}) foreach ($db->assignments($call))[ 0 .. $n - 1 ];
});
takes('n contacts added, the answer of one lost', 'ok', sub {
	$db->desire($_[0], 1 .. $_[2]);
	$sim->fault(kind => 'add', drop => 'after');
});

# ---- syncs that change nothing

takes('`blocked` for what it would delete', 'blocked', sub {
	has_crew($_[0], 1 .. 6);
	$db->desire($_[0]);
});
takes('`blocked` for whom it would call again', 'blocked', sub {
	has_crew($_[0], 1 .. 6);
	$sim->delete_line($_->{id}) foreach @{ $sim->dump($_[1]) };
});
takes('`deferred`, the limit used up', 'deferred', sub {
	has_crew($_[0], 1 .. 3);
	$db->set_server(hourly_limit => 1);
});
takes('`deferred`, the rest of the limit too small', 'deferred', sub {
	my ($call) = @_;
	$db->desire($call, 1 .. 50);
	$db->set_server(hourly_limit => $db->run('SELECT coalesce(sum(http_requests), 0) FROM flex_sync_log') + 10);
});
takes('`deferred`, Flex says to come back after the deadline', 'deferred', sub {
	$db->desire($_[0], 1);
	$sim->fault(kind => 'list', status => 429, headers => { 'Retry-After' => '600' }, times => 0);
});
takes('`failed`, Flex refuses the key', 'failed', sub {
	$db->desire($_[0], 1);
	$sim->fault(kind => 'list', status => 401, times => 0);
});
takes('`failed`, Flex fails, with n `retries`', 'failed', sub {
	$db->desire($_[0], 1);
	$db->set_server(retries => $_[2]);
	$sim->fault(kind => 'list', status => 503, times => 0);
});
takes('`busy`', 'busy', sub {
	my ($call) = @_;
	$db->desire($call, 1);
	$db->{holder} = $db->session;
	$db->{holder}->run("BEGIN; SELECT pg_advisory_xact_lock(flex_sync_lock_key('$call'))");
}, sub { $db->sync($_[0], nowait => 'true') });
$db->{holder}->run('ROLLBACK');

# Both wait; the first one syncs, which takes a request, and the second takes its result.
takes('`coalesced`', 'coalesced', sub {
	my ($call) = @_;
	has_crew($call, 1);
	$db->{$_} = $db->session foreach qw(first second);
	$db->{holder}->run("BEGIN; SELECT pg_advisory_xact_lock(flex_sync_lock_key('$call'))");
	foreach my $session (@{$db}{qw(first second)})
	{
		$session->start_sync($call);
		$session->wait_for_lock;
	}
}, sub {
	$db->{holder}->run('ROLLBACK');
	is($db->{first}->finish_sync->{status}, 'ok', 'the sync that it waits for');
	return $db->{second}->finish_sync;
}, 1);

# ---- what is no sync

takes('`flex_sync_plan`', undef, sub { $db->desire($_[0], 1 .. 3) }, sub { $db->plan($_[0]) && {} });
takes('`flex_sync_plan`, contacts of technicians who are still desired gone from Flex', undef,
	sub { has_crew($_[0], 1 .. 3); $sim->delete_line($_->{id}) foreach @{ $sim->dump($_[1]) } }, sub { $db->plan($_[0]) && {} });
takes('`flex_crew_contacts`', undef, sub { }, sub { $db->contacts($_[0]); {} });
takes('`flex_sync_check(true)`', undef, sub { }, sub { $db->run('SELECT FROM flex_sync_check(true)'); {} });
takes('everything else', undef, sub { has_crew($_[0], 1 .. 3) },
	sub { $db->run("SELECT FROM flex_sync_check(); SELECT flex_sync_lock_key('$_[0]'); SELECT FROM flex_sync_health"); {} });

is_deeply([ sort keys %formula ], [ sort keys %is_counted ], 'every line of the table is counted');
done_testing;
