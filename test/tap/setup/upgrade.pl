# Who installed 1.0 and updates has what a fresh install has, and keeps the data: the oldest version, the whole chain, and the newest
# beside it. In between the library serves the SQL objects of the old version.

use strict;
use warnings;

use FlexSync;
use PostgreSQL::Test::Utils;
use Test::More;

my ($newest) = slurp_file('flex_sync.control') =~ /^default_version = '(.*)'/m;
my @steps = sort map { /--([\d.]+)--([\d.]+)\.sql$/ ? "$1 $2" : () } glob 'flex_sync--*.sql';
cmp_ok(scalar @steps, '>', 0, 'there are upgrade scripts');

# What is in the catalog of the extension, as text that can be compared.
my @catalog = (
	functions => q(SELECT p.oid::regprocedure || ' ' || coalesce(pg_get_function_result(p.oid), '') || ' '
		|| coalesce(pg_get_function_arguments(p.oid), '') || ' ' || concat_ws(' ', p.prokind, p.provolatile, p.proisstrict,
			p.proparallel, p.procost, p.prorows, p.prosecdef, p.prosrc, p.probin, p.proconfig, obj_description(p.oid, 'pg_proc'))
		|| ' ' || coalesce((SELECT string_agg(a::text, ' ' ORDER BY a::text) FROM unnest(p.proacl) AS a), 'default')
		FROM pg_proc AS p JOIN member AS m ON m.classid = 'pg_proc'::regclass AND m.objid = p.oid),
	relations => q(SELECT c.relname || ' ' || concat_ws(' ', c.relkind, obj_description(c.oid, 'pg_class'),
			CASE WHEN c.relkind = 'v' THEN pg_get_viewdef(c.oid) END)
		|| ' ' || coalesce((SELECT string_agg(a::text, ' ' ORDER BY a::text) FROM unnest(c.relacl) AS a), 'default')
		FROM pg_class AS c JOIN member AS m ON m.classid = 'pg_class'::regclass AND m.objid = c.oid),
	columns => q(SELECT concat_ws(' ', c.relname, a.attnum, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull,
			pg_get_expr(d.adbin, d.adrelid), col_description(c.oid, a.attnum))
		FROM pg_class AS c JOIN member AS m ON m.objid IN (c.oid, c.reltype) JOIN pg_attribute AS a ON a.attrelid = c.oid
		LEFT JOIN pg_attrdef AS d ON d.adrelid = c.oid AND d.adnum = a.attnum
		WHERE a.attnum > 0 AND c.relkind IN ('r', 'v', 'c')),
	constraints => q(SELECT o.conname || ' ' || pg_get_constraintdef(o.oid) FROM pg_constraint AS o JOIN member AS m ON m.objid = o.conrelid),
	indexes => q(SELECT pg_get_indexdef(i.indexrelid) FROM pg_index AS i JOIN member AS m ON m.objid = i.indrelid),
	'other members' => q(SELECT pg_describe_object(m.classid, m.objid, 0) FROM member AS m
		WHERE m.classid NOT IN ('pg_proc'::regclass, 'pg_class'::regclass)),
	'what is dumped' => q(SELECT t.oid::regclass || ' ' || t.filter FROM pg_extension AS e,
		unnest(e.extconfig, e.extcondition) AS t (oid, filter) WHERE e.extname = 'flex_sync'),
);

sub catalog_of
{
	my ($session) = @_;
	my (%catalog, @list);
	for (@list = @catalog; @list; splice @list, 0, 2)
	{
		my $lines = $session->run("WITH member AS (SELECT d.classid, d.objid FROM pg_depend AS d
			JOIN pg_extension AS e ON e.oid = d.refobjid AND d.refclassid = 'pg_extension'::regclass
			WHERE d.deptype = 'e' AND e.extname = 'flex_sync') $list[1] ORDER BY 1");
		$catalog{ $list[0] } = [ split /\n/, $lines ];
	}
	return \%catalog;
}

