# Through PostgREST: the SQL of docs/supabase.md, in its order, in a database like Supabase's; then what PostgREST sends for an RPC, as
# anon, authenticated and service_role.

use strict;
use warnings;

use Cwd qw(abs_path);
use File::Basename qw(dirname);
use FlexSync;
use JSON::PP;
use PostgreSQL::Test::Utils;
use Test::More;

my $json = JSON::PP->new->utf8->canonical->allow_nonref;
my $db = FlexSync->start(setup => '');
my $sim = $db->sim;
$db->run('DROP EXTENSION flex_sync CASCADE');

# ---- a database like Supabase's: roles, default privileges, Vault

$db->run(q(
	CREATE ROLE anon NOLOGIN; CREATE ROLE authenticated NOLOGIN; CREATE ROLE service_role NOLOGIN BYPASSRLS;
	CREATE ROLE authenticator LOGIN NOINHERIT;
	GRANT anon, authenticated, service_role TO authenticator;
	GRANT USAGE ON SCHEMA public TO anon, authenticated, service_role;
	ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT ALL ON TABLES TO anon, authenticated, service_role;
	ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT ALL ON FUNCTIONS TO anon, authenticated, service_role;
	CREATE SCHEMA vault;
	CREATE TABLE vault.secrets (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), name text, description text NOT NULL DEFAULT '', secret text NOT NULL,
		key_id uuid, nonce bytea, created_at timestamptz NOT NULL DEFAULT now(), updated_at timestamptz NOT NULL DEFAULT now());
	CREATE VIEW vault.decrypted_secrets AS
		SELECT id, name, description, secret, convert_from(decode(secret, 'base64'), 'UTF8') AS decrypted_secret, key_id, nonce, created_at, updated_at FROM vault.secrets;
	CREATE FUNCTION vault.create_secret(new_secret text, new_name text) RETURNS uuid LANGUAGE sql
		AS $$ INSERT INTO vault.secrets (name, secret) VALUES (new_name, encode(convert_to(new_secret, 'UTF8'), 'base64')) RETURNING id $$;
	CREATE TABLE job_managers (job_id uuid, user_id uuid);
));

# ---- the page's own SQL, with the simulator's address and token in their places

