# A SECURITY DEFINER function around flex_sync_crew has a token that its callers have not. Who calls it does not choose where that goes:
# the setting flex_sync.server is for superusers, and for whom they grant it.

use strict;
use warnings;

use FlexSim;
use FlexSync;
use Test::More;

my $db = FlexSync->start;
my $elsewhere = FlexSim->start(token => 'secret of the wrapper');
$db->run(<<"SQL");
CREATE ROLE wrapper;
CREATE ROLE intruder LOGIN;
GRANT USAGE ON FOREIGN DATA WRAPPER flex_sync TO intruder;
GRANT CREATE ON DATABASE postgres TO intruder;
GRANT CREATE ON SCHEMA public TO wrapper;
GRANT USAGE ON FOREIGN SERVER flex TO wrapper;
CREATE USER MAPPING FOR wrapper SERVER flex OPTIONS (token '@{[ $db->sim->token ]}');
GRANT EXECUTE ON FUNCTION flex_sync_crew TO wrapper;
GRANT SELECT ON flex_crew_calls, flex_desired_crew TO wrapper;
GRANT SELECT, INSERT, UPDATE, DELETE ON flex_crew_assignments TO wrapper;
CREATE SCHEMA vault CREATE TABLE decrypted_secrets (name text, decrypted_secret text);
INSERT INTO vault.decrypted_secrets VALUES ('flex_token', 'secret of the wrapper');
GRANT USAGE ON SCHEMA vault TO wrapper;
GRANT SELECT ON vault.decrypted_secrets TO wrapper;
CREATE FUNCTION sync_crew(call_id uuid) RETURNS text LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
AS 'BEGIN RETURN (SELECT status FROM flex_sync_crew(call_id)); END';
ALTER FUNCTION sync_crew OWNER TO wrapper;
SQL
my $call = $db->make_call('element-1', 1);
$elsewhere->seed('element-1', []);

# What the intruder has: a server, a mapping on it for the wrapper, and crew relations whose trigger would run as the wrapper.
$db->session(user => 'intruder')->run(<<"SQL");
CREATE SERVER elsewhere FOREIGN DATA WRAPPER flex_sync OPTIONS (url '@{[ $elsewhere->url ]}', crew_schema 'intruder');
GRANT USAGE ON FOREIGN SERVER elsewhere TO PUBLIC;
CREATE USER MAPPING FOR wrapper SERVER elsewhere OPTIONS (vault_secret 'flex_token');
CREATE SCHEMA intruder;
GRANT USAGE ON SCHEMA intruder TO PUBLIC;
CREATE TABLE intruder.flex_crew_calls (id uuid, job_id uuid, department text, flex_element_id text);
CREATE TABLE intruder.flex_crew_assignments (id uuid, crew_call_id uuid, technician_id uuid, flex_line_item_id text, created_at timestamptz,
	UNIQUE (crew_call_id, technician_id));
CREATE TABLE intruder.flex_desired_crew (crew_call_id uuid, technician_id uuid, flex_resource_id text, business_role_id text);
CREATE TABLE intruder.flex_due_crew_calls (crew_call_id uuid);
CREATE TABLE intruder.ran_as (name text);
GRANT ALL ON ALL TABLES IN SCHEMA intruder TO PUBLIC;
INSERT INTO intruder.flex_crew_calls (id, flex_element_id) VALUES ('$call', 'element-1');
INSERT INTO intruder.flex_desired_crew VALUES ('$call', '@{[ technician(1) ]}', 'resource-1');
CREATE FUNCTION intruder.tell() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN INSERT INTO intruder.ran_as VALUES (current_user); RETURN NEW; END';
CREATE TRIGGER tell AFTER INSERT ON intruder.flex_crew_assignments FOR EACH ROW EXECUTE FUNCTION intruder.tell();
SQL

sub stays
{
	my ($name, @statements) = @_;
	my $session = $db->session(user => 'intruder');
	$session->sqlstate_of($_) foreach @statements;
	$session->sqlstate_of("SELECT sync_crew('$call')");
	is($elsewhere->counts->{total}, 0, "$name: nothing goes elsewhere");
	is($db->value('SELECT count(*) FROM intruder.ran_as'), 0, "$name: and nothing of theirs runs as the wrapper");
	return $session;
}

my $set = q(SET flex_sync.server = 'elsewhere');
my $load = 'SELECT flex_sync_lock_key(NULL)';
stays('SET', $load, $set);
stays('SET before the library is loaded', $set);
stays('SET LOCAL', $load, 'BEGIN', q(SET LOCAL flex_sync.server = 'elsewhere'));
stays('SET LOCAL before the library is loaded', 'BEGIN', q(SET LOCAL flex_sync.server = 'elsewhere'));
stays('set_config', $load, q(SELECT set_config('flex_sync.server', 'elsewhere', false)));
stays('pg_settings', $load, q(UPDATE pg_settings SET setting = 'elsewhere' WHERE name = 'flex_sync.server'));
stays("the SET clause of a function, @$_[0]", @$_[1 .. $#$_], <<"SQL", 'SELECT intruder.call()') foreach ['before the library is loaded'], ['after', $load];
CREATE OR REPLACE FUNCTION intruder.call() RETURNS text LANGUAGE sql SET flex_sync.server = 'elsewhere' AS \$\$SELECT sync_crew('$call')\$\$
SQL
stays('ALTER ROLE', $load, q(ALTER ROLE intruder SET flex_sync.server = 'elsewhere'));
stays('after it');
{
	local $ENV{PGOPTIONS} = '-c flex_sync.server=elsewhere';
	stays('PGOPTIONS');
}

# ---- who may choose

my $session = stays('last', $load);
is($session->sqlstate_of($set), '42501', 'who may not choose is told so');
my $found = sub { return (grep { $_->{check_name} eq 'server_choice' } $db->rows('SELECT * FROM flex_sync_check()'))[0] };
is($found->()->{status}, 'ok', 'the doctor finds that superusers alone may');
$db->run(q(GRANT SET ON PARAMETER flex_sync.server TO intruder));
$db->run(q(CREATE ROLE "PUBLICITY"; GRANT SET ON PARAMETER flex_sync.server TO "PUBLICITY"));
is($found->()->{status}, 'warning', 'the doctor warns of a grant');
like($found->()->{detail}, qr/\bintruder\b/, 'and says to whom');
is($session->sqlstate_of($set), '', 'who is granted it may');
$session->run("SELECT sync_crew('$call')");
is($db->value('SELECT string_agg(DISTINCT name, $$ $$) FROM intruder.ran_as'), 'wrapper', 'which is what it takes');
$db->run(q(REVOKE SET ON PARAMETER flex_sync.server FROM intruder; GRANT SET ON PARAMETER flex_sync.server TO PUBLIC));
is($found->()->{status}, 'error', 'a grant to PUBLIC is an error');
$db->run(q(REVOKE SET ON PARAMETER flex_sync.server FROM PUBLIC, "PUBLICITY"));
is($found->()->{status}, 'ok', 'and mended');
$db->run(q(ALTER ROLE intruder SET flex_sync.server = 'elsewhere'));
like($found->()->{detail}, qr/ALTER ROLE intruder|role intruder/, 'the doctor tells whose server is set for them');
done_testing;
