# What Flex shows in a listing: nested rows, every shape of a row, lines of other types, lines without a type, contacts without a
# resource. Only contacts are touched, wherever they are.

use strict;
use warnings;

use FlexSync;
use Test::More;

my $db = FlexSync->start;
my $sim = $db->sim;

my $number = 0;
foreach my $row (qw(flat nested resource_id_in_resource))
{
	foreach my $role (qw(string id data))
	{
		my $name = "row $row, role $role";
		my $element = 'element-' . ++$number;
		$sim->configure(shape => { row => $row, role => $role, types => [qw(as_is upper lower)]->[ $number % 3 ] });
		$sim->seed($element, [
			'resource-1',
			{ resource => 'resource-2', type => 'inventory-model' },    # no contact: technician 2 needs one
			{ resource => 'model-1', type => 'inventory-model', children => [
				{ resource => 'resource-3', role => 'role-3' },
				{ resource => undef, type => 'note', children => [
					{ resource => 'resource-4', role => 'role-9' },
					{ resource => 'resource-9' },
				] },
				{ resource => 'resource-9', type => 'service-offering' },
			] },
			{ resource => 'resource-8' },
		]);
		my %others = map { $_->{id} => $_ } grep { $_->{type} ne 'contact' } lines_of($element);
		my $call = $db->make_call($element, 1, 2, map { { technician => $_, role => "role-$_" } } 3, 4);
		my $result = $db->sync($call);
		is("@{$result}{qw(status adopted added pruned roles_set failed)}", 'ok 3 1 2 1 0', "$name: the sync")
		  or diag(explain($result));
		is_deeply($result->{diagnostics}, [], "$name: has nothing to say");
		$db->agrees($element, $name);
		is_deeply({ map { ($_->{resource} => $_->{role}) } $db->flex_contacts($element) },
			{ 'resource-1' => undef, 'resource-2' => undef, 'resource-3' => 'role-3', 'resource-4' => 'role-4' },
			"$name: the roles are right");
		is(scalar(grep { $others{ $_->{id} } } lines_of($element)), scalar keys %others, "$name: all other lines are there");
		is($db->sync($call)->{http_requests}, 1, "$name: repeated, it is quiet");

		$db->desire($call);
		is($db->sync($call)->{removed}, 4, "$name: nobody desired");
		is_deeply([ sort map { $_->{id} } lines_of($element) ], [ sort keys %others ], "$name: the other lines stay");
	}
}

sub lines_of
{
	my @rows = @{ $sim->dump($_[0]) };
	return map { ($_, map { ($_, @{ $_->{children} // [] }) } @{ $_->{children} // [] }) } @rows;
}

# Lines that do not say what they are.
$sim->configure(shape => { row => 'flat', role => 'string', types => 'as_is' });
my ($wanted, $unwanted, $nobody, $named) = $sim->seed('element-odd', [
	{ resource => 'resource-1', type => undef },
	{ resource => 'resource-9', type => undef },
	{ resource => undef },
	{ resource => 'resource-3', type => undef },
]);
my $call = $db->make_call('element-odd', 1, 2, 4);
$db->assign($call, 3, $named);    # no longer desired: their row says that the line is ours
my $result = $db->sync($call);
is("@{$result}{qw(status adopted added removed pruned failed)}", 'ok 1 2 1 0 0', 'lines of unknown kind') or diag(explain($result));
is_deeply([ sort map { "$_->{code} $_->{flex_line_item_id}" } @{ $result->{diagnostics} } ],
	[ sort "contact_without_resource $nobody", "untyped_line $unwanted" ], 'those left alone have a diagnostic');
is(($db->assignments($call))[0]{flex_line_item_id}, $wanted, 'an untyped line of a desired resource is adopted');
is(scalar(grep { $_->{id} eq $unwanted || $_->{id} eq $nobody } @{ $sim->dump('element-odd') }), 2, 'and are still there');
is($db->sync($call)->{http_requests}, 1, 'repeated, it is quiet');
$db->desire($call, 2, 4);
is($db->sync($call)->{removed}, 1, 'an adopted one is removed when it is no longer desired: a row names it');

# A row that names a line of another type.
my ($model) = $sim->seed('element-model', [ { resource => 'resource-1', type => 'inventory-model' }, { resource => 'resource-2' } ]);
$call = $db->make_call('element-model', 1, 2);
$db->assign($call, 1, $model);
$db->assign($call, 3, $model);
$result = $db->sync($call);
is("@{$result}{qw(status adopted added removed stale)}", 'ok 1 1 0 2', 'rows that name a line that is no contact') or diag(explain($result));
is($sim->dump('element-model')->[0]{id}, $model, 'the line stays');
is_deeply([ map { $_->{path} } grep { $_->{kind} eq 'delete' && $_->{path} =~ $model } $sim->log ], [], 'and nobody tried to delete it');
done_testing;
