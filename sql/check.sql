-- flex_sync_check(): every finding, as far as no network is needed; it never raises an error.
\pset format unaligned
\pset tuples_only on
SET client_min_messages = warning;
CREATE EXTENSION flex_sync;

CREATE FUNCTION troubles() RETURNS SETOF text LANGUAGE sql AS $$
    SELECT concat_ws(E'\n    ', check_name || ': ' || status, detail, hint) FROM flex_sync_check() WHERE status <> 'ok'
$$;
CREATE FUNCTION finding(name text) RETURNS SETOF text LANGUAGE sql AS $$
    SELECT concat_ws(E'\n    ', check_name || ': ' || status, detail, hint) FROM flex_sync_check() WHERE check_name = name
$$;
CREATE FUNCTION u(prefix text, number integer) RETURNS uuid LANGUAGE sql
    AS $$ SELECT (prefix || '0000-0000-4000-8000-' || lpad(number::text, 12, '0'))::uuid $$;

-- ---- nothing there

SELECT troubles();
SELECT count(*) FROM flex_sync_check(true);
SELECT count(*) FROM flex_sync_check(NULL);
CREATE FOREIGN DATA WRAPPER regress_other;
CREATE SERVER flex FOREIGN DATA WRAPPER regress_other;
SELECT finding('server');
DROP FOREIGN DATA WRAPPER regress_other CASCADE;
CREATE SERVER flex FOREIGN DATA WRAPPER flex_sync OPTIONS (url 'http://127.0.0.1:1', crew_schema 'crew');
SELECT troubles();
CREATE SCHEMA crew;
CREATE USER MAPPING FOR CURRENT_USER SERVER flex OPTIONS (vault_secret 'flex');
SELECT troubles();
ALTER USER MAPPING FOR CURRENT_USER SERVER flex OPTIONS (DROP vault_secret, ADD token 'secret-token');

-- ---- all in order

SELECT FROM flex_sync_setup();
SELECT check_name, status, hint FROM flex_sync_check();
SELECT troubles();
SELECT detail ~ ('^flex_sync \d+\.\d+, PostgreSQL ' || substring(current_setting('server_version') FROM '^\d+')) FROM flex_sync_check() WHERE check_name = 'extension';
SELECT detail ~ '^libcurl \d+\.\d+\.\d+ \(.+, with(out)? HTTP/2, with(out)? gzip\), RapidJSON \d+\.\d+\.\d+\.$' FROM flex_sync_check() WHERE check_name = 'libraries';
SELECT count(*) FROM flex_sync_check() WHERE detail LIKE '%secret-token%';

-- ---- half of it missing: what is there is looked at all the same

BEGIN;
ALTER TABLE crew.flex_crew_calls DROP COLUMN department, DROP COLUMN job_id;
DROP VIEW crew.flex_due_crew_calls;
SELECT troubles();
SELECT string_agg(check_name, ' ') FROM flex_sync_check();
ROLLBACK;
BEGIN;
DROP TABLE crew.flex_desired_crew;
SELECT troubles();
DROP TABLE crew.flex_crew_assignments;
SELECT troubles();
ROLLBACK;

-- ---- data

ALTER TABLE crew.flex_crew_assignments DROP CONSTRAINT flex_crew_assignments_crew_call_technician_key, DROP CONSTRAINT flex_crew_assignments_crew_call_id_fkey;
SELECT finding('unique_index');
INSERT INTO crew.flex_crew_calls SELECT u('ca11', n), NULL, 'sound', 'element-' || least(n, 2) FROM generate_series(1, 3) AS n;
INSERT INTO crew.flex_crew_assignments (id, crew_call_id, technician_id, flex_line_item_id)
SELECT u('a551', n), u('ca11', 1), u('7ec0', n / 2), 'line-' || n FROM generate_series(2, 11) AS n;
INSERT INTO crew.flex_crew_assignments (id, crew_call_id, technician_id, flex_line_item_id) VALUES (u('a551', 12), u('ca11', 9), u('7ec0', 1), 'line-12');
INSERT INTO crew.flex_desired_crew VALUES
    (u('ca11', 1), u('7ec0', 1), NULL, NULL), (u('ca11', 2), u('7ec0', 1), '', NULL),
    (u('ca11', 1), u('7ec0', 2), 'Resource-2', NULL), (u('ca11', 1), u('7ec0', 3), 'resource-2', NULL),
    (u('ca11', 2), u('7ec0', 4), 'resource-4', NULL), (u('ca11', 3), u('7ec0', 5), 'resource-4', NULL),
    (u('ca11', 1), u('7ec0', 6), ' resource-6', NULL), (u('ca11', 1), u('7ec0', 7), E'resource-7\u00a0', NULL), (u('ca11', 1), u('7ec0', 8), E'resource\t8', NULL),
    (u('ca11', 1), u('7ec0', 9), 'resource 9', NULL);
