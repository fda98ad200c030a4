# docs/scaling.md, the section on PL/Proxy: a front and four nodes, made with the statements of the page. 200 crew calls of 180
# elements, twenty of them shared by two calls, are put and synced through the front. Each lands on the node of its element, everybody
# is in Flex once, and a second run lists each element once and does nothing else.

use strict;
use warnings;

use FlexSync;
use File::Basename qw(dirname);
use PostgreSQL::Test::Utils;
use Test::More;

my $db = FlexSync->start(setup => '', conf => "max_connections = 100\n");
if ($db->run(q(SELECT count(*) FROM pg_available_extensions WHERE name = 'plproxy')) eq '0')
{
	plan skip_all => 'this PostgreSQL (' . $db->run('SHOW server_version') . ') has no PL/Proxy';
}
my $sim = $db->sim;
my $node = $db->node;
my $nodes = 4;

my $page = slurp_file(dirname(__FILE__) . '/../../../docs/scaling.md');
my ($on_node) = $page =~ /^```sql\n(-- every node.*?)^```$/ms or die 'no block for the nodes';
my ($on_front) = $page =~ /^```sql\n(-- front.*?)^```$/ms or die 'no block for the front';
my ($from_application) = $page =~ /^```sql\n(-- application.*?)^```$/ms or die 'no block for the application';

# The nodes are databases of one server here. Their limits would not do for a test that syncs everything at once.
my @shards;
foreach my $number (0 .. $nodes - 1)
{
	$db->run("CREATE DATABASE crews_$number");
	my $session = $shards[$number] = $db->session(database => "crews_$number");
	$session->run('CREATE EXTENSION flex_sync');
	$session->run("CREATE SERVER flex FOREIGN DATA WRAPPER flex_sync OPTIONS (url '" . $sim->url . "');
		CREATE USER MAPPING FOR CURRENT_USER SERVER flex OPTIONS (token '" . $sim->token . "')");
	$session->run('SELECT FROM flex_sync_setup()');
	is($session->sqlstate_of($on_node), '', "node $number: the statements of the page run") or diag($session->error);
	$session->run('ALTER SERVER flex OPTIONS (DROP hourly_limit, DROP daily_limit)');
}

# The front needs nothing of flex_sync.
$db->run('CREATE DATABASE front');
my $front = $db->session(database => 'front');
my ($host, $port) = ($node->host, $node->port);
my $places = $on_front =~ s/'host=crews-(\d) dbname=crews'/'host=$host port=$port dbname=crews_$1'/gr;
is($front->sqlstate_of($places), '', 'the front: the statements of the page run') or diag($front->error);

# What the application does, as the page has it.
$sim->seed('0b6e5c1a-8f5d-4b7e-9d3e-6a1c2f4e8d90', []);
like($front->run($from_application), qr/^ok\|1\|1 technician is on the crew call: 1 added\.$/m, 'and so does what the application does')
  or diag($front->error);
is($front->sqlstate_of("SELECT * FROM flex_sync_crew('" . technician(1) . "')"), 'P0002', 'a call that nobody knows is an error');

# 200 calls: of elements 1 to 180, those from 161 on have two. One call's element is written in another letter case than the other's.
my $put = "SELECT count(*) FROM (SELECT (SELECT count(put_crew(e.crew_call_id, e.flex_element_id,
		(SELECT array_agg(('7ec00000-0000-4000-8000-' || lpad((c.n + t)::text, 12, '0'))::uuid) FROM generate_series(0, 2) AS t),
		(SELECT array_agg('resource-' || c.n + t) FROM generate_series(0, 2) AS t))))
	FROM calls AS c JOIN crew_elements AS e USING (crew_call_id)) AS q";
