-- What the extension consists of, exactly as users and other tools see it, and that it can be moved.
\pset format unaligned
\pset tuples_only on
CREATE EXTENSION flex_sync;

-- ---- functions: arguments with defaults, results, behaviour

SELECT p.proname || '(' || pg_get_function_arguments(p.oid) || E')\n    RETURNS ' || pg_get_function_result(p.oid)
       || E'\n    ' || concat_ws(' ', CASE p.provolatile WHEN 'v' THEN 'VOLATILE' WHEN 's' THEN 'STABLE' ELSE 'IMMUTABLE' END,
                    CASE WHEN p.proisstrict THEN 'STRICT' END,
                    'PARALLEL ' || CASE p.proparallel WHEN 'u' THEN 'UNSAFE' WHEN 's' THEN 'SAFE' ELSE 'RESTRICTED' END,
                    CASE WHEN p.prosecdef THEN 'SECURITY DEFINER' END, p.proconfig::text)
FROM pg_proc AS p JOIN pg_depend AS d ON d.objid = p.oid AND d.classid = 'pg_proc'::regclass AND d.deptype = 'e'
JOIN pg_extension AS e ON e.oid = d.refobjid AND e.extname = 'flex_sync'
ORDER BY p.proname COLLATE "C";

-- ---- the type, tables and views: columns

SELECT c.relname || '.' || a.attname || ' ' || format_type(a.atttypid, a.atttypmod) || CASE WHEN a.attnotnull THEN ' NOT NULL' ELSE '' END
FROM pg_class AS c JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
WHERE c.relname LIKE 'flex\_%' AND c.relkind IN ('c', 'r', 'v')
ORDER BY c.relname COLLATE "C", a.attnum;

-- ---- other objects

SELECT o.name FROM pg_depend AS d JOIN pg_extension AS e ON e.oid = d.refobjid,
    LATERAL pg_describe_object(d.classid, d.objid, 0) AS o (name)
WHERE e.extname = 'flex_sync' AND d.deptype = 'e' AND d.classid <> 'pg_proc'::regclass
    AND NOT EXISTS (SELECT FROM pg_depend AS i WHERE (i.classid, i.objid) = (d.classid, d.objid) AND i.deptype = 'i')
ORDER BY o.name COLLATE "C";
SELECT fdwhandler, fdwvalidator::regproc FROM pg_foreign_data_wrapper WHERE fdwname = 'flex_sync';

-- ---- every object has a comment

SELECT pg_describe_object(d.classid, d.objid, 0) AS without_comment
FROM pg_depend AS d JOIN pg_extension AS e ON e.oid = d.refobjid
WHERE e.extname = 'flex_sync' AND d.deptype = 'e' AND obj_description(d.objid, d.classid::regclass::name) IS NULL
    AND NOT EXISTS (SELECT FROM pg_depend AS i WHERE (i.classid, i.objid) = (d.classid, d.objid) AND i.deptype = 'i')
ORDER BY 1;

-- ---- all data is dumped

SELECT c.oid::regclass AS not_dumped FROM pg_class AS c JOIN pg_depend AS d ON d.objid = c.oid AND d.deptype = 'e'
JOIN pg_extension AS e ON e.oid = d.refobjid
WHERE e.extname = 'flex_sync' AND c.relkind IN ('r', 'S') AND NOT c.oid = ANY (e.extconfig);

-- ---- it can be moved, and goes on working, in a session that has worked before

CREATE TEMP TABLE answer (line text);
CREATE FUNCTION seed(element text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('COPY answer FROM PROGRAM %L', format('curl -sS --noproxy "*" -d ''{"element": "%s", "rows": []}'' %s/control/seed',
        element, substring(current_setting('flexsim.url') FROM '^http://[^/]+')));
END
$$;
SELECT seed('signatures');
DO $$
BEGIN
    EXECUTE format('CREATE SERVER flex FOREIGN DATA WRAPPER flex_sync OPTIONS (url %L)', current_setting('flexsim.url'));
END
$$;
CREATE USER MAPPING FOR CURRENT_USER SERVER flex OPTIONS (token 'test-token');
SELECT FROM flex_sync_setup();
INSERT INTO flex_crew_calls (id, flex_element_id) VALUES ('ca110000-0000-4000-8000-000000000001', 'signatures');
INSERT INTO flex_desired_crew VALUES ('ca110000-0000-4000-8000-000000000001', '7ec00000-0000-4000-8000-000000000001', 'r1', NULL);
SELECT status, added, kept FROM flex_sync_crew('ca110000-0000-4000-8000-000000000001');
CREATE SCHEMA "another ""Schema""";
ALTER EXTENSION flex_sync SET SCHEMA "another ""Schema""";
SELECT status, added, kept FROM "another ""Schema""".flex_sync_crew('ca110000-0000-4000-8000-000000000001');
SELECT step, action FROM "another ""Schema""".flex_sync_plan('ca110000-0000-4000-8000-000000000001');
SELECT status, crew_call_id FROM "another ""Schema""".flex_sync_log ORDER BY run_id;
SELECT to_regclass('public.flex_sync_log');
ALTER SCHEMA "another ""Schema""" RENAME TO renamed;
SELECT status, added, kept FROM renamed.flex_sync_crew('ca110000-0000-4000-8000-000000000001');
SELECT count(*) FROM renamed.flex_sync_log;

SET client_min_messages = warning;
DROP EXTENSION flex_sync CASCADE;
DROP SCHEMA renamed;
DROP VIEW flex_due_crew_calls;
DROP TABLE flex_desired_crew, flex_crew_assignments, flex_crew_calls, answer;
DROP FUNCTION seed;
