# flex_sync_plan says what the sync then does, flex_crew_contacts what Flex shows. Both change nothing, take no lock, and work in
# read-only transactions, at any isolation level, while another sync holds the lock. Where a sync has a status, they have an error.

use strict;
use warnings;

use FlexSync;
use Test::More;

my $db = FlexSync->start(server => { request_timeout => '500ms', retries => 0 });
my $sim = $db->sim;

# Each kind of action.
my $call = $db->make_call('element-1', 1 .. 5);
$db->sync($call);
my %line_of = map { substr($_->{technician_id}, -3) + 0 => $_->{flex_line_item_id} } $db->assignments($call);
$sim->delete_line($line_of{2});                                     # forget, add
$sim->delete_line($line_of{3});
$sim->add_row('element-1', 'resource-3');                           # forget, adopt
my $pruned = $sim->add_row('element-1', 'resource-9');              # prune or retain
$db->desire(
	$call, 1, 2, 3,
	{ technician => 4, role => 'role-4' },                          # keep, set_role
	{ technician => 6, role => 'role-6' },                          # add with its role
	{ technician => 7, resource => undef });                        # skip; 5: remove

my @before = ([ $db->assignments ], $sim->dump, [ $db->rows('SELECT * FROM flex_sync_contact ORDER BY 3') ],
	$db->value('SELECT count(*) FROM flex_sync_log'));
