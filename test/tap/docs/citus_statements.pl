# docs/scaling.md, the section on Citus: its statements run here with stand-ins for Citus's functions, which check what Citus demands of
# a table and of a function, and a crew is synced with the relations as they are then. It does not show what Citus does.

use strict;
use warnings;

use FlexSync;
use File::Basename qw(dirname);
use PostgreSQL::Test::Utils;
use Test::More;

my $db = FlexSync->start;
$db->run(<<'STANDINS');
CREATE FUNCTION create_reference_table(name regclass) RETURNS void LANGUAGE sql RETURN NULL;
CREATE FUNCTION create_distributed_table(name regclass, distribution_column text, colocate_with text DEFAULT 'default') RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    index regclass;
BEGIN
    SELECT i.indexrelid INTO index FROM pg_index AS i
    WHERE i.indrelid = name AND i.indisunique
      AND NOT (SELECT a.attnum FROM pg_attribute AS a WHERE a.attrelid = name AND a.attname = distribution_column) = ANY (i.indkey);
    IF index IS NOT NULL THEN
        RAISE EXCEPTION 'unique index % does not contain %', index, distribution_column;
    END IF;
    PERFORM colocate_with::regclass WHERE colocate_with <> 'default';
END
$$;
CREATE FUNCTION create_distributed_function(name regprocedure, argument text, colocate_with text) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM colocate_with::regclass;
    IF (SELECT p.proargnames[1] FROM pg_proc AS p WHERE p.oid = name) <> argument THEN
        RAISE EXCEPTION '% has no argument %', name, argument;
    END IF;
END
$$;
STANDINS
is($db->sqlstate_of(q(SELECT create_distributed_table('flex_crew_assignments', 'crew_call_id'))), 'P0001',
	'as they are made, the rows could not be distributed');

my $call = $db->make_call('element-1', 1 .. 3);
is($db->sync($call)->{status}, 'ok', 'a sync before it');
my $page = slurp_file(dirname(__FILE__) . '/../../../docs/scaling.md');
my @blocks = $page =~ /^```sql\n(-- Citus.*?)^```$/msg;
is(scalar @blocks, 2, 'the blocks of the page');
foreach my $block (@blocks)
{
	my ($name) = $block =~ /^-- (.*)$/m;
	is($db->sqlstate_of($block), '', "$name: the statements run") or diag($db->error);
}

$db->desire($call, 2 .. 5);
is($db->sync($call)->{status}, 'ok', 'a sync after it');
$db->agrees('element-1', 'after it');
is($db->value('SELECT count(*) FROM flex_sync_check() WHERE status = $$error$$'), 0, 'the doctor finds nothing wrong')
  or diag(explain([ $db->rows('SELECT * FROM flex_sync_check() WHERE status = $$error$$') ]));
done_testing;
