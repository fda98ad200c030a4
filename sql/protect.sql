-- flex_sync_protect(): the constraint, and which indexes serve in its place.
\pset format unaligned
\pset tuples_only on
SET client_min_messages = warning;
CREATE EXTENSION flex_sync;
CREATE SERVER flex FOREIGN DATA WRAPPER flex_sync OPTIONS (url 'http://127.0.0.1:1');
SELECT flex_sync_protect();
CREATE TABLE flex_crew_assignments (id uuid, crew_call_id uuid, technician_id uuid, flex_line_item_id text, created_at timestamptz, a integer);
\set call '''ca110000-0000-4000-8000-000000000001'''
\set technician '''7ec00000-0000-4000-8000-000000000001'''

-- ---- it refuses while there are duplicates, with the code of a unique violation, and leaves nothing behind

INSERT INTO flex_crew_assignments VALUES (gen_random_uuid(), :call, :technician), (gen_random_uuid(), :call, :technician);
DO $$ BEGIN
    PERFORM flex_sync_protect();
EXCEPTION WHEN unique_violation THEN
    RAISE WARNING 'refused';
END $$;
\set VERBOSITY default
SELECT flex_sync_protect();
SELECT count(*) FROM pg_index WHERE indrelid = 'flex_crew_assignments'::regclass;
DELETE FROM flex_crew_assignments;
-- Rows without a technician are no duplicates.
INSERT INTO flex_crew_assignments (crew_call_id) VALUES (:call), (:call);

-- ---- what serves under another name, is left alone

