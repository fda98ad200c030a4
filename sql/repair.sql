-- flex_sync_duplicates() and flex_sync_repair(): which row stays, what becomes of the others, and what stops them.
\pset format unaligned
\pset tuples_only on
SET client_min_messages = warning;
CREATE EXTENSION flex_sync;
CREATE SERVER flex FOREIGN DATA WRAPPER flex_sync OPTIONS (url 'http://127.0.0.1:1');
-- The tables of an application: no constraint, and rows whose time nobody knows.
CREATE TABLE flex_crew_calls (id uuid PRIMARY KEY, job_id uuid, department text, flex_element_id text);
CREATE TABLE flex_crew_assignments (
    id uuid PRIMARY KEY,
    crew_call_id uuid,
    technician_id uuid,
    flex_line_item_id text,
    created_at timestamp,
    note text,
    tags text[],
    payload bytea,
    fee numeric(12, 4)
);
CREATE FUNCTION u(prefix text, number integer) RETURNS uuid LANGUAGE sql
    AS $$ SELECT (prefix || '0000-0000-4000-8000-' || lpad(number::text, 12, '0'))::uuid $$;
INSERT INTO flex_crew_calls VALUES (u('ca11', 1), NULL, 'sound', 'ABCDEF00-0000-4000-8000-00000000000E'), (u('ca11', 2), NULL, 'lights', NULL);
\set VERBOSITY terse
CREATE FUNCTION row_of(number integer, call integer, technician integer, line text, created_at timestamp) RETURNS void LANGUAGE sql AS $$
    INSERT INTO flex_crew_assignments VALUES (u('a551', number), u('ca11', call), u('7ec0', technician), line, created_at,
        E'note "' || number || E'\\', ARRAY['a,b', NULL, '{}'], '\x00ff', number / 3.0)
$$;
\set VERBOSITY default
DO $$ BEGIN
    -- The oldest stays, whatever its id.
    PERFORM row_of(1, 1, 1, 'LINE-1', '2026-01-03'), row_of(2, 1, 1, 'LINE-2', '2026-01-01'), row_of(3, 1, 1, 'LINE-3', '2026-01-02');
    -- Of those of one time, the lowest id.
    PERFORM row_of(5, 1, 2, 'LINE-5', '2026-01-01'), row_of(4, 1, 2, 'LINE-4', '2026-01-01');
    -- A row without a time is no older than one that has one.
    PERFORM row_of(6, 1, 3, 'LINE-6', NULL), row_of(7, 1, 3, 'AAAA0000-0000-4000-8000-000000000007', '2026-01-01'), row_of(8, 1, 3, NULL, NULL);
    -- No duplicates: alone; on two calls; without a technician or call.
    PERFORM row_of(9, 1, 4, 'LINE-9', NULL), row_of(10, 2, 1, 'LINE-10', NULL);
    INSERT INTO flex_crew_assignments (id, crew_call_id) VALUES (u('a551', 11), u('ca11', 1)), (u('a551', 12), u('ca11', 1));
    -- A call without an element, and one that is gone.
    PERFORM row_of(13, 2, 5, 'LINE-13', '2026-01-02'), row_of(14, 2, 5, 'LINE-14', '2026-01-01');
    PERFORM row_of(15, 3, 6, 'LINE-15', '2026-01-01'), row_of(16, 3, 6, 'LINE-16', '2026-01-02');
    -- Two rows that name one line.
    PERFORM row_of(17, 1, 7, 'LINE-17', '2026-01-01'), row_of(18, 1, 7, 'LINE-17', '2026-01-02');
END $$;
CREATE TABLE before AS SELECT * FROM flex_crew_assignments;

-- ---- the audit

SELECT right(crew_call_id::text, 1), right(technician_id::text, 1), copies, flex_line_item_ids, first_created_at AT TIME ZONE current_setting('TimeZone')
FROM flex_sync_duplicates();
SELECT right(i::text, 2) FROM flex_sync_duplicates() AS d, unnest(d.assignment_ids) AS i WHERE d.technician_id = u('7ec0', 1);

-- ---- the dry run is what NULL and no argument mean too

SELECT right(technician_id::text, 1), right(assignment_id::text, 2), flex_line_item_id, action FROM flex_sync_repair();
SELECT count(*) FROM flex_sync_repair(NULL) WHERE action = 'delete';
SELECT count(*) FROM flex_crew_assignments;
SELECT count(*) FROM flex_sync_repair_log;

-- ---- a trigger that keeps a row keeps all of them

