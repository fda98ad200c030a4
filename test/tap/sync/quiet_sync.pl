# A sync that repeats sends one GET and nothing else, and writes no crew row and no row of flex_sync_contact; the log gets its
# line. Whatever shape Flex shows, whoever syncs.

use strict;
use warnings;

use FlexSync;
use Test::More;

my $db = FlexSync->start;
my $sim = $db->sim;
my $noted = 'SELECT k.*, k.ctid, k.xmin FROM flex_sync_contact AS k ORDER BY flex_line_item_id';

sub is_quiet
{
	my ($call, $name) = @_;
	my @before = ([ $db->assignments ], [ $db->rows($noted) ], $sim->dump);
	foreach my $session ($db->session, $db)
	{
		$sim->clear_log;
		my $result = $session->sync($call);
		is("@{$result}{qw(status passes http_requests failed)}", 'ok 1 1 0', "$name: ok, with one request")
		  or diag(explain($result));
		is_deeply([ map { "$_->{method} $_->{kind}" } $sim->log ], ['GET list'], "$name: one GET");
		is($db->log_of($result->{run_id})->{status}, 'ok', "$name: a line in the log");
		is($db->value("SELECT count(*) FROM flex_sync_log_operation WHERE run_id = $result->{run_id}"), 0,
			"$name: no operation");
	}
	return is_deeply([ [ $db->assignments ], [ $db->rows($noted) ], $sim->dump ], \@before, "$name: nothing was written");
}

my %plain = (row => 'flat', role => 'string', ids => 'as_is', types => 'as_is');
my $number = 0;
foreach my $shape (
	{},
	{ row => 'nested', role => 'id' },
	{ row => 'resource_id_in_resource', role => 'data', types => 'upper' },
	{ role => 'hidden', types => 'lower' },
	{ ids => 'upper' })
{
	my $element = 'element-' . ++$number;
	$sim->configure(shape => { %plain, %$shape });
	$sim->seed($element, ['resource-5']);
	my $call = $db->make_call(
		$element, 1, 2,
		{ technician => 3, role => 'role-1' },
		{ technician => 4, resource => undef },
		{ technician => 5, role => 'role-2' },
		{ technician => 6, resource => 'aBcDeF00-0000-4000-8000-00000000000A', role => 'ABCDEF00-0000-4000-8000-00000000000B' });
	is($db->sync($call)->{status}, 'ok', "the first sync of $element");
	is_quiet($call, join ' ', 'shape:', map { "$_ $shape->{$_}" } sort keys %$shape);
}

# An empty crew, one that retains a contact, one whose Flex holds lines of other types.
$sim->configure(shape => \%plain);
is_quiet($db->make_call('element-empty'), 'an empty crew');

$sim->seed('element-others',
	[ { resource => 'resource-1' }, { resource => 'resource-9' }, { resource => 'resource-8', type => 'inventory-model' } ]);
my $call = $db->make_call('element-others', 1);
$db->set_server(prune => 'none');
is($db->sync($call)->{adopted}, 1, 'a crew that retains a contact');
is_quiet($call, 'a contact that is retained');
done_testing;