CREATE FUNCTION serves(index_definition text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    answer text;
BEGIN
    EXECUTE index_definition;
    answer := flex_sync_protect();
    RAISE EXCEPTION USING MESSAGE = answer || ', ' || (SELECT string_agg(relname, ', ' ORDER BY relname) FROM pg_class AS c JOIN pg_index AS i ON i.indexrelid = c.oid
        WHERE i.indrelid = 'flex_crew_assignments'::regclass);
EXCEPTION WHEN raise_exception THEN
    RETURN SQLERRM;
END
$$;
SELECT serves('CREATE UNIQUE INDEX one ON flex_crew_assignments (crew_call_id, technician_id)');
SELECT serves('CREATE UNIQUE INDEX one ON flex_crew_assignments (technician_id, crew_call_id)');
SELECT serves('CREATE UNIQUE INDEX one ON flex_crew_assignments (technician_id DESC, crew_call_id) INCLUDE (a)');
SELECT serves('ALTER TABLE flex_crew_assignments ADD CONSTRAINT one UNIQUE (technician_id, crew_call_id)');
SELECT serves('DELETE FROM flex_crew_assignments; ALTER TABLE flex_crew_assignments ADD CONSTRAINT one PRIMARY KEY (crew_call_id, technician_id)');

-- ---- what cannot serve, gets the constraint beside it

SELECT serves('CREATE INDEX one ON flex_crew_assignments (crew_call_id, technician_id)');
SELECT serves('CREATE UNIQUE INDEX one ON flex_crew_assignments (crew_call_id, technician_id) WHERE technician_id IS NOT NULL');
SELECT serves('CREATE UNIQUE INDEX one ON flex_crew_assignments (crew_call_id, (technician_id::text))');
SELECT serves('DELETE FROM flex_crew_assignments; CREATE UNIQUE INDEX one ON flex_crew_assignments (crew_call_id)');
SELECT serves('CREATE UNIQUE INDEX one ON flex_crew_assignments (crew_call_id, technician_id, a)');
SELECT serves('DELETE FROM flex_crew_assignments; ALTER TABLE flex_crew_assignments ADD CONSTRAINT one EXCLUDE USING btree (crew_call_id WITH =, technician_id WITH =)');

-- ---- a deferrable constraint is in the way of ON CONFLICT even beside one that serves

ALTER TABLE flex_crew_assignments ADD CONSTRAINT one UNIQUE (crew_call_id, technician_id) DEFERRABLE;
SELECT flex_sync_protect();
CREATE UNIQUE INDEX two ON flex_crew_assignments (crew_call_id, technician_id);
SELECT flex_sync_protect();
SELECT status FROM flex_sync_check() WHERE check_name = 'unique_index';
ALTER TABLE public.flex_crew_assignments DROP CONSTRAINT one;
SELECT flex_sync_protect();
DROP INDEX two;

-- ---- what CREATE UNIQUE INDEX CONCURRENTLY leaves when it fails

INSERT INTO flex_crew_assignments VALUES (gen_random_uuid(), :call, :technician), (gen_random_uuid(), :call, :technician);
\set VERBOSITY sqlstate
CREATE UNIQUE INDEX CONCURRENTLY flex_crew_assignments_crew_call_technician_key ON flex_crew_assignments (crew_call_id, technician_id);
\set VERBOSITY default
DELETE FROM flex_crew_assignments WHERE ctid = (SELECT max(ctid) FROM flex_crew_assignments);
SELECT flex_sync_protect();
DROP INDEX CONCURRENTLY public.flex_crew_assignments_crew_call_technician_key;

-- ---- the constraint

SELECT flex_sync_protect();
SELECT conname, contype, condeferrable, pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid = 'flex_crew_assignments'::regclass;
SELECT flex_sync_protect();
INSERT INTO flex_crew_assignments VALUES (gen_random_uuid(), :call, :technician) ON CONFLICT (crew_call_id, technician_id) DO NOTHING;
\set VERBOSITY terse
INSERT INTO flex_crew_assignments VALUES (gen_random_uuid(), :call, :technician);
\set VERBOSITY default
ALTER TABLE flex_crew_assignments DROP CONSTRAINT flex_crew_assignments_crew_call_technician_key;

-- ---- one that CREATE UNIQUE INDEX CONCURRENTLY has made

CREATE UNIQUE INDEX CONCURRENTLY ON public.flex_crew_assignments (crew_call_id, technician_id);
SELECT flex_sync_protect();
DROP INDEX flex_crew_assignments_crew_call_id_technician_id_idx;

-- ---- who may

CREATE ROLE regress_guard;
GRANT EXECUTE ON FUNCTION flex_sync_protect TO regress_guard;
GRANT USAGE ON FOREIGN SERVER flex TO regress_guard;
SET ROLE regress_guard;
SELECT flex_sync_protect();
RESET ROLE;
GRANT ALL ON flex_crew_assignments TO regress_guard;
SET ROLE regress_guard;
SELECT flex_sync_protect();
RESET ROLE;
GRANT CREATE ON SCHEMA public TO regress_guard;
ALTER TABLE flex_crew_assignments OWNER TO regress_guard;
SET ROLE regress_guard;
SELECT flex_sync_protect();
RESET ROLE;

-- ---- a partitioned table

DROP TABLE flex_crew_assignments;
CREATE TABLE flex_crew_assignments (id uuid, crew_call_id uuid, technician_id uuid, flex_line_item_id text, created_at timestamptz) PARTITION BY HASH (crew_call_id);
CREATE TABLE part_0 PARTITION OF flex_crew_assignments FOR VALUES WITH (MODULUS 2, REMAINDER 0);
CREATE TABLE part_1 PARTITION OF flex_crew_assignments FOR VALUES WITH (MODULUS 2, REMAINDER 1);
SELECT flex_sync_protect();
SELECT conname, contype FROM pg_constraint WHERE conrelid = 'flex_crew_assignments'::regclass;
SELECT flex_sync_protect();

SET client_min_messages = error;
DROP EXTENSION flex_sync CASCADE;
DROP TABLE flex_crew_assignments;
DROP FUNCTION serves;
REVOKE CREATE ON SCHEMA public FROM regress_guard;
DROP ROLE regress_guard;
