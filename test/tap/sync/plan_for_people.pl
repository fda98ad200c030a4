# flex_sync_plan as the dress rehearsal: reasons that somebody in the office understands, with names where Flex shows them, in an order that
# stays; and the sync then does just that.

use strict;
use warnings;

use FlexSync;
use Test::More;

my $db = FlexSync->start;
my $sim = $db->sim;
my $call = $db->make_call('element-1');
my $tech = sub { 'technician ' . technician($_[0]) };

my ($bo, $cleo, $dan, $eve, $eve_again, $stranger, $fay) = $sim->seed('element-1', [
		map { { resource => $_->[0], name => $_->[1], role => $_->[2] } } [ 'resource-2', 'Bo Lind' ], [ 'resource-3', 'Cleo Marsh', 'old' ], [ 'resource-4', 'Dan Oyelaran' ],
		[ 'resource-5', 'Eve Park' ], [ 'resource-5', 'Eve Park' ], [ 'resource-99', 'Joe Grant' ], [ 'former-6', 'Fay Quist' ] ]);
my $service = $sim->add_row('element-1', { resource => 'van', type => 'service-offering', name => 'Van' });
$db->assign($call, 3, $cleo);
$db->assign($call, 4, $dan);
$db->assign($call, 5, $eve);
$db->assign($call, 6, $fay);
$db->assign($call, 7, 'gone-7');
$db->assign($call, 8, 'gone-8');
$db->assign($call, 10, $service);
$db->desire($call, { technician => 1, role => 'role-1' }, 2, { technician => 3, role => 'new' }, 5, 6, 7, { technician => 9, resource => undef },
	{ technician => 11, resource => ' resource-11' }, { technician => 12, resource => 'resource-2' });

my @expected = (
	[ 'forget', $tech->(8) . ' is not assigned any more, and not on the crew call either' ],
	[ 'forget', $tech->(10) . ' is not assigned any more, and not on the crew call either' ],
	[ 'forget', $tech->(7) . ' was put on the crew call, but is not there any more' ],
	[ 'remove', 'Dan Oyelaran is on the crew call, but not assigned' ],
	[ 'remove', 'Fay Quist has another resource now; this contact belongs to the former one' ],
	[ 'prune', 'Eve Park is on the crew call more than once; another contact stays' ],
	[ 'prune', 'Joe Grant is on the crew call, but not assigned' ],
	[ 'keep', 'Cleo Marsh is assigned and on the crew call' ],
	[ 'keep', 'Eve Park is assigned and on the crew call' ],
	[ 'adopt', 'Bo Lind is assigned and on the crew call already, but has no row in the database yet' ],
	[ 'adopt', 'Bo Lind is assigned and on the crew call already, but has no row in the database yet' ],
	[ 'add', $tech->(1) . ' is assigned but not on the crew call' ],
	[ 'add', $tech->(6) . ' is assigned but not on the crew call' ],
	[ 'add', $tech->(7) . ' is assigned but not on the crew call' ],
	[ 'set_role', $tech->(1) . ' should have business role "role-1" on the crew call' ],
	[ 'set_role', 'Cleo Marsh should have business role "new" on the crew call, not "old"' ],
	[ 'skip', $tech->(9) . ' is assigned but has no resource in Flex' ],
	[ 'skip', $tech->(11) . ' is assigned with a resource that has white space at its ends, a control character or more than 200 bytes' ],
);
my @plan = $db->plan($call);
is_deeply([ map { [ @{$_}{qw(action reason)} ] } @plan ], \@expected, 'what it says, and in which order') or diag(join "\n", map { "$_->{action}: $_->{reason}" } @plan);
is_deeply([ $db->plan($call) ], \@plan, 'the same again');
$db->run('CREATE TABLE other AS SELECT * FROM flex_crew_assignments ORDER BY technician_id DESC; TRUNCATE flex_crew_assignments; INSERT INTO flex_crew_assignments SELECT * FROM other;
	CREATE TABLE wanted AS SELECT * FROM flex_desired_crew ORDER BY technician_id DESC; TRUNCATE flex_desired_crew; INSERT INTO flex_desired_crew SELECT * FROM wanted');
is_deeply([ $db->plan($call) ], \@plan, 'and the same when the rows lie otherwise');
is((grep { $_->{action} eq 'retain' && $_->{reason} eq 'Joe Grant is on the crew call, but not assigned; the prune policy leaves the contact' } $db->plan($call, 'none')), 1,
	'a contact that stays for the policy');

my $result = $db->sync($call);
is($result->{status}, 'ok', 'the sync');
my $count = sub { scalar grep { $_->{action} eq $_[0] } @plan };
is_deeply({ map { ($_ => $result->{$_}) } qw(kept adopted added removed stale pruned roles_set skipped) },
	{ kept => $count->('keep'), adopted => $count->('adopt'), added => $count->('add'), removed => $count->('remove'), stale => $count->('forget'), pruned => $count->('prune'),
		roles_set => $count->('set_role'), skipped => $count->('skip') }, 'does what the plan said');
$db->assign($call, 20, '');
is((map { $_->{reason} } grep { $_->{action} eq 'forget' } $db->plan($call))[0], $tech->(20) . ' is not assigned, and is recorded here without a contact', 'a row that names no contact');
done_testing;