CREATE FUNCTION keep() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF OLD.flex_line_item_id = 'LINE-3' THEN RETURN NULL; END IF; RETURN OLD; END $$;
CREATE TRIGGER keep BEFORE DELETE ON flex_crew_assignments FOR EACH ROW EXECUTE FUNCTION keep();
SELECT * FROM flex_sync_repair(false);
DROP TRIGGER keep ON flex_crew_assignments;
CREATE TABLE note (assignment_id uuid REFERENCES flex_crew_assignments);
INSERT INTO note VALUES (u('a551', 3));
\set VERBOSITY terse
SELECT * FROM flex_sync_repair(false);
\set VERBOSITY default
SELECT count(*) FROM flex_crew_assignments;
SELECT count(*) FROM flex_sync_repair_log;
SELECT count(*) FROM flex_sync_contact;
DROP TABLE note;

-- ---- triggers and foreign keys act as ever

CREATE TABLE note (assignment_id uuid REFERENCES flex_crew_assignments ON DELETE CASCADE);
INSERT INTO note VALUES (u('a551', 3)), (u('a551', 2));
CREATE TABLE audit (id uuid, who name);
CREATE FUNCTION note_it() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO audit VALUES (OLD.id, current_user); RETURN NULL; END $$;
CREATE TRIGGER note_it AFTER DELETE ON flex_crew_assignments FOR EACH ROW EXECUTE FUNCTION note_it();
SELECT right(technician_id::text, 1), right(assignment_id::text, 2), flex_line_item_id, action FROM flex_sync_repair(false);
SELECT right(id::text, 2) FROM flex_crew_assignments ORDER BY 1;
SELECT right(assignment_id::text, 2) FROM note;
SELECT count(*), bool_and(who = current_user) FROM audit;
SELECT * FROM flex_sync_duplicates();
SELECT * FROM flex_sync_repair(false);

-- ---- what was deleted is kept whole, with the time and the role, and can be put back

SELECT right(crew_call_id::text, 1), right(technician_id::text, 1), right(assignment_id::text, 2), flex_line_item_id,
       deleted_by = current_user, deleted_at BETWEEN now() - interval '1 minute' AND clock_timestamp()
FROM flex_sync_repair_log ORDER BY assignment_id;
SELECT r.* FROM flex_sync_repair_log AS l, jsonb_populate_record(NULL::flex_crew_assignments, l.assignment) AS r
EXCEPT SELECT * FROM before;
BEGIN;
INSERT INTO flex_crew_assignments
SELECT (jsonb_populate_record(NULL::flex_crew_assignments, assignment)).* FROM flex_sync_repair_log WHERE technician_id = u('7ec0', 1);
SELECT count(*) FROM flex_sync_duplicates();
ROLLBACK;

-- ---- the lines are ours from now on; those of calls without an element cannot be

SELECT server, flex_element_id, flex_line_item_id, was_shown, flex_resource_id FROM flex_sync_contact ORDER BY flex_line_item_id COLLATE "C";

-- ---- who may

CREATE ROLE regress_cleaner;
GRANT EXECUTE ON FUNCTION flex_sync_repair, flex_sync_duplicates TO regress_cleaner;
GRANT USAGE ON FOREIGN SERVER flex TO regress_cleaner;
SET ROLE regress_cleaner;
SELECT * FROM flex_sync_duplicates();
RESET ROLE;
GRANT SELECT ON flex_crew_assignments, flex_crew_calls TO regress_cleaner;
SELECT row_of(20, 1, 4, 'LINE-20', '2026-01-01');
SET ROLE regress_cleaner;
SELECT copies FROM flex_sync_duplicates();
SELECT action FROM flex_sync_repair();
SELECT action FROM flex_sync_repair(false);
RESET ROLE;
GRANT DELETE ON flex_crew_assignments TO regress_cleaner;
GRANT INSERT ON audit TO regress_cleaner;
SET ROLE regress_cleaner;
SELECT action FROM flex_sync_repair(false);
RESET ROLE;
SELECT deleted_by FROM flex_sync_repair_log WHERE technician_id = u('7ec0', 4);
-- A policy would hide part of a set.
ALTER TABLE flex_crew_assignments ENABLE ROW LEVEL SECURITY;
CREATE POLICY all_of_them ON flex_crew_assignments USING (true);
SET ROLE regress_cleaner;
SELECT * FROM flex_sync_duplicates();
SELECT * FROM flex_sync_repair(false);
RESET ROLE;

-- ---- what is missing

ALTER TABLE flex_crew_assignments DROP COLUMN created_at;
SELECT * FROM flex_sync_duplicates();
DROP TABLE flex_crew_assignments CASCADE;
SELECT * FROM flex_sync_repair();
DROP SERVER flex;
SELECT * FROM flex_sync_duplicates();

SET client_min_messages = error;
DROP EXTENSION flex_sync CASCADE;
DROP TABLE flex_crew_calls, before, note, audit;
DROP FUNCTION u, row_of, keep, note_it;
DROP ROLE regress_cleaner;
