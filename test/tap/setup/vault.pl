# The token in Supabase Vault, by a stand-in of its view: read as the caller, with every call, and never shown.

use strict;
use warnings;

use FlexSync;
use PostgreSQL::Test::Utils;
use Test::More;

my $db = FlexSync->start(conf => "log_statement = none\nlog_min_messages = debug2\n");
my $sim = $db->sim;
my $call = $db->make_call('element-1', 1);
my $secret = 'vault-' . join('', map { chr(97 + rand 26) } 1 .. 20);
$db->sim->fault(kind => 'other', refresh_token => $secret);
HTTP::Tiny->new->get($sim->url . '/x', { headers => { 'X-Auth-Token' => $sim->token } });
$db->run(q(
	CREATE ROLE app LOGIN; CREATE ROLE other LOGIN;
	GRANT USAGE ON FOREIGN SERVER flex TO app, other;
	GRANT EXECUTE ON FUNCTION flex_sync_crew, flex_sync_plan, flex_sync_job, flex_sync_check TO app, other;
	GRANT EXECUTE ON PROCEDURE flex_sync_all TO app, other;
	GRANT SELECT ON flex_crew_calls, flex_desired_crew, flex_due_crew_calls, flex_crew_assignments TO app, other;
	GRANT INSERT, UPDATE, DELETE ON flex_crew_assignments TO app, other;
	CREATE USER MAPPING FOR app SERVER flex OPTIONS (vault_secret 'flex_token');
	CREATE USER MAPPING FOR other SERVER flex OPTIONS (vault_secret 'flex_token');
));
my $app = $db->session(user => 'app');
my $said = '';

sub state_of
{
	my ($sql, $session) = @_;
	$session //= $app;
	my $state = $session->sqlstate_of($sql // "SELECT status FROM flex_sync_crew('$call')");
	$said .= $session->error . ($session->{output} // '');
	return $state;
}

# ---- no Vault, no privilege, no secret

is(state_of(), '42704', 'no Vault');
like($app->error, qr/ERROR:  42704: secret "flex_token" cannot be read: there is no view vault\.decrypted_secrets$/m, 'is told');
like($app->error, qr/HINT:  Install Supabase Vault, or give the user mapping the option "token"\./, 'with the ways out');

# Supabase's columns; what is stored is not what is told.
$db->run(q(
	CREATE SCHEMA vault;
	CREATE TABLE vault.secrets (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), name text UNIQUE, description text NOT NULL DEFAULT '', secret text NOT NULL,
		key_id uuid, nonce bytea, created_at timestamptz NOT NULL DEFAULT now(), updated_at timestamptz NOT NULL DEFAULT now());
	CREATE VIEW vault.decrypted_secrets AS
		SELECT id, name, description, secret, reverse(secret) AS decrypted_secret, key_id, nonce, created_at, updated_at FROM vault.secrets;
));
is(state_of(), '42501', 'no USAGE on the schema');
like($app->error, qr/permission denied for schema vault/, 'is told by the server');
$db->run('GRANT USAGE ON SCHEMA vault TO app');
is(state_of(), '42501', 'no SELECT on the view');
like($app->error, qr/permission denied for view decrypted_secrets.*HINT:  Grant the missing privilege/s, 'is told, with a hint');
$db->run('GRANT SELECT ON vault.decrypted_secrets TO app');
is(state_of(), '42704', 'no such secret');
like($app->error, qr/ERROR:  42704: secret "flex_token" of Supabase Vault does not exist, or holds no token$/m, 'is told');
like($app->error, qr/HINT:  Create it with SELECT vault\.create_secret\('.*', 'flex_token'\)\./, 'with what to do');
$db->run(qq(INSERT INTO vault.secrets (name, secret) VALUES ('another', reverse('$secret')), ('flex_token', reverse(E'two\\nlines'))));
is(state_of(), '42704', 'a secret that cannot be a token');
is($sim->counts->{list}, 0, 'nothing was sent');

# ---- there

$db->run("UPDATE vault.secrets SET secret = reverse('$secret') WHERE name = 'flex_token'");
is(state_of(), '', 'a sync by the token of the Vault');
is($app->{output}, 'ok', 'succeeds');
is_deeply([ map { $_->{headers}{'X-Auth-Token'} } ($sim->log(kind => 'list'))[0] ], [$secret], 'with the secret as Vault tells it');
is(state_of("SELECT count(*) FROM flex_sync_plan('$call')"), '', 'a plan');
is(state_of('CALL flex_sync_all()'), '', 'all crews');
is(state_of('SELECT * FROM flex_sync_check(true)'), '', 'the doctor');

# It is read with every call: a new token counts at once, in the same session.
$db->run("UPDATE vault.secrets SET secret = reverse('wrong-$secret') WHERE name = 'flex_token'");
is(state_of(), '', 'a token that Flex does not know');
is($app->{output}, 'failed', 'fails');
$db->run("UPDATE vault.secrets SET secret = reverse('$secret') WHERE name = 'flex_token'");
is(state_of() . $app->{output}, 'ok', 'and is mended without a new session');

# Read as the caller: what one role may read is nothing to another.
my $other = $db->session(user => 'other');
is(state_of(undef, $other), '42501', 'another role reads it by its own privileges');
$db->run('ALTER TABLE vault.secrets ENABLE ROW LEVEL SECURITY; ALTER VIEW vault.decrypted_secrets SET (security_invoker = on)') if $db->run('SHOW server_version_num') >= 150000;
$db->run('GRANT SELECT ON vault.secrets TO app');
is(state_of(), '42501', 'under row level security it is an error, not an empty secret');

# ---- never shown

my $everything = $db->run('SELECT flex_sync_log::text FROM flex_sync_log; SELECT flex_sync_log_operation::text FROM flex_sync_log_operation;
	SELECT pg_foreign_server::text FROM pg_foreign_server; SELECT pg_user_mappings::text FROM pg_user_mappings; SELECT flex_sync_dashboard()');
unlike($everything, qr/$secret/, 'the secret is in no table, nor on the dashboard');
unlike($said, qr/$secret/, 'in no message');
unlike(slurp_file($db->node->logfile) =~ s/^.*STATEMENT:.*(?:\n\t.*)*//mgr =~ s/^.*statement: (?:INSERT INTO|UPDATE) vault.*$//mgr, qr/$secret/, "and not in the server's log");
done_testing;
