-- flex_sync_setup(): what it makes, where, and for whom.
\pset format unaligned
\pset tuples_only on
SET client_min_messages = warning;
CREATE ROLE regress_anon;
-- As in every Supabase database.
ALTER DEFAULT PRIVILEGES GRANT ALL ON TABLES TO regress_anon, PUBLIC;
ALTER DEFAULT PRIVILEGES GRANT ALL ON SEQUENCES TO regress_anon, PUBLIC;
ALTER DEFAULT PRIVILEGES GRANT ALL ON FUNCTIONS TO regress_anon, PUBLIC;
CREATE EXTENSION flex_sync;
CREATE SERVER flex FOREIGN DATA WRAPPER flex_sync OPTIONS (url 'http://127.0.0.1:1');

-- ---- nothing there

SELECT * FROM flex_sync_setup();
SELECT table_name, column_name, data_type, is_nullable, column_default FROM information_schema.columns
WHERE table_schema = 'public' AND table_name LIKE 'flex\_%' AND table_name NOT LIKE 'flex\_sync%'
ORDER BY table_name, ordinal_position;
SELECT conrelid::regclass, conname, pg_get_constraintdef(oid) FROM pg_constraint
WHERE conrelid IN ('flex_crew_calls'::regclass, 'flex_crew_assignments'::regclass, 'flex_desired_crew'::regclass)
    AND contype <> 'n' -- of PostgreSQL 18: NOT NULL
ORDER BY 1, 2;
SELECT indexdef FROM pg_indexes WHERE tablename ~ '^flex_(crew|desired)' ORDER BY indexname;

-- ---- twice

SELECT * FROM flex_sync_setup();

-- ---- it works

INSERT INTO flex_crew_calls (department, flex_element_id) VALUES ('sound', 'e1'), ('lights', NULL);
INSERT INTO flex_crew_assignments (crew_call_id, technician_id, flex_line_item_id)
SELECT id, gen_random_uuid(), 'l1' FROM flex_crew_calls;
SELECT c.department FROM flex_due_crew_calls AS d JOIN flex_crew_calls AS c ON c.id = d.crew_call_id;
DELETE FROM flex_crew_calls;
SELECT count(*) FROM flex_crew_assignments;

-- ---- nothing is open to others, whatever default privileges say

CREATE FUNCTION open_to(role text) RETURNS SETOF text LANGUAGE sql AS $$
    SELECT p.oid::regprocedure::text FROM pg_proc AS p
    WHERE p.proname LIKE 'flex\_%' AND has_function_privilege(role, p.oid, 'EXECUTE')
    UNION ALL
    SELECT c.relname || ': ' || privilege FROM pg_class AS c,
        unnest('{SELECT,INSERT,UPDATE,DELETE,TRUNCATE,REFERENCES,TRIGGER}'::text[]) AS privilege
    WHERE c.relname LIKE 'flex\_%' AND c.relkind IN ('r', 'v', 'm', 'p')
      AND (has_table_privilege(role, c.oid, privilege)
           OR privilege IN ('SELECT', 'INSERT', 'UPDATE', 'REFERENCES') AND has_any_column_privilege(role, c.oid, privilege))
    UNION ALL
    SELECT c.relname || ': ' || privilege FROM pg_class AS c, unnest('{USAGE,SELECT,UPDATE}'::text[]) AS privilege
    WHERE c.relname LIKE 'flex\_%' AND c.relkind = 'S' AND has_sequence_privilege(role, c.oid, privilege)
    UNION ALL
    SELECT w.fdwname FROM pg_foreign_data_wrapper AS w WHERE has_foreign_data_wrapper_privilege(role, w.oid, 'USAGE')
    UNION ALL
    SELECT s.srvname FROM pg_foreign_server AS s WHERE has_server_privilege(role, s.oid, 'USAGE')
    ORDER BY 1
$$;
SELECT open_to('regress_anon');
SELECT open_to('public') EXCEPT SELECT open_to('regress_anon');

-- ---- what it made refers to nothing of the extension, and stays

\set VERBOSITY terse
SET client_min_messages = notice;
DROP EXTENSION flex_sync;
DROP SERVER flex;
DROP EXTENSION flex_sync;
SET client_min_messages = warning;
\set VERBOSITY default
SELECT c.relname, c.relkind FROM pg_class AS c WHERE c.relname ~ '^flex_' AND c.relkind IN ('r', 'v') ORDER BY 1;
SELECT open_to('regress_anon');
CREATE EXTENSION flex_sync;
CREATE SERVER flex FOREIGN DATA WRAPPER flex_sync OPTIONS (url 'http://127.0.0.1:1');
SELECT * FROM flex_sync_setup();
DROP VIEW flex_due_crew_calls;
DROP TABLE flex_desired_crew, flex_crew_assignments, flex_crew_calls;

