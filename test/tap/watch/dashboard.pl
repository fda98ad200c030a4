# flex_sync_dashboard: what the page says, that it is well-formed, and that nothing that comes from data can be anything but text.

use strict;
use warnings;

use FlexSync;
use PostgreSQL::Test::Utils;
use Test::More;

my $db = FlexSync->start;
my $sim = $db->sim;

# The texts that an XPath finds, with all white space as single spaces.
sub found
{
	my ($path) = @_;
	my $sql_path = $path =~ s/'/''/gr;
	my @found = $db->rows("SELECT trim(regexp_replace(array_to_string(xpath('.//text()', x), ' '), '[\\s\\u00a0]+', ' ', 'g')) AS text
		FROM unnest(xpath('$sql_path', flex_sync_dashboard()::xml)) WITH ORDINALITY AS u (x, n) ORDER BY n");
	my %character = (lt => '<', gt => '>', amp => '&', quot => '"');
	return map { $_->{text} =~ s/&(lt|gt|amp|quot);/$character{$1}/gr } @found;
}
sub metric { return (found("//section[h2='$_[0]']"))[0] }

# ---- nothing yet

is($db->run('SELECT flex_sync_dashboard()::xml IS DOCUMENT'), 't', 'the page is well-formed');
is((found('//h1'))[0], 'Nothing has been synced yet', 'no run: it says so');
is(metric('Failed syncs'), "Failed syncs \x{2013} of 0 syncs in 24 hours \x{2713} target: under 1 %", 'there is nothing to judge');
is(scalar(grep { /^No sync in the last 24 hours\.$/ } found('//p[@class="empty"]')), 3, 'charts and crews say that they are empty');
like((found('//section[h2="Recent runs"]'))[0], qr/None yet\. The first one: SELECT \* FROM flex_sync_crew\(call_id\) ,/, 'how to begin');
like((found('//section[h2="Open alerts"]'))[0], qr/None/, 'no alert');
is_deeply([ found('//*[local-name()="svg"]') ], [], 'no chart of nothing');

# ---- some runs

my @calls = map { $db->make_call("element-$_", 1 .. $_) } 1 .. 3;
$db->run("UPDATE flex_crew_calls SET department = 'sound' WHERE id = '$calls[0]'");
is(metric('Missing crew'), "Missing crew 6 desired, without a row \x{2717} target: 0", 'missing crew');
is((found('//h1'))[0], '1 of 4 targets is missed', 'is a target that is missed');
$db->run('CALL flex_sync_all()');
is((found('//h1'))[0], 'Every target is met', 'after a sync of all');
is((found('//title'))[0], 'flex_sync: Every target is met', 'so says the title');
is(metric('Missing crew'), "Missing crew 0 desired, without a row \x{2713} target: 0", 'nobody is missing');
like(metric('Failed syncs'), qr/^Failed syncs 0 % of 3 syncs in 24 hours/, 'the failure rate');
like(metric('Mean duration'), qr/^Mean duration [\d.]+ m?s 95 % took at most [\d.]+ m?s \x{2713} target: under 5 s$/, 'the duration');
is(scalar found('//*[local-name()="rect" and contains(@class, "bar ok")]'), 1, 'a bar for the present hour');
is(scalar found('//*[local-name()="line" and @class="target"]'), 1, 'the line of 5 s');
like((found('//*[local-name()="svg"][1]//*[local-name()="title"]'))[23], qr/^\d\d:00: 3 ok, 0 blocked or deferred, 0 failed or partial$/, 'the numbers of an hour');
is(scalar found('//table[@class="runs"]/tbody/tr'), 3, 'the runs');
like((found('//table[@class="runs"]/tbody/tr'))[0],
	qr/^\d\d:\d\d:\d\d ok \Q$calls[2]\E \+3 \d [\d.]+ ms 3 technicians are on the crew call: 3 added\.$/, 'the latest first, with its message');
like((found('//section[h2="Busiest crews in 24 hours"]//tbody/tr'))[2], qr/^sound \Q$calls[0]\E 3 1 0 [\d.]+ ms$/, 'the busiest crews');

# ---- requests and limits

like((found('//section[h2="Requests to Flex"]'))[0], qr/In the last hour 12 . no hourly_limit In the last 24 hours 12 . no daily_limit/, 'no limit');
$db->set_server(hourly_limit => 2000, daily_limit => 13);
like((found('//section[h2="Requests to Flex"]'))[0], qr/In the last hour 12 of 2,000 In the last 24 hours 12 of 13/, 'requests spent against the limits');
is_deeply([ map { $_->{style} } $db->rows(q(SELECT unnest(xpath('//div[@class="track"]/i/@style', flex_sync_dashboard()::xml)) AS style)) ],
	[ 'width:0.6%', 'width:92.3%' ], 'as bars');
$db->set_server(hourly_limit => undef, daily_limit => undef);

# ---- trouble

$sim->fault(kind => 'list', element => 'element-1', status => 500, times => 0);
$db->sync($calls[0]);
$sim->fault(kind => 'add', status => 400);
$db->desire($calls[1], 1, 2, 7);
$db->sync($calls[1]);
$sim->clear_faults;
$db->run("ALTER TABLE flex_crew_assignments DROP CONSTRAINT flex_crew_assignments_crew_call_technician_key");
$db->assign($calls[2], 3, 'line-x');
like((found('//h1'))[0], qr/^3 of 4 targets are missed$/, 'targets that are missed');
like(metric('Failed syncs'), qr/^Failed syncs 40 % of 5 syncs/, 'the failure rate');
my @alerts = found('//ul[@class="alerts"]/li');
like($alerts[0], qr/^40 % of the last hour.s syncs failed since \d\d:\d\d .*flex_sync_log/, 'an alert: failures');
like($alerts[1], qr/^1 technician has several rows .*flex_sync_repair/, 'an alert: duplicates');
is(scalar found('//*[local-name()="rect" and contains(@class, "bar failed")]'), 1, 'failures in the chart');
like((found('//table[@class="runs"]/tbody/tr'))[0], qr/partial .*Flex answered HTTP status 400/, 'a partial run tells its first diagnostic');
$db->run("DELETE FROM flex_crew_assignments WHERE flex_line_item_id = 'line-x'; SELECT flex_sync_protect()");

# ---- all text is text

my $evil = q(<script>alert(1)</script>"'&amp;<b>);
my $odd = "S\x{f8}nderborg \x{1F399} \x{1}\x{7f}\x{fffe}";
utf8::encode(my $encoded = "$evil $odd");
$db->run("UPDATE flex_sync_log SET department = \$x\$$encoded\$x\$, message = \$x\$$encoded\$x\$, status = \$x\$<i>\$x\$");
$db->run(qq(CREATE SERVER "<s>&" FOREIGN DATA WRAPPER flex_sync OPTIONS (url 'http://localhost:1'); CREATE USER MAPPING FOR CURRENT_USER SERVER "<s>&" OPTIONS (token 'a-secret-token')));
$db->run(q(SET flex_sync.server = '<s>&'));
my $page = $db->run('SELECT flex_sync_dashboard()');
is($db->run('SELECT flex_sync_dashboard()::xml IS DOCUMENT'), 't', 'still well-formed');
unlike($page, qr/<script|<b>alert|<i>|<s>/i, 'no element comes from data');
unlike($page, qr/[^\x20-\x7e\n\t]/, 'the page is ASCII, whatever the encoding of database and client');
unlike($page, qr/a-secret-token/, 'the token is not in it');
unlike($page, qr{(?:src|href)="(?!data:,")|https?:|url\(|\@import|\son\w+=}i, 'nothing is loaded, nothing is run');
my $shown = (found('//table[@class="runs"]/tbody/tr[1]/td[@class="crew"]/b'))[0];
is($shown, "$evil S\x{f8}nderborg \x{1F399} \x{fffd}\x{fffd}\x{fffd}", 'what is shown is what is there; what is no text is replaced');
like((found('//header'))[0], qr/Server <s>&/, 'the name of the server as well');
$db->run('RESET flex_sync.server');

# ---- who may see it

$db->run('CREATE ROLE viewer LOGIN');
my $viewer = $db->session(user => 'viewer');
is($viewer->sqlstate_of('SELECT flex_sync_dashboard()'), '42501', 'nobody who was not granted it');
$db->run('GRANT EXECUTE ON FUNCTION flex_sync_dashboard() TO viewer; GRANT USAGE ON FOREIGN SERVER flex TO viewer');
is($viewer->sqlstate_of('SELECT flex_sync_dashboard()'), '42501', 'nor without the privilege to read the crew relations');
like($viewer->error, qr/flex_crew_calls|flex_crew_assignments|flex_desired_crew/, 'which are named');
$db->run('GRANT SELECT ON flex_crew_calls, flex_crew_assignments, flex_desired_crew TO viewer');
like($viewer->run('SELECT flex_sync_dashboard()'), qr/<h1>/, 'with it the page, the log in it');
is($viewer->sqlstate_of('SELECT FROM flex_sync_log'), '42501', 'though not the log itself');
$viewer->run('BEGIN READ ONLY');
like($viewer->run('SELECT flex_sync_dashboard()'), qr/<h1>/, 'in a read-only transaction, too');
$viewer->run('COMMIT');
$db->run('ALTER TABLE flex_crew_assignments ENABLE ROW LEVEL SECURITY');
is($viewer->sqlstate_of('SELECT flex_sync_dashboard()'), '42501', 'row level security is an error, never a smaller count');

# ---- from psql into a file, in a database of another encoding

my $file = "$PostgreSQL::Test::Utils::tmp_check/crew.html";
$db->node->command_ok([ 'sh', '-c', "psql -XAt -c 'SELECT flex_sync_dashboard()' -d '" . $db->node->connstr('postgres') . "' > $file" ], 'psql -XAt');
like(slurp_file($file), qr{\A<!DOCTYPE html>\n<html lang="en">.*</html>\n\s*\z}s, 'writes the page, and nothing else');
$db->run(q(CREATE DATABASE latin ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0));
my $latin = $db->session(database => 'latin');
$latin->run("CREATE EXTENSION flex_sync; CREATE SERVER flex FOREIGN DATA WRAPPER flex_sync OPTIONS (url '" . $sim->url . "');
	CREATE USER MAPPING FOR CURRENT_USER SERVER flex OPTIONS (token '" . $sim->token . "'); SELECT flex_sync_setup()");
$latin->run("SET client_encoding = 'UTF8'; INSERT INTO flex_crew_calls (id, department, flex_element_id) VALUES ('$calls[0]', 'S\xc3\xb8nderborg', 'element-3')");
$latin->run("INSERT INTO flex_sync_log (crew_call_id, status, desired, kept, adopted, added, removed, stale, pruned, roles_set, skipped, failed, passes,
	http_requests, duration_ms, message, diagnostics, department, flex_element_id, server, prune, max_removals, started_at, triggered_by,
	application_name) VALUES ('$calls[0]', 'ok', 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 5, '', '[]', 'S\xc3\xb8nderborg', 'element-3', 'flex', 'none', 5,
	now(), 'postgres', '')");
like($latin->run('RESET client_encoding; SELECT flex_sync_dashboard()'), qr/S&#248;nderborg/, 'a database in LATIN1 gives the same page');
done_testing;