SELECT troubles();
SELECT finding('requests');

-- ---- requests, and what the limits leave

TRUNCATE crew.flex_crew_assignments, crew.flex_desired_crew;
SELECT finding('requests');
INSERT INTO crew.flex_desired_crew VALUES (u('ca11', 1), u('7ec0', 1), 'r1', NULL), (u('ca11', 1), u('7ec0', 2), 'r2', 'role'), (u('ca11', 1), u('7ec0', 3), NULL, NULL);
INSERT INTO crew.flex_crew_assignments (crew_call_id, technician_id, flex_line_item_id) VALUES (u('ca11', 1), u('7ec0', 4), 'line-4');
SELECT finding('requests');
ALTER SERVER flex OPTIONS (ADD hourly_limit '10', ADD daily_limit '20');
INSERT INTO flex_sync_log
SELECT nextval('flex_sync_run_id_seq'), u('ca11', 1), 'ok', 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 3, 1, '', '[]', NULL, NULL, 'element-1', server, 'all', 5, started_at, '', ''
FROM (VALUES ('flex', now()), ('flex', now() - interval '2 hours'), ('flex', now() - interval '25 hours'), ('another', now())) AS v (server, started_at);
SELECT finding('requests');
INSERT INTO flex_sync_log
SELECT nextval('flex_sync_run_id_seq'), crew_call_id, status, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, '', '[]', NULL, NULL, flex_element_id, server, 'all', 5, now(), '', '' FROM flex_sync_log LIMIT 1;
SELECT finding('requests');
ALTER SERVER flex OPTIONS (SET hourly_limit '100', SET daily_limit '13');
SELECT finding('requests');
ALTER SERVER flex OPTIONS (DROP hourly_limit, DROP daily_limit);

-- ---- a desired crew that depends on who asks

CREATE SCHEMA auth;
CREATE FUNCTION auth.uid() RETURNS uuid LANGUAGE sql STABLE AS $$ SELECT nullif(current_setting('request.jwt.claim.sub', true), '')::uuid $$;
CREATE FUNCTION depends(definition text, options text DEFAULT '') RETURNS SETOF text LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE 'ALTER TABLE crew.flex_desired_crew RENAME TO desired';
    EXECUTE 'CREATE VIEW crew.flex_desired_crew ' || options || ' AS ' || definition;
    RETURN QUERY SELECT finding('caller_dependence');
    EXECUTE 'DROP VIEW crew.flex_desired_crew; ALTER TABLE crew.desired RENAME TO flex_desired_crew';
