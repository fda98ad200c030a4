-- Every error of the functions about one crew, raised before anything is changed or sent: code, message, detail and hint.
\pset format unaligned
\pset tuples_only on
SET client_min_messages = warning;
CREATE EXTENSION flex_sync;

-- Nothing listens there: what reached for Flex would say so.
\set url 'http://127.0.0.1:1'

-- What a statement says; it leaves nothing behind.
CREATE FUNCTION error_of(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    code text;
    message text;
    detail text;
    hint text;
BEGIN
    EXECUTE statement;
    RAISE EXCEPTION 'undo' USING ERRCODE = 'ZZ000';
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS code = RETURNED_SQLSTATE, message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL,
        hint = PG_EXCEPTION_HINT;
    RETURN CASE WHEN code = 'ZZ000' THEN 'no error'
           ELSE concat_ws(E'\n    ', code || ' ' || message,
                          -- What follows are libcurl's words, which depend on its version.
                          'DETAIL: ' || regexp_replace(nullif(detail, ''), 'could not be reached: .*', 'could not be reached: …'),
                          'HINT: ' || nullif(hint, '')) END;
END
$$;

-- What each function says about a crew call; those that say the same together.
CREATE FUNCTION errors_of(call_id text, functions text[] DEFAULT '{flex_sync_crew,flex_sync_plan,flex_crew_contacts,flex_sync_lock_key}')
RETURNS SETOF text LANGUAGE sql AS $$
    SELECT string_agg(f.name, ', ' ORDER BY f.place) || E':\n  ' || e.error
    FROM unnest(functions) WITH ORDINALITY AS f (name, place),
        LATERAL error_of(format('SELECT * FROM %I(%L)', f.name, call_id)) AS e (error)
    GROUP BY e.error ORDER BY min(f.place)
$$;
\set call '''ca110000-0000-4000-8000-000000000001'''
\set other '''ca110000-0000-4000-8000-00000000000f'''

-- ---- 22004, 22023: arguments, before anything else is looked at

SELECT errors_of(NULL);
SELECT error_of($$SELECT flex_sync_crew('ca110000-0000-4000-8000-000000000001', prune => 'some')$$);
SELECT error_of($$SELECT flex_sync_crew('ca110000-0000-4000-8000-000000000001', prune => '')$$);
SELECT error_of($$SELECT flex_sync_crew('ca110000-0000-4000-8000-000000000001', max_removals => -1)$$);
SELECT error_of($$SELECT flex_sync_plan('ca110000-0000-4000-8000-000000000001', prune => 'ALL')$$);
SELECT error_of($$SELECT flex_sync_crew('not a uuid')$$);

-- ---- 42704: server, wrapper, user mapping

SELECT errors_of(:call);
SELECT error_of('SELECT * FROM flex_sync_setup()');
SET flex_sync.server = 'the other';
SELECT errors_of(:call);
SET flex_sync.server = '';
SELECT errors_of(:call);
RESET flex_sync.server;
CREATE FOREIGN DATA WRAPPER another;
CREATE SERVER flex FOREIGN DATA WRAPPER another OPTIONS (url :'url');
SELECT errors_of(:call);
SELECT error_of('SELECT * FROM flex_sync_setup()');
DROP FOREIGN DATA WRAPPER another CASCADE;
CREATE SERVER flex FOREIGN DATA WRAPPER flex_sync OPTIONS (url :'url', crew_schema 'crew', retries '0');
SELECT errors_of(:call);
CREATE USER MAPPING FOR CURRENT_USER SERVER flex OPTIONS (token 'none');

-- ---- 42704: the secret that the user mapping names

CREATE SCHEMA crew;
SELECT FROM flex_sync_setup();
INSERT INTO crew.flex_crew_calls (id, flex_element_id) VALUES (:call, 'e1');
ALTER USER MAPPING FOR CURRENT_USER SERVER flex OPTIONS (DROP token, ADD vault_secret 'flex token');
SELECT errors_of(:call);
CREATE SCHEMA vault;
CREATE TABLE vault.decrypted_secrets (name text, decrypted_secret text);
SELECT errors_of(:call);
INSERT INTO vault.decrypted_secrets VALUES ('flex token', E'kept to\nitself');
SELECT errors_of(:call);
UPDATE vault.decrypted_secrets SET decrypted_secret = NULL;
SELECT errors_of(:call);
UPDATE vault.decrypted_secrets SET decrypted_secret = 'none';
SELECT left(error_of($$SELECT flex_sync_plan('ca110000-0000-4000-8000-000000000001')$$), 5);
ALTER USER MAPPING FOR CURRENT_USER SERVER flex OPTIONS (DROP vault_secret, ADD token 'none');
\set VERBOSITY terse
DROP SCHEMA crew, vault CASCADE;
\set VERBOSITY default

-- ---- 55000: schema, relations, columns

SELECT errors_of(:call);
SELECT error_of('SELECT * FROM flex_sync_setup()');
CREATE SCHEMA crew;
SELECT errors_of(:call);
SELECT FROM flex_sync_setup();
INSERT INTO crew.flex_crew_calls (id, flex_element_id) VALUES (:call, 'e1');
ALTER TABLE crew.flex_crew_assignments RENAME TO hidden;
SELECT errors_of(:call);
ALTER TABLE crew.hidden RENAME TO flex_crew_assignments;
ALTER TABLE crew.flex_desired_crew RENAME TO hidden;
SELECT errors_of(:call);
ALTER TABLE crew.hidden RENAME TO flex_desired_crew;
BEGIN;
ALTER TABLE crew.flex_crew_calls RENAME flex_element_id TO element;
SELECT errors_of(:call);
ROLLBACK;
BEGIN;
ALTER TABLE crew.flex_crew_assignments DROP flex_line_item_id;
SELECT errors_of(:call);
ROLLBACK;
BEGIN;
ALTER TABLE crew.flex_desired_crew RENAME business_role_id TO role;
SELECT errors_of(:call);
ROLLBACK;

-- ---- P0002, 55000: the crew call

SELECT errors_of(:other);
UPDATE crew.flex_crew_calls SET flex_element_id = NULL;
SELECT errors_of(:call);
UPDATE crew.flex_crew_calls SET flex_element_id = '';
SELECT errors_of(:call);
UPDATE crew.flex_crew_calls SET flex_element_id = 'e1';

-- Under PostgREST two codes take its own form, which it turns into 404 and 409.
SET request.method = 'POST';
SELECT errors_of(:other, '{flex_sync_crew,flex_sync_plan}');
SELECT errors_of(NULL, '{flex_sync_crew}');
UPDATE crew.flex_crew_calls SET flex_element_id = NULL;
SELECT errors_of(:call, '{flex_sync_crew,flex_sync_plan}');
UPDATE crew.flex_crew_calls SET flex_element_id = 'e1';
SET request.method = '';
SELECT errors_of(:other, '{flex_sync_crew,flex_sync_plan}');
RESET request.method;

-- ---- 55000: the unique index, which writing alone needs

CREATE FUNCTION with_index(definition text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    result text;
BEGIN
    ALTER TABLE crew.flex_crew_assignments DROP CONSTRAINT flex_crew_assignments_crew_call_technician_key;
    EXECUTE definition;
    -- Nothing listens: with an index that serves, the sync ends "failed".
    result := error_of('SELECT flex_sync_crew(''ca110000-0000-4000-8000-000000000001'')');
    RAISE EXCEPTION 'undo' USING ERRCODE = 'ZZ001';
EXCEPTION WHEN SQLSTATE 'ZZ001' THEN
    RETURN result;
END
$$;
SELECT with_index('SELECT');
SELECT split_part(with_index(definition), ' ', 1), definition FROM (VALUES
    (1, 'CREATE INDEX ON crew.flex_crew_assignments (crew_call_id, technician_id)'),
    (2, 'CREATE UNIQUE INDEX ON crew.flex_crew_assignments (crew_call_id, technician_id) WHERE technician_id IS NOT NULL'),
    (3, 'CREATE UNIQUE INDEX ON crew.flex_crew_assignments (crew_call_id, technician_id, flex_line_item_id)'),
    (4, 'CREATE UNIQUE INDEX ON crew.flex_crew_assignments (technician_id)'),
    (5, 'CREATE UNIQUE INDEX ON crew.flex_crew_assignments (technician_id, flex_line_item_id)'),
    (6, 'CREATE UNIQUE INDEX ON crew.flex_crew_assignments (technician_id, (crew_call_id::text))'),
    (7, 'ALTER TABLE crew.flex_crew_assignments ADD UNIQUE (crew_call_id, technician_id) DEFERRABLE'),
    (8, 'ALTER TABLE crew.flex_crew_assignments ADD UNIQUE (crew_call_id, technician_id) DEFERRABLE INITIALLY DEFERRED'),
    (9, 'CREATE UNIQUE INDEX invalid ON crew.flex_crew_assignments (crew_call_id, technician_id);
         UPDATE pg_index SET indisvalid = false WHERE indexrelid = ''crew.invalid''::regclass'),
    (10, 'CREATE UNIQUE INDEX ON crew.flex_crew_assignments (crew_call_id, technician_id)'),
    (11, 'CREATE UNIQUE INDEX under_another_name ON crew.flex_crew_assignments (technician_id, crew_call_id)'),
    (12, 'CREATE UNIQUE INDEX ON crew.flex_crew_assignments (crew_call_id, technician_id) INCLUDE (flex_line_item_id)'),
    (13, 'CREATE UNIQUE INDEX ON crew.flex_crew_assignments (crew_call_id DESC, technician_id DESC)'),
    (14, 'ALTER TABLE crew.flex_crew_assignments ADD UNIQUE NULLS NOT DISTINCT (crew_call_id, technician_id)'),
    (15, 'ALTER TABLE crew.flex_crew_assignments DROP id, ADD PRIMARY KEY (technician_id, crew_call_id)')
) AS t (place, definition) ORDER BY place;
SELECT split_part(with_index('SELECT'), ' ', 1), left(error_of($$SELECT flex_sync_plan('ca110000-0000-4000-8000-000000000001')$$), 5);

-- ---- 0A000, 25006: the transaction

BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT errors_of(:call, '{flex_sync_crew,flex_sync_lock_key}');
ROLLBACK;
BEGIN ISOLATION LEVEL SERIALIZABLE;
SELECT left(error_of($$SELECT flex_sync_crew('ca110000-0000-4000-8000-000000000001')$$), 5);
SELECT left(error_of($$SELECT flex_sync_plan('ca110000-0000-4000-8000-000000000001')$$), 5);
ROLLBACK;
BEGIN READ ONLY;
SELECT errors_of(:call, '{flex_sync_crew,flex_sync_lock_key}');
SELECT left(error_of($$SELECT flex_sync_plan('ca110000-0000-4000-8000-000000000001')$$), 5);
ROLLBACK;

-- ---- 42501: the wrong caller

CREATE ROLE regress_caller;
CREATE ROLE "regress Caller";
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA public TO regress_caller, "regress Caller";
SET ROLE "regress Caller";
SELECT errors_of(:call, '{flex_sync_crew}');
RESET ROLE;
SET ROLE regress_caller;
SELECT errors_of(:call);
RESET ROLE;
GRANT USAGE ON FOREIGN SERVER flex TO regress_caller;
SET ROLE regress_caller;
SELECT errors_of(:call);
RESET ROLE;
CREATE USER MAPPING FOR regress_caller SERVER flex OPTIONS (token 'none');
SET ROLE regress_caller;
SELECT errors_of(:call);
RESET ROLE;
GRANT USAGE ON SCHEMA crew TO regress_caller;
SET ROLE regress_caller;
SELECT errors_of(:call);
RESET ROLE;
GRANT SELECT ON crew.flex_crew_calls TO regress_caller;
SET ROLE regress_caller;
SELECT errors_of(:call);
RESET ROLE;
GRANT SELECT ON crew.flex_desired_crew TO regress_caller;
SET ROLE regress_caller;
SELECT errors_of(:call);
RESET ROLE;
GRANT SELECT ON crew.flex_crew_assignments TO regress_caller;
SET ROLE regress_caller;
SELECT errors_of(:call, '{flex_sync_crew}');
SELECT left(error_of($$SELECT flex_sync_plan('ca110000-0000-4000-8000-000000000001')$$), 5);
RESET ROLE;
GRANT INSERT ON crew.flex_crew_assignments TO regress_caller;
SET ROLE regress_caller;
SELECT errors_of(:call, '{flex_sync_crew}');
RESET ROLE;
GRANT UPDATE ON crew.flex_crew_assignments TO regress_caller;
SET ROLE regress_caller;
SELECT errors_of(:call, '{flex_sync_crew}');
RESET ROLE;
GRANT DELETE ON crew.flex_crew_assignments TO regress_caller;
SET ROLE regress_caller;
SELECT errors_of(:call, '{flex_sync_crew}');
RESET ROLE;

-- ---- 42501: row level security, even where a policy hides nothing

CREATE FUNCTION under_policy(relation text) RETURNS SETOF text LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('ALTER TABLE crew.%I ENABLE ROW LEVEL SECURITY', relation);
    EXECUTE format('CREATE POLICY hides_nothing ON crew.%I USING (true)', relation);
    SET ROLE regress_caller;
    RETURN QUERY SELECT errors_of('ca110000-0000-4000-8000-000000000001');
    RESET ROLE;
    EXECUTE format('DROP POLICY hides_nothing ON crew.%I', relation);
    EXECUTE format('ALTER TABLE crew.%I DISABLE ROW LEVEL SECURITY', relation);
END
$$;
SELECT under_policy('flex_crew_calls');
SELECT under_policy('flex_crew_assignments');
SELECT under_policy('flex_desired_crew');

-- The owner is not concerned, unless the table says so.
ALTER TABLE crew.flex_desired_crew ENABLE ROW LEVEL SECURITY;
SELECT errors_of(:call, '{flex_sync_crew}');
ALTER TABLE crew.flex_desired_crew OWNER TO regress_caller;
ALTER TABLE crew.flex_desired_crew FORCE ROW LEVEL SECURITY;
SET ROLE regress_caller;
SELECT left(error_of($$SELECT flex_sync_crew('ca110000-0000-4000-8000-000000000001')$$), 5);
-- It cannot be talked out of it.
SET row_security = off;
SELECT left(error_of($$SELECT flex_sync_crew('ca110000-0000-4000-8000-000000000001')$$), 5);
RESET row_security;
RESET ROLE;
ALTER TABLE crew.flex_desired_crew NO FORCE ROW LEVEL SECURITY;
SET ROLE regress_caller;
SELECT errors_of(:call, '{flex_sync_crew}');
RESET ROLE;
ALTER TABLE crew.flex_desired_crew OWNER TO CURRENT_USER;

-- A view over a table with a policy: as its owner, who sees all; as the caller, who does not.
ALTER TABLE crew.flex_desired_crew RENAME TO desired_table;
CREATE POLICY hides_nothing ON crew.desired_table USING (true);
CREATE VIEW crew.flex_desired_crew AS SELECT * FROM crew.desired_table;
GRANT SELECT ON crew.flex_desired_crew TO regress_caller;
SET ROLE regress_caller;
SELECT errors_of(:call, '{flex_sync_crew,flex_sync_plan}');
RESET ROLE;
ALTER VIEW crew.flex_desired_crew SET (security_invoker = true);
GRANT SELECT ON crew.desired_table TO regress_caller;
SET ROLE regress_caller;
SELECT errors_of(:call, '{flex_sync_crew,flex_sync_plan}');
RESET ROLE;
REVOKE SELECT ON crew.desired_table FROM regress_caller;
SET ROLE regress_caller;
SELECT errors_of(:call, '{flex_sync_crew,flex_sync_plan}');
RESET ROLE;
DROP VIEW crew.flex_desired_crew;
DROP POLICY hides_nothing ON crew.desired_table;
ALTER TABLE crew.desired_table DISABLE ROW LEVEL SECURITY;
ALTER TABLE crew.desired_table RENAME TO flex_desired_crew;

-- ---- 08006: where there is no status to tell it

SELECT errors_of(:call, '{flex_sync_plan,flex_crew_contacts}');
SELECT status, regexp_replace(message, 'could not be reached: .*', 'could not be reached: …') FROM flex_sync_crew(:call);

-- ---- nothing but that last sync has reached for Flex

SELECT status, http_requests, count(*) FROM flex_sync_log GROUP BY 1, 2;

\set VERBOSITY terse
DROP EXTENSION flex_sync CASCADE;
DROP SCHEMA crew CASCADE;
DROP FUNCTION error_of, errors_of, with_index, under_policy;
DROP ROLE regress_caller, "regress Caller";