$front->run("CREATE TABLE calls AS SELECT n, ('ca110000-0000-4000-8000-' || lpad(n::text, 12, '0'))::uuid AS crew_call_id,
		'e1e00000-0000-4000-8000-0000000000' || lpad(to_hex(CASE WHEN n > 180 THEN n - 20 ELSE n END), 2, '0') AS element
	FROM generate_series(1, 200) AS n;
	DELETE FROM crew_elements;
	INSERT INTO crew_elements SELECT crew_call_id, CASE WHEN n > 180 THEN upper(element) ELSE element END FROM calls");
my @elements = map { sprintf 'e1e00000-0000-4000-8000-%012x', $_ } 1 .. 180;
$sim->seed($_, []) foreach @elements;
$front->run($put);

my %home = map { $_->{element} => $_->{node} & ($nodes - 1) }
  $front->rows('SELECT DISTINCT lower(flex_element_id) AS element, element_node(flex_element_id) AS node FROM crew_elements');
my (%calls_of, %place);
foreach my $number (0 .. $nodes - 1)
{
	my @here = $shards[$number]->rows("SELECT lower(flex_element_id) AS element, count(*) AS calls FROM flex_crew_calls
		WHERE id::text LIKE 'ca11%' GROUP BY 1");
	cmp_ok(scalar @here, '>', 20, "node $number has its part of the elements");
	push @{ $place{ $_->{element} } }, $number foreach @here;
	$calls_of{ $_->{element} } += $_->{calls} foreach @here;
}
is_deeply(\%place, { map { $_ => [ $home{$_} ] } @elements }, 'each element is on the node that its hash names, and on no other');
is(scalar(grep { $_ == 2 } values %calls_of), 20, 'the two calls of an element are on one node');

# Synced from four sessions at once, the calls of an element from different ones.
$sim->clear_log;
my @sessions = map { $db->session(database => 'front') } 1 .. 4;
$sessions[$_]->start("SELECT r.status, count(*) FROM calls AS c, LATERAL flex_sync_crew(c.crew_call_id) AS r
	WHERE (c.n / 20 + c.n) % 4 = $_ GROUP BY 1 ORDER BY 1")
  foreach 0 .. 3;
my %statuses;
foreach my $line (map { split /\n/, $_->finish } @sessions)
{
	my ($status, $count) = split /\|/, $line;
	$statuses{$status} += $count;
}
is($statuses{ok} + ($statuses{coalesced} // 0), 200, '200 calls are synced through the front') or diag(explain(\%statuses));
is_deeply([ grep { !/^(ok|coalesced)$/ } keys %statuses ], [], 'every one of them well');

# Everybody once: three technicians a call, and a call that shares an element has others than its twin.
my @wrong;
foreach my $element (@elements)
{
	my %times;
	$times{ $_->{resource} }++ foreach $db->flex_contacts($element);
	push @wrong, $element if keys %times != 3 * $calls_of{$element} || grep { $_ != 1 } values %times;
}
is_deeply(\@wrong, [], 'everybody is in Flex once');
is($sim->counts->{add}, 600, 'and was called once');
my $rows = 0;
$rows += $_->run(q(SELECT count(*) FROM flex_crew_assignments WHERE crew_call_id::text LIKE 'ca11%')) foreach @shards;
is($rows, 600, 'with a row for each');

# The second run, on each node as its scheduler would.
$sim->clear_log;
$_->start('CALL flex_sync_all()') foreach @shards;
$_->finish foreach @shards;
my %listed;
$listed{ lc $_->{element} }++ foreach $sim->log;
is_deeply(\%listed, { map { $_ => 1 } @elements, '0b6e5c1a-8f5d-4b7e-9d3e-6a1c2f4e8d90' }, 'a second run sends one request to each element');
is($sim->counts->{list}, 181, 'a listing, and nothing else');

# A cancel on the front is one on the node.
$sim->fault(kind => 'list', hold => 1);
$sessions[0]->start("SELECT status FROM flex_sync_crew('ca110000-0000-4000-8000-000000000001')");
$sim->held;
$sessions[0]->cancel;
is($sessions[0]->finish_sqlstate, '57014', 'a sync that is cancelled on the front ends there');
ok($db->wait_until("SELECT count(*) = 0 FROM pg_locks WHERE locktype = 'advisory' AND database IN (SELECT oid FROM pg_database WHERE datname LIKE 'crews\\_%')"),
	'and on the node, with its lock');
$sim->release;
is($sessions[0]->run("SELECT status FROM flex_sync_crew('ca110000-0000-4000-8000-000000000001')"), 'ok', 'the next one goes on');

my @health = $front->rows('SELECT * FROM crews_health() ORDER BY node');
is_deeply([ map { $_->{node} } @health ], [ map { "crews_$_" } 0 .. $nodes - 1 ], 'the front sees the health of every node');
is_deeply([ map { "$_->{duplicates} $_->{missing_crew} $_->{failure_rate_24h}" } @health ], [ ('0 0 0') x $nodes ], 'which is good');
done_testing;