my $page = slurp_file(dirname(abs_path(__FILE__)) . '/../../../docs/supabase.md');
my @blocks = $page =~ /^```sql\n(.*?)^```$/msg;
cmp_ok(scalar @blocks, '>=', 5, 'the page has its blocks of SQL');
my ($url, $token) = ($sim->url, $sim->token);
foreach my $block (@blocks)
{
	$block =~ s{https://acme\.flexrentalsolutions\.com/f5/api}{$url};
	$block =~ s{the token of Flex}{$token};
	my ($first) = $block =~ /^(.*)$/m;
	is($db->sqlstate_of($block), '', "docs/supabase.md: $first") or BAIL_OUT($db->error);
}
$db->run('ALTER TABLE flex_crew_assignments ENABLE ROW LEVEL SECURITY; ALTER TABLE flex_crew_calls ENABLE ROW LEVEL SECURITY');

my ($ana, $ben) = map { "a0000000-0000-4000-8000-00000000000$_" } 1, 2;
my $job = '10b00000-0000-4000-8000-000000000001';
my $call = $db->make_call('element-1', 1 .. 3);
my $other = $db->make_call('element-2', 4);
$db->run("UPDATE flex_crew_calls SET job_id = '$job', department = id::text; INSERT INTO job_managers VALUES ('$job', '$ana')");

# ---- what PostgREST sends

my $pool = $db->session(user => 'authenticator');
my $statement = 0;
my %type = (call_id => 'uuid', job_id => 'uuid', departments => 'text[]');

# The settings of a request, then the call, with the aggregate around it: one transaction. Gives the row that PostgREST reads the
# response from, or the code of the error.
sub rpc
{
	my ($function, $arguments, %request) = @_;
	my $role = $request{role} // 'authenticated';
	my %claims = (role => $role, $request{sub} ? (sub => $request{sub}) : ());
	my %settings = (
		search_path => '"public", "extensions"', role => $role, 'request.jwt.claims' => $json->encode(\%claims),
		'request.method' => $request{method} // 'POST', 'request.path' => "/rpc/$function",
		'request.headers' => '{"host":"localhost","accept":"application/json"}', 'request.cookies' => '{}', %{ $request{settings} // {} });
	my $list = join ', ', map { my $value = $settings{$_} =~ s/'/''/gr; "set_config('$_', '$value', true)" }
	  sort { ($a ne 'search_path') <=> ($b ne 'search_path') || ($a eq 'role') <=> ($b eq 'role') } keys %settings;
	my @names = sort keys %$arguments;
	my $typed = join ', ', map { qq("$_" $type{$_}) } @names;
	my $parsed = join ', ', map { qq("$_") } @names;
	my $passed = join ', ', map { qq("$_" := pgrst_body."$_") } @names;
	my $from = @names ? qq(FROM (SELECT \$1 AS json_data) pgrst_payload, LATERAL (SELECT $parsed FROM json_to_record(pgrst_payload.json_data) AS _($typed) LIMIT 1) pgrst_body , LATERAL "public"."$function"($passed) pgrst_call)
	  : qq(FROM (SELECT "public"."$function"() pgrst_scalar) pgrst_call);
	my $columns = @names ? 'pgrst_call.*' : 'pgrst_call.pgrst_scalar';
	my $body = $request{body} // 'coalesce(json_agg(_postgrest_t)->0, $$null$$)::text';
	++$statement;
	my $prepared = qq(PREPARE "$statement" (json) AS WITH pgrst_source AS (SELECT $columns $from) SELECT null::bigint AS total_result_set, pg_catalog.count(_postgrest_t) AS page_total, $body AS body, nullif(current_setting('response.headers', true), '') AS response_headers, nullif(current_setting('response.status', true), '') AS response_status, '' AS response_inserted FROM (SELECT "pgrst_source".* FROM "pgrst_source"  ) _postgrest_t);
	my $access = ($request{method} // 'POST') eq 'GET' ? 'READ ONLY' : 'READ WRITE';
	my $payload = $json->encode($arguments) =~ s/'/''/gr;
	$pool->run("BEGIN ISOLATION LEVEL READ COMMITTED $access");
	$pool->run("select $list");
	$pool->run($prepared);
	my $code = $pool->sqlstate_of(qq(SELECT NULL WHERE false; \\pset fieldsep '\\x1f'\nEXECUTE "$statement" ('$payload'); \\pset fieldsep '|'));
	my ($output, $error) = ($pool->{output}, $pool->error);
	$pool->run($code eq '' ? 'COMMIT' : 'ROLLBACK');
	return { code => $code, error => $error } if $code ne '';
	my (undef, $count, $text, $headers, $status) = split /\x1f/, $output;
	return { code => '', count => $count, text => $text, body => $text =~ /^[\[{]/ ? $json->decode($text) : $text,
		headers => $headers ne '' ? $json->decode($headers) : undef, status => $status };
}

sub sync_crew { my ($id, %request) = @_; return rpc('sync_crew', { call_id => $id }, sub => $ana, %request) }

# ---- somebody who may

my $response = sync_crew($call);
is($response->{code}, '', 'a manager of the job presses the button') or diag($response->{error});
is($response->{status}, '200', 'response.status');
is(join(' ', @{ $response->{body} }{qw(status crew_call_id added desired message)}), "ok $call 3 3 3 technicians are on the crew call: 3 added.", 'the body');
is(ref $response->{body}{diagnostics}, 'ARRAY', 'with the diagnostics as JSON');
$db->agrees('element-1', 'through PostgREST');
is($db->value("SELECT triggered_by FROM flex_sync.flex_sync_log ORDER BY run_id DESC LIMIT 1"), $ana, 'the log says who it was');
is(sync_crew($call, role => 'service_role', sub => undef)->{status}, '200', 'service_role may');

# ---- others

is(sync_crew($call, sub => $ben)->{code}, '42501', 'somebody who manages another job may not');
is(sync_crew($call, role => 'anon', sub => undef)->{code}, '42501', 'nor may anon');
like(sync_crew($call, role => 'anon', sub => undef)->{error}, qr/permission denied for function sync_crew/, 'who has no right to call it');
my $direct = $pool->sqlstate_of("BEGIN; SET LOCAL ROLE authenticated; SELECT flex_sync.flex_sync_crew('$call')");
is($direct, '42501', 'flex_sync itself is not for authenticated');
$pool->run('ROLLBACK');
foreach my $relation (qw(public.flex_crew_assignments public.flex_desired_crew flex_sync.flex_sync_log vault.decrypted_secrets))
{
	foreach my $role (qw(anon authenticated))
	{
		is($pool->sqlstate_of("BEGIN; SET LOCAL ROLE $role; SELECT FROM $relation"), '42501', "nor is $relation for $role");
		$pool->run('ROLLBACK');
	}
}

# ---- statuses

$sim->fault(kind => 'add', status => 400);
$db->desire($call, 1, 2, 5);
$response = sync_crew($call);
is("$response->{status} $response->{body}{status}", '207 partial', 'partial');
is($response->{body}{diagnostics}[0]{http_status}, 400, 'with what Flex said');
is(sync_crew($call)->{status}, '200', 'and again');

$sim->fault(kind => 'list', status => 500, times => 0);
$db->run("ALTER SERVER flex OPTIONS (ADD retries '0')");
$response = sync_crew($call);
is("$response->{status} $response->{body}{status}", '502 failed', 'failed');
$sim->clear_faults;
$sim->fault(kind => 'list', hang => 'before');
$response = sync_crew($call, settings => { statement_timeout => '2s' });
is("$response->{status} $response->{body}{status}", '504 failed', 'too slow for statement_timeout: an answer all the same');
$sim->fault(kind => 'list', status => 429, headers => { 'Retry-After' => '120' });
$response = sync_crew($call);
is("$response->{status} $response->{body}{status}", '429 deferred', 'deferred');
is_deeply($response->{headers}, [ { 'Retry-After' => '120' } ], 'with Retry-After');
$db->desire($call);
$response = sync_crew($call);
is("$response->{status} $response->{body}{status}", '200 ok', 'three of three is not more than max_removals');
$sim->seed('element-1', [ map { resource($_) } 20 .. 30 ]);
$response = sync_crew($call);
is("$response->{status} $response->{body}{status}", '409 blocked', 'blocked');
is(sync_crew($other)->{status}, '200', 'the status of one request is not that of the next');

$sim->fault(kind => 'list', hold => 'before');
my $running = $db->session;
$running->run('SET search_path = flex_sync, public');
$running->run("GRANT crew_sync TO CURRENT_USER; SET ROLE crew_sync");
$running->start_sync($other);
is(scalar $sim->held(10, 1), 1, 'while another sync is running');
$response = sync_crew($other);
is("$response->{status} $response->{body}{status}", '409 busy', 'busy, at once');

# ---- a job

$response = rpc('sync_job', { job_id => $job }, sub => $ana);
is($response->{code}, 'PT409', 'a job waits for a second at most');
like($response->{error}, qr/another sync of this job is running.*HINT:  Try again in a moment\./s, 'then says so');
$sim->release;
$running->finish;
my $all = 'coalesce(json_agg(_postgrest_t), $$[]$$)::text';
$response = rpc('sync_job', { job_id => $job }, sub => $ana, body => $all);
is_deeply([ map { $_->{status} } @{ $response->{body} } ], [ 'blocked', 'ok' ], 'a job: a row for each crew call');
$response = rpc('sync_job', { job_id => $job, departments => [$other] }, sub => $ana, body => $all);
is_deeply([ map { $_->{crew_call_id} } @{ $response->{body} } ], [$other], 'or for the departments named');
is(rpc('sync_job', { job_id => $job }, sub => $ben)->{code}, '42501', 'for its managers only');

# ---- errors

my $unknown = 'ca110000-0000-4000-8000-00000000dead';
my $bare = $db->make_call(undef, 1);
$db->run("UPDATE flex_crew_calls SET job_id = '$job' WHERE id = '$bare'");
$sim->clear_log;
my %service = (role => 'service_role', sub => undef);
$response = sync_crew($unknown, %service);
is($response->{code}, 'PT404', 'a crew call that does not exist');
like($response->{error}, qr/crew call "$unknown" does not exist.*HINT:  /s, 'its message and hint');
is(sync_crew($bare)->{code}, 'PT409', 'one without an element');
is(sync_crew(undef, %service)->{code}, '22004', 'none');
is(sync_crew($call, method => 'GET')->{code}, '25006', 'GET is a read-only transaction');
$db->run('ALTER TABLE flex_crew_assignments RENAME TO elsewhere');
is(sync_crew($call)->{code}, 'PT409', 'a database that is not set up');
$db->run('ALTER TABLE elsewhere RENAME TO flex_crew_assignments');
$db->run('ALTER ROLE crew_sync NOBYPASSRLS');
$response = sync_crew($call, %service);
is($response->{code}, '42501', 'an owner of the wrapper to whom policies apply');
$db->run('ALTER ROLE crew_sync BYPASSRLS');
is($sim->counts->{total}, 0, 'all before anything was sent');
is(sync_crew($call)->{code}, '', 'and the session goes on');
is($db->sqlstate_of("SELECT flex_sync.flex_sync_crew('$unknown')"), '42704', 'elsewhere codes are as they are');

# ---- the dashboard

my $scalar = '(array_agg(_postgrest_t.pgrst_scalar))[1]::text';
is(rpc('crew_dashboard', {}, sub => $ana)->{code}, '42501', 'the dashboard is not for everybody');
$response = rpc('crew_dashboard', {}, %service, method => 'GET', body => $scalar);
is($response->{code}, '', 'it is for service_role') or diag($response->{error});
like($response->{text}, qr/^<!DOCTYPE html>.*<h1>/s, 'a page');
is_deeply([ map { keys %$_ } @{ $response->{headers} } ], [ 'Content-Security-Policy', 'Cache-Control' ], 'with its headers');
done_testing;
