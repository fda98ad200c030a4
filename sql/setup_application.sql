-- flex_sync_setup() over the tables of an application: who belongs to a call, in which role, and which calls are due.
\pset format unaligned
\pset tuples_only on
SET client_min_messages = warning;
CREATE EXTENSION flex_sync;
CREATE SCHEMA app;
CREATE SERVER flex FOREIGN DATA WRAPPER flex_sync OPTIONS (url 'http://127.0.0.1:1', crew_schema 'app');
CREATE ROLE regress_anon;
ALTER DEFAULT PRIVILEGES IN SCHEMA app GRANT ALL ON TABLES TO regress_anon;

CREATE TABLE app.jobs (id uuid PRIMARY KEY, end_time timestamptz);
CREATE TABLE app.profiles (id uuid PRIMARY KEY, department text, flex_resource_id text);
CREATE TABLE app.job_assignments (job_id uuid, technician_id uuid, sound_role text, lights_role text, video_role text);
CREATE TABLE app.flex_crew_calls (id uuid PRIMARY KEY, job_id uuid, department text, flex_element_id text);
CREATE TABLE app.flex_crew_assignments (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(), crew_call_id uuid, technician_id uuid, flex_line_item_id text, created_at timestamptz);

SELECT * FROM flex_sync_setup();
SELECT * FROM flex_sync_setup();
SELECT relname, relkind, relacl = acldefault('r', relowner) AS is_owner_only FROM pg_class
WHERE relnamespace = 'app'::regnamespace AND relname IN ('flex_desired_crew', 'flex_business_roles', 'flex_due_crew_calls') ORDER BY 1;

-- ---- who belongs to a call

CREATE FUNCTION id(kind text, number int) RETURNS uuid LANGUAGE sql IMMUTABLE AS $$
    SELECT (CASE kind WHEN 'job' THEN 'a0b00000' WHEN 'call' THEN 'ca110000' ELSE '7ec00000' END
            || '-0000-4000-8000-' || lpad(number::text, 12, '0'))::uuid
$$;
INSERT INTO app.jobs VALUES
    (id('job', 1), now() + interval '1 day'), (id('job', 2), now() - interval '23 hours'), (id('job', 3), now() - interval '25 hours'),
    (id('job', 4), NULL);
INSERT INTO app.flex_crew_calls VALUES
    (id('call', 1), id('job', 1), 'sound', 'e1'), (id('call', 2), id('job', 1), 'lights', 'e2'), (id('call', 3), id('job', 1), 'Video', 'e3'),
    (id('call', 4), id('job', 1), 'catering', 'e4'), (id('call', 5), id('job', 2), 'sound', 'e5'), (id('call', 6), id('job', 3), 'sound', 'e6'),
    (id('call', 7), id('job', 4), 'sound', 'e7'), (id('call', 8), NULL, 'sound', 'e8'), (id('call', 9), id('job', 1), 'sound', NULL);
INSERT INTO app.profiles
SELECT id('technician', n), department, 'r' || n FROM (VALUES
    (1, NULL), (2, NULL), (3, 'sound'), (4, 'Lights'), (5, 'video'), (6, 'catering'), (7, 'sound'), (8, NULL), (9, NULL)) AS t (n, department);
UPDATE app.profiles SET flex_resource_id = NULL WHERE id = id('technician', 9);
INSERT INTO app.job_assignments (job_id, technician_id, sound_role, lights_role, video_role) VALUES
    (id('job', 1), id('technician', 1), 'FOH-R', NULL, NULL),         -- by the role
    (id('job', 1), id('technician', 2), 'none', '', 'CAM-E'),         -- video only
    (id('job', 1), id('technician', 3), NULL, NULL, NULL),            -- by the department
    (id('job', 1), id('technician', 4), ' NONE ', 'BRD-T', NULL),     -- by both
    (id('job', 1), id('technician', 5), 'MON-T', NULL, NULL),         -- several rows
    (id('job', 1), id('technician', 5), 'SYS-R', NULL, NULL),
    (id('job', 1), id('technician', 5), 'PA-E', NULL, NULL),
    (id('job', 1), id('technician', 6), NULL, NULL, NULL),            -- of a department without roles
    (id('job', 1), id('technician', 8), 'STAGE', NULL, NULL),         -- a code without a suffix that is known
    (id('job', 1), id('technician', 9), 'foh-r', NULL, NULL),         -- without a resource
    (id('job', 1), id('technician', 99), 'FOH-T', NULL, NULL),        -- without a profile
    (id('job', 1), NULL, 'FOH-T', NULL, NULL),
    (id('job', 2), id('technician', 7), NULL, 'BRD-R', NULL);         -- of another job
INSERT INTO app.flex_business_roles VALUES ('sound', 'R', 'sound-r'), ('Sound', 'e', 'sound-e'), ('video', 'E', 'video-e');

SELECT c.department, substring(d.technician_id::text FROM '\d\d$'),
       d.flex_resource_id, d.business_role_id
FROM app.flex_desired_crew AS d JOIN app.flex_crew_calls AS c ON c.id = d.crew_call_id
WHERE c.job_id = id('job', 1) AND c.id <> id('call', 9)
ORDER BY c.id, d.technician_id;
SELECT count(*) FROM app.flex_desired_crew WHERE crew_call_id = id('call', 9);
SELECT substring(technician_id::text FROM '\d\d$') FROM app.flex_desired_crew WHERE crew_call_id = id('call', 5);

-- ---- of several roles R wins over E over T

DELETE FROM app.job_assignments WHERE sound_role = 'SYS-R';
SELECT business_role_id FROM app.flex_desired_crew WHERE crew_call_id = id('call', 1) AND technician_id = id('technician', 5);
DELETE FROM app.job_assignments WHERE sound_role = 'PA-E';
SELECT business_role_id FROM app.flex_desired_crew WHERE crew_call_id = id('call', 1) AND technician_id = id('technician', 5);

-- ---- which calls are due

SELECT c.flex_element_id FROM app.flex_due_crew_calls AS d JOIN app.flex_crew_calls AS c ON c.id = d.crew_call_id ORDER BY 1;

-- ---- what it made stays when the extension goes, and the application's tables were left alone

DROP SERVER flex CASCADE;
DROP EXTENSION flex_sync;
SELECT count(*) > 0 FROM app.flex_desired_crew;
SELECT conname FROM pg_constraint WHERE conrelid = 'app.flex_crew_assignments'::regclass AND contype <> 'n' ORDER BY 1;

\set VERBOSITY terse
DROP SCHEMA app CASCADE;
DROP FUNCTION id;
DROP ROLE regress_anon;