END
$$;
SELECT depends('SELECT * FROM crew.desired');
SELECT depends('SELECT * FROM crew.desired WHERE technician_id = auth.uid()');
SELECT depends('SELECT * FROM crew.desired WHERE current_user = ''office''');
SELECT depends('SELECT * FROM crew.desired WHERE user = ''office''');
SELECT depends('SELECT * FROM crew.desired WHERE session_user = ''office''');
SELECT depends('SELECT * FROM crew.desired WHERE current_setting(''app.company'', true) = ''x''');
SELECT depends('SELECT * FROM crew.desired', 'WITH (security_invoker = yes)');
SELECT depends('SELECT * FROM crew.desired', 'WITH (security_invoker = false)');
-- A column of that name is none.
SELECT depends('SELECT d.crew_call_id, d.technician_id, d.flex_resource_id, d.business_role_id FROM crew.desired AS d, (SELECT 1 AS "user", 2 AS current_user_id) AS x WHERE x."user" = 1 AND current_user_id = 2');
-- Below it, and in a function.
CREATE VIEW crew.below AS SELECT id FROM crew.flex_crew_calls WHERE current_user <> 'somebody';
SELECT depends('SELECT * FROM crew.desired WHERE crew_call_id IN (SELECT id FROM crew.below)');
DROP VIEW crew.below;
CREATE FUNCTION crew.is_mine(uuid) RETURNS boolean LANGUAGE sql STABLE AS 'SELECT $1 = auth.uid()';
CREATE FUNCTION crew.is_anybodys(uuid) RETURNS boolean LANGUAGE sql STABLE AS 'SELECT $1 IS NOT NULL';
CREATE FUNCTION crew.is_standard(uuid) RETURNS boolean LANGUAGE sql STABLE BEGIN ATOMIC SELECT $1 IS NOT NULL AND CURRENT_USER <> 'nobody'; END;
SELECT depends('SELECT * FROM crew.desired WHERE crew.is_mine(technician_id)');
SELECT depends('SELECT * FROM crew.desired WHERE crew.is_standard(technician_id)');
SELECT depends('SELECT * FROM crew.desired WHERE crew.is_anybodys(technician_id)');

-- ---- what is open to everybody

SELECT finding('public_access');
CREATE ROLE anon;
GRANT EXECUTE ON FUNCTION flex_sync_crew TO anon, PUBLIC;
GRANT SELECT, INSERT ON flex_sync_log TO anon;
GRANT SELECT (flex_line_item_id) ON flex_sync_contact TO PUBLIC;
GRANT USAGE ON SEQUENCE flex_sync_run_id_seq TO anon;
SELECT finding('public_access');
DO $$ BEGIN EXECUTE (SELECT rtrim(hint, '.') FROM flex_sync_check() WHERE check_name = 'public_access'); END $$;
SELECT finding('public_access');

-- ---- a role that may do little is told what it lacks

CREATE ROLE regress_plain;
CREATE FUNCTION troubles_of_plain() RETURNS SETOF text LANGUAGE plpgsql AS $$
BEGIN
    SET LOCAL ROLE regress_plain;
    RETURN QUERY SELECT troubles();
    RESET ROLE;
END
$$;
GRANT EXECUTE ON FUNCTION flex_sync_check TO regress_plain;
SELECT troubles_of_plain();
GRANT USAGE ON FOREIGN SERVER flex TO regress_plain;
SELECT troubles_of_plain();
GRANT USAGE ON SCHEMA crew TO regress_plain;
CREATE USER MAPPING FOR regress_plain SERVER flex OPTIONS (token 'x');
GRANT SELECT ON crew.flex_crew_calls, crew.flex_crew_assignments, crew.flex_desired_crew TO regress_plain;
SELECT troubles_of_plain();
GRANT INSERT, UPDATE, DELETE ON crew.flex_crew_assignments TO regress_plain;
GRANT SELECT ON crew.flex_due_crew_calls TO regress_plain;
ALTER TABLE crew.flex_desired_crew ENABLE ROW LEVEL SECURITY;
SELECT troubles_of_plain();
-- A view whose owner may not read below it.
ALTER TABLE crew.flex_desired_crew DISABLE ROW LEVEL SECURITY;
ALTER VIEW crew.flex_due_crew_calls OWNER TO regress_plain;
REVOKE SELECT ON crew.flex_crew_calls FROM regress_plain;
SELECT finding('flex_due_crew_calls');

-- ---- it works in a read-only transaction

BEGIN TRANSACTION READ ONLY;
SELECT count(*) > 10 FROM flex_sync_check();
COMMIT;

SET client_min_messages = error;
DROP OWNED BY regress_plain;
DROP EXTENSION flex_sync CASCADE;
DROP SCHEMA crew, auth CASCADE;
DROP FUNCTION troubles, finding, u, depends, troubles_of_plain;
DROP ROLE regress_plain;
DROP ROLE anon;