# As on Supabase, where everything is granted to everybody: what the update makes is open to nobody either.
my $open = 'CREATE ROLE anon; ' . join ' ', map { "ALTER DEFAULT PRIVILEGES GRANT ALL ON $_ TO anon;" } qw(TABLES SEQUENCES FUNCTIONS);

my $db = FlexSync->start;
my $fresh = catalog_of($db);
cmp_ok(scalar @{ $fresh->{$_} }, '>', 1, "a fresh $newest: there are $_") foreach sort keys %$fresh;
is($db->value("SELECT extversion FROM pg_extension WHERE extname = 'flex_sync'"), $newest, 'it is of the newest version');

# ---- the oldest version

$db->run('DROP EXTENSION flex_sync CASCADE');
$db->run(q(CREATE EXTENSION flex_sync VERSION '1.0'));
$db->make_server('flex');
my $call = $db->make_call('element-1', 1 .. 3);
my $result = $db->sync($call);
is("$result->{status} $result->{added}", 'ok 3', '1.0: a sync');
is_deeply([ map { $_->{action} } $db->plan($call) ], [ ('keep') x 3 ], '1.0: a plan');
$db->set_server(hourly_limit => 6);
is($db->sync($call)->{status}, 'ok', '1.0: one that fits the limit');
is($db->sync($call)->{status}, 'deferred', '1.0: one that does not');
$db->set_server(hourly_limit => undef);
$db->run('DELETE FROM flex_sync_log WHERE run_id > 1');
$db->run(q(INSERT INTO flex_sync_repair_log VALUES (now(), 'somebody', gen_random_uuid(), gen_random_uuid(), gen_random_uuid(), NULL, '{}')));
is($db->run("SELECT count(*) FROM flex_sync_check() WHERE status = 'error'"), '0', '1.0: the doctor finds no error');
like($db->run("SELECT hint FROM flex_sync_check() WHERE check_name = 'extension'"), qr/ALTER EXTENSION flex_sync UPDATE/,
	'1.0: the doctor says that there is an update');
my @kept = qw(flex_sync_log flex_sync_log_operation flex_sync_contact flex_sync_repair_log flex_crew_assignments);
my %before = map { $_ => [ $db->rows("SELECT * FROM $_ ORDER BY 1, 2, 3, 4") ] } @kept;

# ---- the chain

