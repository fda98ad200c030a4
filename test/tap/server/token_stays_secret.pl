# The token appears in no message, log line, table, view or error, at whatever log level, and whatever Flex answers.

use strict;
use warnings;

use FlexSync;
use IO::Socket::INET;
use PostgreSQL::Test::Utils;
use Test::More;

my $canary = 'canary-51ef7a0c';
my $sim = FlexSim->start(token => "$canary-first");
my $db = FlexSync->start(sim => $sim, server => { request_timeout => '2s', deadline => '5s', retries => '0', max_response_bytes => '1MB' }, conf => <<'END');
log_min_messages = debug5
log_min_error_statement = debug5
log_statement = all
log_duration = on
log_error_verbosity = verbose
log_parameter_max_length_on_error = -1
debug_print_parse = on
debug_print_plan = on
track_activity_query_size = 10000
session_preload_libraries = 'auto_explain'
auto_explain.log_min_duration = 0
auto_explain.log_nested_statements = on
auto_explain.log_verbose = on
END
my $call = $db->make_call('element-1', 1 .. 3);
my $session = $db->session;
$session->run('SET client_min_messages = debug5');

# Setting it up is the user's own statement.
my $log_begins = -s $db->node->logfile;
my $said = '';

sub try
{
	my ($what, $statement) = @_;
	$session->sqlstate_of($statement // "SELECT row_to_json(r) FROM flex_sync_crew('$call') AS r");
	$said .= $session->error . $session->{output};
	like($session->error . $session->{output}, $what, "tried: $what");
	return;
}

try(qr/"ok"/);
$sim->fault(kind => 'list', status => 503, body => "no $canary here", headers => { 'X-Echo' => $canary });
try(qr/"failed"/);
$sim->fault(kind => 'list', status => 401, body => qq({"token": "$canary"}));
try(qr/unauthorized/);
$sim->fault(kind => 'list', body => qq({"$canary": "$canary"}));
try(qr/malformed/);
$sim->fault(kind => 'list', body => qq([{"id": "l1", "type": "contact", "x": "$canary", "resource": "$canary"}]));
try(qr/malformed/);
$sim->fault(kind => 'list', body => qq([{"id": "l1", "type": "$canary"}, 7]));
try(qr/malformed/);
$sim->fault(kind => 'list', redirect => "http://127.0.0.1:1/$canary");
try(qr/redirect/);
$sim->fault(kind => 'list', hang => 1);
try(qr/timeout/);
$sim->fault(kind => 'list', body => $canary x 1000, cut_body => 1);
try(qr/connection_lost/);
$sim->fault(kind => 'list', huge_body => 2_000_000);
try(qr/too_large/);
$sim->fault(kind => 'list', status => 429, headers => { 'Retry-After' => $canary });
try(qr/"deferred"/);
$sim->fault(kind => 'list', status => 500, times => 0);
try(qr/08006/, "SELECT * FROM flex_sync_plan('$call')");
try(qr/08006/, "SELECT * FROM flex_crew_contacts('$call')");
$sim->clear_faults;
$sim->fault(kind => 'list', body => qq(["$canary"]));
try(qr/08P01/, "SELECT * FROM flex_sync_plan('$call')");
$sim->fault(kind => 'list', status => 403, body => $canary);
try(qr/08004/, "SELECT * FROM flex_sync_plan('$call')");

$db->desire($call, 1 .. 4);
$sim->fault(kind => 'add', status => 422, body => $canary, headers => { 'X-Auth-Token' => $canary });
try(qr/"partial"/);
$db->desire($call, 1 .. 5);
$sim->fault(kind => 'add', body => qq({"id": 7, "$canary": "$canary"}));
try(qr/"(ok|partial)"/);

# Flex refreshes the token.
$sim->fault(kind => 'list', refresh_token => "$canary-second");
try(qr/"(ok|partial)"/);

# The caller gets something wrong, or cancels.
try(qr/22023/, "SELECT flex_sync_crew('$call', prune => 'some')");
try(qr/42704/, "SET flex_sync.server = 'other'; SELECT flex_sync_crew('$call')");
$session->run('RESET flex_sync.server');
$db->run('CREATE TABLE seen AS SELECT query FROM pg_stat_activity WHERE false');
$sim->fault(kind => 'list', hang => 1);
$session->start("SELECT flex_sync_crew('$call')");
$sim->held;
$db->run('INSERT INTO seen SELECT row_to_json(a)::text FROM pg_stat_activity AS a WHERE a.pid = ' . $session->pid);
$session->cancel;
is($session->finish_sqlstate, '57014', 'a sync is cancelled');
$said .= $session->error;

# Connections that fail in every way.
my $silent = IO::Socket::INET->new(Listen => 5, LocalAddr => '127.0.0.1') or die $!;
foreach my $url ('http://127.0.0.1:1', 'https://127.0.0.1:' . $silent->sockport, 'https://' . substr($sim->url, 7))
{
	$db->set_server(url => $url);
	try(qr/unreachable|timeout|tls/);
}
$db->set_server(url => $sim->url, proxy => 'http://127.0.0.1:1');
try(qr/unreachable/);
$db->set_server(proxy => undef);
try(qr/"(ok|partial)"/);

# The doctor, where there is one.
try(qr/./, 'SELECT * FROM flex_sync_check(true)') if $db->run("SELECT to_regproc('flex_sync_check') IS NOT NULL") eq 't';

# The token comes out of the Vault.
$db->run("CREATE SCHEMA vault; CREATE TABLE vault.decrypted_secrets AS SELECT 'flex' AS name, umoptions[1] AS decrypted_secret
	FROM pg_user_mappings WHERE srvname = 'flex';
	UPDATE vault.decrypted_secrets SET decrypted_secret = split_part(decrypted_secret, '=', 2);
	CREATE SERVER vaulted FOREIGN DATA WRAPPER flex_sync OPTIONS (url '" . $sim->url . "');
	CREATE USER MAPPING FOR CURRENT_USER SERVER vaulted OPTIONS (vault_secret 'flex')");
try(qr/"ok"/, "SET flex_sync.server = 'vaulted'; SELECT row_to_json(r) FROM flex_sync_crew('$call') AS r");
$db->run("UPDATE vault.decrypted_secrets SET decrypted_secret = decrypted_secret || chr(10)");
try(qr/ERROR/, "SELECT row_to_json(r) FROM flex_sync_crew('$call') AS r");
$session->run('RESET flex_sync.server');

# Options that are refused show no value.
try(qr/22023/, qq(ALTER USER MAPPING FOR CURRENT_USER SERVER flex OPTIONS (SET token E'new-secret\\n')));
unlike($session->error =~ s/^(STATEMENT|LINE \d+|CONTEXT): .*$//gmr, qr/^ERROR.*new-secret/m, 'a token that is refused is not shown');

# ---- where it might be

unlike($said, qr/$canary/, 'no message to the client shows it');
my $log = PostgreSQL::Test::Utils::slurp_file($db->node->logfile, $log_begins);
cmp_ok(length $log, '>', 100_000, 'the log is a long one');
is_deeply([ grep { /$canary/ } split /\n/, $log ], [], 'no line of the log shows it');
my ($dump) = run_command([ 'pg_dump', '--data-only', '--schema=public', '-d', $db->node->connstr('postgres') ]);
like($dump, qr/COPY public\.flex_sync_log /, 'the log of the syncs is in the dump');
unlike($dump, qr/$canary/, 'no table shows it');
foreach my $view (split /\n/, $db->run("SELECT c.oid::regclass FROM pg_class AS c WHERE c.relname LIKE 'flex\\_%' AND c.relkind = 'v'"))
{
	unlike($db->run("SELECT v FROM $view AS v"), qr/$canary/, "view $view does not show it");
}
is_deeply(
	[ $db->value('SELECT count(*) FROM pg_user_mappings WHERE umoptions::text ~ ' . "'$canary'") ],
	[1], 'the user mapping alone holds it');
done_testing;
