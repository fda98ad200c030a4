-- Who may sync, and with whose rights.
\pset format unaligned
\pset tuples_only on
SET client_min_messages = warning;
CREATE SCHEMA tools;
CREATE EXTENSION flex_sync SCHEMA tools;
DO $$
BEGIN
    EXECUTE format('CREATE SERVER flex FOREIGN DATA WRAPPER flex_sync OPTIONS (url %L)', current_setting('flexsim.url'));
END
$$;
SELECT FROM tools.flex_sync_setup();

-- What Flex shows of a crew call at the beginning.
CREATE TEMP TABLE answer (line text);
CREATE FUNCTION seed(element text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('COPY answer FROM PROGRAM %L', format('curl -sS --noproxy "*" -d ''{"element": "%s", "rows": []}'' %s/control/seed',
        element, substring(current_setting('flexsim.url') FROM '^http://[^/]+')));
END
$$;
SELECT seed('permissions');
\set call '''ca110000-0000-4000-8000-000000000001'''
INSERT INTO flex_crew_calls (id, flex_element_id) VALUES (:call, 'permissions');
INSERT INTO flex_desired_crew
SELECT :call, ('7ec00000-0000-4000-8000-00000000000' || n)::uuid, 'r' || n, NULL FROM generate_series(1, 2) AS n;

CREATE ROLE regress_plain;
CREATE ROLE regress_app;
CREATE ROLE regress_columns;
CREATE ROLE regress_web;

-- ---- a plain role may do nothing

SET ROLE regress_plain;
SELECT status FROM tools.flex_sync_crew(:call);
RESET ROLE;
GRANT USAGE ON SCHEMA tools TO regress_plain;
SET ROLE regress_plain;
SELECT status FROM tools.flex_sync_crew(:call);
SELECT * FROM tools.flex_sync_plan(:call);
SELECT * FROM tools.flex_crew_contacts(:call);
SELECT * FROM tools.flex_sync_setup();
SELECT * FROM tools.flex_sync_log;
SELECT * FROM tools.flex_sync_contact;
SELECT tools.flex_sync_lock_key(:call);
RESET ROLE;

-- ---- with grants it syncs as itself, with a token of its own; the log is written all the same

GRANT USAGE ON SCHEMA tools TO regress_app;
GRANT EXECUTE ON FUNCTION tools.flex_sync_crew, tools.flex_sync_plan, tools.flex_crew_contacts TO regress_app;
GRANT USAGE ON FOREIGN SERVER flex TO regress_app;
GRANT SELECT ON flex_crew_calls, flex_desired_crew TO regress_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON flex_crew_assignments TO regress_app;
CREATE USER MAPPING FOR regress_app SERVER flex OPTIONS (token 'test-token');
SET ROLE regress_app;
SELECT status, added, message FROM tools.flex_sync_crew(:call);
SELECT step, action FROM tools.flex_sync_plan(:call);
SELECT flex_resource_id, desired FROM tools.flex_crew_contacts(:call) ORDER BY 1;
SELECT tools.flex_sync_lock_key(:call) IS NOT NULL;
SELECT count(*) FROM tools.flex_sync_log;
SELECT count(*) FROM tools.flex_sync_contact;
RESET ROLE;
SELECT status, server, triggered_by = session_user FROM tools.flex_sync_log;

-- ---- a token that Flex does not take is the caller's own

ALTER USER MAPPING FOR regress_app SERVER flex OPTIONS (SET token 'wrong');
CREATE USER MAPPING FOR PUBLIC SERVER flex OPTIONS (token 'test-token');
SET ROLE regress_app;
SELECT status, message FROM tools.flex_sync_crew(:call);
RESET ROLE;
SET ROLE regress_app;
DO $$
BEGIN
    PERFORM tools.flex_sync_plan('ca110000-0000-4000-8000-000000000001');
EXCEPTION WHEN sqlclient_unable_to_establish_sqlconnection OR sqlserver_rejected_establishment_of_sqlconnection THEN
    RAISE WARNING '% %', SQLSTATE, SQLERRM;
END
$$;
RESET ROLE;

-- ---- PUBLIC's user mapping serves whoever has none

DROP USER MAPPING FOR regress_app SERVER flex;
SET ROLE regress_app;
SELECT status, kept FROM tools.flex_sync_crew(:call);
RESET ROLE;
DROP USER MAPPING FOR PUBLIC SERVER flex;

-- ---- column privileges are enough

GRANT USAGE ON SCHEMA tools TO regress_columns;
GRANT EXECUTE ON FUNCTION tools.flex_sync_crew TO regress_columns;
GRANT USAGE ON FOREIGN SERVER flex TO regress_columns;
CREATE USER MAPPING FOR regress_columns SERVER flex OPTIONS (token 'test-token');
GRANT SELECT (id, job_id, department, flex_element_id) ON flex_crew_calls TO regress_columns;
GRANT SELECT (crew_call_id, technician_id, flex_resource_id, business_role_id) ON flex_desired_crew TO regress_columns;
GRANT SELECT (crew_call_id, technician_id, flex_line_item_id) ON flex_crew_assignments TO regress_columns;
GRANT INSERT (crew_call_id, technician_id, flex_line_item_id) ON flex_crew_assignments TO regress_columns;
GRANT DELETE ON flex_crew_assignments TO regress_columns;
SET ROLE regress_columns;
SELECT status FROM tools.flex_sync_crew(:call);
RESET ROLE;
GRANT UPDATE (flex_line_item_id) ON flex_crew_assignments TO regress_columns;
UPDATE flex_desired_crew SET flex_resource_id = 'r3' WHERE flex_resource_id = 'r2';
SET ROLE regress_columns;
SELECT status, kept, added, removed FROM tools.flex_sync_crew(:call);
RESET ROLE;
DELETE FROM flex_desired_crew WHERE flex_resource_id = 'r3';
SET ROLE regress_columns;
SELECT status, kept, added, removed FROM tools.flex_sync_crew(:call);
RESET ROLE;
REVOKE SELECT (department) ON flex_crew_calls FROM regress_columns;
SET ROLE regress_columns;
SELECT status FROM tools.flex_sync_crew(:call);
RESET ROLE;

-- ---- a SECURITY DEFINER wrapper: its owner has the rights and the token, the caller has neither, nor the schema

CREATE SCHEMA api;
CREATE FUNCTION api.sync(call_id uuid) RETURNS text LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    AS 'SELECT status FROM tools.flex_sync_crew(call_id)';
ALTER FUNCTION api.sync OWNER TO regress_app;
CREATE USER MAPPING FOR regress_app SERVER flex OPTIONS (token 'test-token');
REVOKE ALL ON FUNCTION api.sync FROM PUBLIC;
GRANT USAGE ON SCHEMA api TO regress_web;
SET ROLE regress_web;
SELECT api.sync(:call);
RESET ROLE;
GRANT EXECUTE ON FUNCTION api.sync TO regress_web;
SET ROLE regress_web;
SELECT api.sync(:call);
SELECT status FROM tools.flex_sync_crew(:call);
SELECT count(*) FROM flex_crew_assignments;
RESET ROLE;

-- A policy that concerns the caller does not concern the wrapper's owner, who owns the tables.
ALTER TABLE flex_desired_crew ENABLE ROW LEVEL SECURITY;
CREATE POLICY hides_all ON flex_desired_crew TO regress_web USING (false);
SET ROLE regress_web;
SELECT api.sync(:call);
RESET ROLE;
ALTER TABLE flex_desired_crew OWNER TO regress_app;
GRANT USAGE ON SCHEMA public TO regress_app;
SET ROLE regress_web;
SELECT api.sync(:call);
RESET ROLE;
ALTER TABLE flex_desired_crew OWNER TO CURRENT_USER;
DROP POLICY hides_all ON flex_desired_crew;
ALTER TABLE flex_desired_crew DISABLE ROW LEVEL SECURITY;

-- ---- the user's triggers run as the caller, never as the extension's owner

GRANT SELECT ON flex_desired_crew TO regress_app;
CREATE TABLE ran_as (who name, path text);
GRANT INSERT ON ran_as TO PUBLIC;
CREATE FUNCTION note_who() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO public.ran_as VALUES (current_user, current_setting('search_path'));
    RETURN NEW;
END
$$;
CREATE TRIGGER note_who BEFORE INSERT OR UPDATE ON flex_crew_assignments FOR EACH ROW EXECUTE FUNCTION note_who();
INSERT INTO flex_desired_crew VALUES (:call, '7ec00000-0000-4000-8000-000000000004', 'r4', NULL);
SET ROLE regress_app;
SET search_path = public, "somewhere else";
SELECT status, added FROM tools.flex_sync_crew(:call);
RESET search_path;
RESET ROLE;
SELECT DISTINCT who, path FROM ran_as;

SET client_min_messages = error;
DROP EXTENSION flex_sync CASCADE;
DROP SCHEMA tools, api CASCADE;
DROP VIEW flex_due_crew_calls;
DROP TABLE flex_desired_crew, flex_crew_assignments, flex_crew_calls, answer, ran_as;
DROP FUNCTION seed, note_who;
REVOKE ALL ON SCHEMA public FROM regress_app;
DROP ROLE regress_plain, regress_app, regress_columns, regress_web;
