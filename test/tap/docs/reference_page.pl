# docs/reference.md and README.md's tables say what the catalog says: script/reference writes them anew, and nothing may differ.

use strict;
use warnings;

use FlexSync;
use PostgreSQL::Test::Utils;
use Test::More;

my $db = FlexSync->start(setup => '');
my $folder = PostgreSQL::Test::Utils::tempdir;
command_ok([ 'script/reference', $db->node->connstr('postgres'), $folder ], 'script/reference writes the pages');
foreach my $page ('docs/reference.md', 'README.md')
{
	my ($written, $new) = map { -e $_ ? scalar slurp_file($_) : '' } $page, "$folder/$page";
	ok($written eq $new, "$page is not stale") or diag("run script/reference; $page differs:\n" . `diff -u $page $folder/$page`);
}

# ---- and what it says is whole

my $page = slurp_file("$folder/docs/reference.md");
foreach my $row (
	$db->rows(
		"SELECT pg_describe_object(d.classid, d.objid, 0) AS object, coalesce(p.proname, c.relname)::text AS name,
		        coalesce(obj_description(d.objid, d.classid::regclass::name), obj_description(t.oid, 'pg_type')) AS comment
		FROM pg_depend AS d JOIN pg_extension AS e ON e.oid = d.refobjid AND d.deptype = 'e' AND e.extname = 'flex_sync'
		LEFT JOIN pg_proc AS p ON d.classid = 'pg_proc'::regclass AND p.oid = d.objid
		LEFT JOIN pg_class AS c ON d.classid = 'pg_class'::regclass AND c.oid = d.objid
		LEFT JOIN pg_type AS t ON t.typrelid = c.oid
		WHERE d.refclassid = 'pg_extension'::regclass AND (p.oid IS NOT NULL OR c.relkind <> 'S')"))
{
	ok(length($row->{comment} // ''), "$row->{object} has a comment");
	next if $row->{name} =~ /^flex_sync_(validator|crew_counts|running)$/;
	like($page, qr/^### \Q$row->{name}\E$/m, "$row->{object} is on the page");
}
like($page, qr/^### flex_sync_result\n.*^\| `diagnostics` \|/ms, 'what a sync says is on the page');
is($db->run("SELECT string_agg(format('%s.%s', c.relname, a.attname), ', ' ORDER BY c.relname, a.attnum)
	FROM pg_depend AS d JOIN pg_extension AS e ON e.oid = d.refobjid AND d.refclassid = 'pg_extension'::regclass AND e.extname = 'flex_sync'
	JOIN pg_class AS c ON (d.classid, d.objid) IN (('pg_class'::regclass, c.oid), ('pg_type'::regclass, c.reltype))
	JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
	WHERE d.deptype = 'e' AND c.relkind IN ('r', 'v', 'c') AND col_description(c.oid, a.attnum) IS NULL"),
	'', 'no column of a table, a view or a composite type is without a comment');

# Every SQLSTATE that the library names is on the page, and every status.
my %state;
foreach my $file (glob 'src/*/*.cpp src/pg/*/*.cpp')
{
	$state{$_} = $file foreach slurp_file($file) =~ /Error\(\s*"([0-9A-Z]{5})"/g;
}
cmp_ok(scalar keys %state, '>', 5, 'the sources name SQLSTATEs');
like($page, qr/\b$_\b/, "SQLSTATE $_ of $state{$_} is on the page") foreach sort keys %state;
like($page, qr/^\| `$_` \|/m, "status $_ is on the page")
  foreach $db->run("SELECT col_description('flex_sync_result'::regclass, 3)") =~ /[a-z]+(?=,| or|$)/g;
done_testing;