$sim->clear_log;
my @steps = $db->plan($call);
is_deeply(
	[ sort map { "$_->{action} " . ($_->{technician_id} ? substr($_->{technician_id}, -1) : '-') } @steps ],
	[ sort 'keep 1', 'forget 2', 'add 2', 'forget 3', 'adopt 3', 'keep 4', 'set_role 4', 'remove 5', 'add 6', 'set_role 6', 'skip 7', 'prune -' ],
	'a plan with every action') or diag(explain([ map { "$_->{action} " . ($_->{technician_id} // '') } @steps ]));
is_deeply([ map { $_->{step} } @steps ], [ 1 .. @steps ], 'its steps are numbered');
is(scalar(grep { $_->{reason} !~ /\w/ || $_->{crew_call_id} ne $call } @steps), 0, 'each has a reason, and names its call');
my ($prune) = grep { $_->{action} eq 'prune' } @steps;
is("@{$prune}{qw(flex_line_item_id flex_resource_id)}", "$pruned resource-9", 'and the line and resource in question');
is(scalar(grep { $_->{action} eq 'retain' } $db->plan($call, 'none')), 1, 'another policy retains');

my %contact_of = map { ($_->{flex_resource_id} => $_) } $db->contacts($call);
is_deeply([ sort keys %contact_of ], [ map { "resource-$_" } 1, 3, 4, 5, 9 ], 'the contacts that Flex shows');
is_deeply(
	{ map { ($_ => join ' ', map { $_ // 'null' } @{ $contact_of{"resource-$_"} }{qw(kind technician_id desired)}) } 1, 5, 9 },
	{ 1 => 'contact ' . technician(1) . ' 1', 5 => 'contact ' . technician(5) . ' 0', 9 => 'contact null 0' },
	'beside what is known of them') or diag(explain(\%contact_of));

# In other transactions, and under the nose of a sync that holds the lock.
my $holder = $db->session;
$holder->run("BEGIN; SELECT pg_advisory_xact_lock(flex_sync_lock_key('$call')); LOCK flex_sync_log IN EXCLUSIVE MODE");
my $reader = $db->session;
my $sql = "SELECT action, technician_id, flex_line_item_id, reason FROM flex_sync_plan('$call')";
foreach my $mode ('READ ONLY', map { ("ISOLATION LEVEL $_", "ISOLATION LEVEL $_, READ ONLY") } 'READ COMMITTED', 'REPEATABLE READ', 'SERIALIZABLE')
{
	$reader->run("BEGIN TRANSACTION $mode");
	is(scalar(my @rows = $reader->rows($sql)), scalar @steps, "$mode: a plan");
	is(scalar $reader->contacts($call), 5, "$mode: contacts");
	is($reader->value("SELECT count(*) FROM pg_locks WHERE pid = pg_backend_pid() AND locktype = 'advisory'"), 0, "$mode: no lock");
	$reader->run('COMMIT');
}
$holder->run('ROLLBACK');
is(scalar(grep { $_->{method} ne 'GET' } $sim->log), 0, 'nothing but listings was sent');
is_deeply([ [ $db->assignments ], $sim->dump, [ $db->rows('SELECT * FROM flex_sync_contact ORDER BY 3') ],
	$db->value('SELECT count(*) FROM flex_sync_log') ], \@before, 'nothing changed');

foreach my $mode ('READ ONLY', 'ISOLATION LEVEL REPEATABLE READ', 'ISOLATION LEVEL SERIALIZABLE')
{
	$sim->clear_log;
	is($reader->sqlstate_of("BEGIN TRANSACTION $mode; SELECT flex_sync_crew('$call')"), $mode eq 'READ ONLY' ? '25006' : '0A000',
		"$mode: a sync is refused");
	like($reader->error, qr/^HINT:  Call it in a/m, "$mode: with a hint");
	$reader->run('ROLLBACK');
	is($sim->counts->{total}, 0, "$mode: before anything is sent");
}

# The sync does what the plan said.
my $result = $db->sync($call);
is($result->{status}, 'ok', 'the sync');
my %planned;
$planned{ $_->{action} }++ foreach @steps;
is_deeply({ map { ($_ => $result->{$_}) } qw(kept adopted added removed stale pruned roles_set skipped) },
	{ kept => $planned{keep}, adopted => $planned{adopt}, added => $planned{add}, removed => $planned{remove},
		stale => $planned{forget}, pruned => $planned{prune}, roles_set => $planned{set_role}, skipped => $planned{skip} },
	'does what the plan said');
is_deeply(
	[ sort map { join ' ', $_->{action}, $_->{technician_id} // '-' } $db->operations_of($result->{run_id}) ],
	[ sort map { join ' ', $_->{action}, $_->{technician_id} // '-' } grep { $_->{action} =~ /^(add|remove|prune|set_role)$/ } @steps ],
	'operation by operation');
is(join(' ', sort map { $_->{action} } $db->plan($call)), 'keep keep keep keep keep skip', 'after it there is nothing to plan');

# To read is enough; and duplicates can be looked at where a sync is refused.
$db->run('CREATE ROLE viewer LOGIN; GRANT USAGE ON FOREIGN SERVER flex TO viewer;
	GRANT SELECT ON flex_crew_calls, flex_crew_assignments, flex_desired_crew TO viewer;
	GRANT EXECUTE ON FUNCTION flex_sync_plan, flex_crew_contacts TO viewer;
	ALTER TABLE flex_crew_assignments DROP CONSTRAINT flex_crew_assignments_crew_call_technician_key');
$db->make_mapping('flex', 'viewer');
my $viewer = $db->session(user => 'viewer');
is(scalar(my @seen = $viewer->plan($call)), 6, 'a plan by somebody who may only read, and without the unique index');
is(scalar(@seen = $viewer->contacts($call)), 5, 'contacts');
is($viewer->sqlstate_of("SELECT flex_sync_crew('$call')"), '42501', 'but no sync');
$db->assign($call, 1, 'another line');
is($db->sqlstate_of("SELECT flex_sync_crew('$call')"), '55000', 'a sync without the unique index');
is(scalar(grep { $_->{action} eq 'keep' } $db->plan($call)), 5, 'a plan with a duplicate row');
$db->run("DELETE FROM flex_crew_assignments WHERE flex_line_item_id = 'another line'; SELECT FROM flex_sync_setup()");

# Trouble is an error here.
my @trouble = (
	[ '08006', 'no answer', { hang => 1 } ], [ '08006', 'a status', { status => 503 } ], [ '08006', 'not found', { status => 404 } ],
	[ '08006', 'a closed connection', { drop => 'before' } ], [ '08006', 'too many requests', { status => 429 } ],
	[ '08004', 'a token refused', { wrong_token => 1 } ], [ '08004', 'forbidden', { status => 403 } ],
	[ '08P01', 'no JSON', { body => 'oops' } ], [ '08P01', 'no array', { body => '{}' } ], [ '08P01', 'relabelled', { relabel => 'note' } ]);
foreach my $case (@trouble)
{
	my ($sqlstate, $name, $rule) = @$case;
	foreach my $function (qw(flex_sync_plan flex_crew_contacts))
	{
		$sim->fault(kind => 'list', times => 0, %$rule);
		is($reader->sqlstate_of("SELECT * FROM $function('$call')"), $sqlstate, "$function: $name");
		like($reader->error, qr/could not list the contacts.*^DETAIL:  \S.*^HINT:  \S/ms, "$function: $name: a message, its detail and a hint");
		$sim->clear_faults;
	}
}
is(scalar $reader->plan($call), 6, 'and when the trouble is over, a plan');
done_testing;