foreach my $step (@steps)
{
	my ($from, $to) = split / /, $step;
	is($db->run("SELECT extversion FROM pg_extension WHERE extname = 'flex_sync'"), $from, "at $from");
	is($db->sync($call)->{status}, 'ok', "$from: a sync");
	$db->run("DELETE FROM flex_sync_log WHERE run_id > $result->{run_id}");
	$db->run("ALTER EXTENSION flex_sync UPDATE TO '$to'");
	foreach my $table (@kept)
	{
		my @after = $db->rows("SELECT * FROM $table ORDER BY 1, 2, 3, 4");
		is(scalar @after, scalar @{ $before{$table} }, "to $to: the rows of $table are there");
		foreach my $i (0 .. $#after)
		{
			my %old = %{ $before{$table}[$i] };
			is_deeply([ @{ $after[$i] }{ sort keys %old } ], [ @old{ sort keys %old } ], "to $to: a row of $table is as it was");
		}
	}
}
is_deeply(catalog_of($db), $fresh, "updated to $newest, the catalog is that of a fresh install") or do
{
	my $updated = catalog_of($db);
	foreach my $kind (sort keys %$fresh)
	{
		my %is_fresh = map { $_ => 1 } @{ $fresh->{$kind} };
		my %is_updated = map { $_ => 1 } @{ $updated->{$kind} };
		diag("$kind: only updated: $_") foreach grep { !$is_fresh{$_} } sort keys %is_updated;
		diag("$kind: only fresh: $_") foreach grep { !$is_updated{$_} } sort keys %is_fresh;
	}
};

# ---- after it

$db->desire($call, 2 .. 4);
$result = $db->sync($call);
is("@{$result}{qw(status kept added removed)}", 'ok 2 1 1', "$newest: a sync goes on from what 1.0 left");
$db->agrees('element-1', 'after the update');
cmp_ok($db->run('SELECT syncs_24h FROM flex_sync_health'), '==', 2, "$newest: the health counts 1.0's run as well");
is($db->sqlstate_of("ALTER EXTENSION flex_sync UPDATE"), '', 'another update has nothing to do');

# ---- what 1.0 remembered for each server is one memory

$db->run(q(DROP EXTENSION flex_sync CASCADE; CREATE EXTENSION flex_sync VERSION '1.0'));
$db->make_server($_) foreach qw(flex second);
$db->run(q(INSERT INTO flex_sync_contact
	SELECT k.server, k.element, k.line, k.resource, k.shown, k.shown IS NOT NULL, k.role, k.tries, now() - k.age::interval
	FROM (VALUES ('flex', 'e', 'l1', 'r1', 'r1', NULL, 1, '2 hours'), ('second', 'e', 'l1', 'r1', NULL, 'b1', 3, '1 hour'),
		('flex', 'e', 'l2', 'r2', NULL, 'b1', 4, '3 hours'), ('second', 'e', 'l2', 'r2', NULL, 'b2', 2, '1 hour'),
		('flex', 'e', NULL, 'r3', NULL, NULL, 1, '2 hours'), ('second', 'e', NULL, 'r3', NULL, NULL, 1, '1 hour'),
		('second', 'e', NULL, 'r4', NULL, NULL, 1, '2 hours'), ('flex', 'f', 'l1', 'r1', 'r1', NULL, 1, '2 hours')
	) AS k (server, element, line, resource, shown, role, tries, age)));
my $again = $db->make_call('element-2', 1 .. 3);
$db->run("SET flex_sync.server = 'second'");
is($db->sync($again)->{status}, 'ok', '1.0: a sync through the second server');
$db->run('RESET flex_sync.server');
is($db->sync($again)->{status}, 'ok', '1.0: and one through the first');
is($db->value(q(SELECT count(*) FROM flex_sync_contact WHERE flex_element_id = 'element-2')), 3, '1.0: have one memory');
$db->run('ALTER EXTENSION flex_sync UPDATE');
is($db->value(q(SELECT json_agg(concat_ws(' ', server, flex_line_item_id, flex_resource_id, shown_resource_id, was_shown, business_role_id, tries,
		extract(hour FROM now() - noted_at)) ORDER BY flex_line_item_id, flex_resource_id)
	FROM flex_sync_contact WHERE flex_element_id = 'e'))->[$_], (
	'flex l1 r1 r1 t b1 3 1', 'second l2 r2 f b2 4 1', 'second r3 f 1 1', 'second r4 f 1 2')[$_],
	'two rows of one line, or of one lost add, become the more careful one')
  foreach 0 .. 3;
is($db->value(q(SELECT count(*) FROM flex_sync_contact)), 8, 'no other is lost');
is($db->sync($again)->{http_requests}, 1, 'and a sync goes on from there');

# ---- open to nobody

$db->run("DROP EXTENSION flex_sync CASCADE; $open");
$db->run(q(CREATE EXTENSION flex_sync VERSION '1.0'));
$db->run('ALTER EXTENSION flex_sync UPDATE');
is($db->run(q(SELECT string_agg(o.name, ', ' ORDER BY o.name) FROM (
		SELECT p.proname::text, p.proacl, p.oid FROM pg_proc AS p
		WHERE p.proname NOT IN ('flex_sync_validator', 'flex_sync_lock_key', 'flex_sync_crew_counts', 'flex_sync_running')
		UNION ALL SELECT c.relname, c.relacl, c.oid FROM pg_class AS c) AS o (name, acl, oid)
	JOIN pg_depend AS d ON d.objid = o.oid AND d.deptype = 'e' JOIN pg_extension AS e ON e.oid = d.refobjid AND e.extname = 'flex_sync',
	aclexplode(o.acl) AS a WHERE a.grantee IN (0, 'anon'::regrole))), '', 'after an update nothing more is open');
done_testing;
