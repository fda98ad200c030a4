# Ids as text and as uuid columns, in schemas of any name, whatever letter case Flex writes: the sync is ok, and repeated it sends
# one GET and writes nothing. A column that changes its type changes nothing, in the same session either.

use strict;
use warnings;

use FlexSync;
use Test::More;

my $db = FlexSync->start(setup => '');
my $sim = $db->sim;
my $number = 0;

sub element { return sprintf 'E1E00000-0000-4000-8000-%012d', ++$number }

sub is_quiet
{
	my ($call, $name) = @_;
	my @before = $db->assignments;
	my $result = $db->sync($call);
	is("@{$result}{qw(status http_requests failed)}", 'ok 1 0', "$name: repeated, it sends one request")
	  or diag(explain($result));
	return is_deeply([ $db->assignments ], \@before, "$name: and writes no row");
}

foreach my $variant (
	[ 'public', 'text', 'text' ],
	[ 'crew', 'uuid', 'text' ],
	[ 'Crew Relations', 'text', 'uuid' ],
	[ 'say "crew"', 'uuid', 'uuid' ])
{
	my ($schema, $line_type, $element_type) = @$variant;
	my $quoted = '"' . $schema =~ s/"/""/gr . '"';
	$db->run("CREATE SCHEMA IF NOT EXISTS $quoted; SET search_path = $quoted, public");
	$db->set_server(crew_schema => $schema);
	$db->run("SELECT FROM flex_sync_setup();
		ALTER TABLE flex_crew_assignments ALTER flex_line_item_id TYPE $line_type USING flex_line_item_id::$line_type;
		DROP VIEW flex_due_crew_calls;
		DROP INDEX flex_crew_calls_flex_element_id_idx;
		ALTER TABLE flex_crew_calls ALTER flex_element_id TYPE $element_type USING flex_element_id::$element_type");

	foreach my $ids (qw(as_is upper lower))
	{
		my $name = "$schema, line $line_type, element $element_type, ids $ids";
		my $element = element();
		$sim->configure(shape => { ids => $ids });
		$sim->seed($element, [ { resource => 'aaaaaaaa-0000-4000-8000-00000000000a', role => 'bbbbbbbb-0000-4000-8000-00000000000b' } ]);
		my $call = $db->make_call(
			$element, 1, 2,
			{ technician => 3, resource => 'AAAAAAAA-0000-4000-8000-00000000000A', role => 'BBBBBBBB-0000-4000-8000-00000000000B' },
			{ technician => 4, resource => 'cCcCcCcC-0000-4000-8000-00000000000c', role => 'dDdDdDdD-0000-4000-8000-00000000000d' });
		my $result = $db->sync($call);
		is("@{$result}{qw(status adopted added roles_set)}", 'ok 1 3 1', "$name: the first sync") or diag(explain($result));
		$db->agrees($element, $name);
		is_quiet($call, $name);

		$db->desire($call, 1, 2);
		$result = $db->sync($call);
		is("@{$result}{qw(status kept removed)}", 'ok 2 2', "$name: removals");
		$db->agrees($element, "$name, after removals");
	}
}

# One call in upper case, one in lower: one element. Then the column becomes uuid under the session's plans, and text again.
$db->run('SET search_path = public');
$db->set_server(crew_schema => undef);
my $element = element();
my @calls = ($db->make_call($element, 1, 2), $db->make_call(lc $element, 3));
my $result = $db->sync($calls[1]);
is("@{$result}{qw(status desired added)}", 'ok 3 3', 'letter case does not tell elements apart');
foreach my $type (qw(uuid text uuid))
{
	$db->run("ALTER TABLE flex_crew_assignments ALTER flex_line_item_id TYPE $type USING flex_line_item_id::$type");
	is_quiet($_, "lines became $type") foreach @calls;
	$db->run("ALTER TABLE flex_crew_calls ALTER flex_element_id TYPE $type USING flex_element_id::$type");
	is_quiet($_, "elements became $type") foreach @calls;
	$sim->delete_line(($db->assignments($calls[0]))[0]{flex_line_item_id});
	is($db->sync($calls[0])->{added}, 1, "rows can be written as $type");
	$db->agrees($element, "after a change to $type");
}

# What is no UUID is told apart by letter case: nobody who waited takes the result of the other crew.
{
	$db->run('ALTER TABLE flex_crew_calls ALTER flex_element_id TYPE text USING flex_element_id::text');
	@calls = ($db->make_call('Element-W', 1, 2), $db->make_call('element-w', 3));
	my ($first, $second) = ($db->session, $db->session);
	$sim->fault(kind => 'list', element => 'Element-W', hold => 'before');
	$first->start_sync($calls[0]);
	$sim->held;
	$second->start_sync($calls[0]);
	$db->wait_until(q(SELECT EXISTS (SELECT FROM flex_sync_activity WHERE state = 'waiting')));
	is($db->sync($calls[1])->{status}, 'ok', 'a crew is synced');
	$sim->release;
	is($first->finish_sync->{status}, 'ok', 'while another is, whose element differs in letter case');
	is(join(' ', @{ $second->finish_sync }{qw(status desired)}), 'ok 2', 'and who waited for that one syncs it');
}

# What is no UUID is told apart by letter case, whatever the column's collation thinks of it.
SKIP:
{
	skip 'this PostgreSQL has no ICU', 2 if $db->value(q(SELECT count(*) FROM pg_collation WHERE collprovider = 'i')) == 0;
	$db->run(q(CREATE COLLATION letters (provider = icu, locale = 'und-u-ks-level2', deterministic = false)));
	$db->run('ALTER TABLE flex_crew_calls ALTER flex_element_id TYPE text COLLATE letters USING flex_element_id::text');
	@calls = ($db->make_call('Element-A', 1, 2), $db->make_call('element-a', 3));
	is($db->sync($calls[0])->{desired}, 2, 'the crew of one element');
	is($db->sync($calls[1])->{desired}, 1, 'and that of another, which the collation takes for the same');
}

# A line id that is no UUID does not fit a uuid column: a diagnostic, not an error, and no contact is left over.
$db->run('ALTER TABLE flex_crew_assignments ALTER flex_line_item_id TYPE uuid USING flex_line_item_id::uuid');
$element = element();
$sim->seed($element, [ { id => 'line 7', resource => 'resource-1' } ]);
$result = $db->sync($db->make_call($element, 1, 2));
is("@{$result}{qw(status added failed)} $result->{diagnostics}[0]{code}", 'partial 1 1 22P02', 'a line id that is no UUID');
done_testing;