-- ---- in another schema, of a name that must be quoted

CREATE SCHEMA "the ""Crew""";
ALTER SERVER flex OPTIONS (ADD crew_schema 'the "Crew"');
SELECT * FROM flex_sync_setup();
SELECT * FROM flex_sync_setup();
SELECT c.relname FROM pg_class AS c WHERE c.relnamespace = '"the ""Crew"""'::regnamespace AND c.relkind IN ('r', 'v') ORDER BY 1;
SELECT to_regclass('public.flex_crew_calls');
SELECT open_to('regress_anon');
\set VERBOSITY terse
DROP SCHEMA "the ""Crew""" CASCADE;
\set VERBOSITY default

-- ---- under any search_path

CREATE SCHEMA crew;
ALTER SERVER flex OPTIONS (SET crew_schema 'crew');
BEGIN;
CREATE SCHEMA trap;
CREATE DOMAIN trap.uuid AS pg_catalog.text;
CREATE DOMAIN trap.text AS pg_catalog.int4;
CREATE FUNCTION trap.now() RETURNS timestamptz LANGUAGE sql AS 'SELECT NULL::timestamptz';
SET LOCAL search_path = trap, pg_catalog, public;
SELECT * FROM flex_sync_setup();
RESET search_path;
SELECT data_type, count(*) FROM information_schema.columns WHERE table_schema = 'crew' GROUP BY 1 ORDER BY 1;
ROLLBACK;

-- ---- a part is there: it is not altered, except for the unique constraint

CREATE TABLE crew.flex_crew_assignments (crew_call_id uuid, technician_id uuid, flex_line_item_id uuid);
SELECT * FROM flex_sync_setup();
SELECT a.attname, a.atttypid::regtype, a.attnotnull FROM pg_attribute AS a
WHERE a.attrelid = 'crew.flex_crew_assignments'::regclass AND a.attnum > 0 ORDER BY a.attnum;
SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid = 'crew.flex_crew_assignments'::regclass;

-- ---- a unique index that serves under another name is left alone

ALTER TABLE crew.flex_crew_assignments DROP CONSTRAINT flex_crew_assignments_crew_call_technician_key;
CREATE UNIQUE INDEX one_row_each ON crew.flex_crew_assignments (technician_id, crew_call_id);
SELECT * FROM flex_sync_setup() WHERE object LIKE '%one_row_each' OR object LIKE '%key';

-- ---- where it cannot be had

DROP INDEX crew.one_row_each;
INSERT INTO crew.flex_crew_assignments VALUES
    ('ca110000-0000-4000-8000-000000000001', '7ec00000-0000-4000-8000-000000000001', NULL),
    ('ca110000-0000-4000-8000-000000000001', '7ec00000-0000-4000-8000-000000000001', NULL);
SET client_min_messages = notice;
SELECT * FROM flex_sync_setup() WHERE action = 'blocked';
SET client_min_messages = warning;
\set VERBOSITY terse
DROP SCHEMA crew CASCADE;
\set VERBOSITY default

-- ---- no schema, and no right to make something there

SELECT * FROM flex_sync_setup();
CREATE SCHEMA crew;
CREATE ROLE regress_maker;
GRANT USAGE ON SCHEMA crew TO regress_maker;
GRANT EXECUTE ON FUNCTION flex_sync_setup() TO regress_maker;
SET ROLE regress_maker;
SELECT * FROM flex_sync_setup();
RESET ROLE;
GRANT USAGE ON FOREIGN SERVER flex TO regress_maker;
SET client_min_messages = notice;
SET ROLE regress_maker;
SELECT * FROM flex_sync_setup();
RESET ROLE;
SET client_min_messages = warning;
SELECT relname FROM pg_class WHERE relnamespace = 'crew'::regnamespace;
GRANT CREATE ON SCHEMA crew TO regress_maker;
SET ROLE regress_maker;
SELECT * FROM flex_sync_setup();
RESET ROLE;
SELECT DISTINCT relowner::regrole FROM pg_class WHERE relnamespace = 'crew'::regnamespace;

\set VERBOSITY terse
DROP SCHEMA crew CASCADE;
DROP EXTENSION flex_sync CASCADE;
DROP FUNCTION open_to;
ALTER DEFAULT PRIVILEGES REVOKE ALL ON TABLES FROM regress_anon, PUBLIC;
ALTER DEFAULT PRIVILEGES REVOKE ALL ON SEQUENCES FROM regress_anon, PUBLIC;
ALTER DEFAULT PRIVILEGES REVOKE ALL ON FUNCTIONS FROM regress_anon;
DROP ROLE regress_maker;
DROP ROLE regress_anon;
