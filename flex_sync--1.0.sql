\echo Use "CREATE EXTENSION flex_sync" to load this file. \quit

-- The foreign-data wrapper: a server is where the API is and how to behave towards it, a user mapping is the credential.

CREATE FUNCTION flex_sync_validator(options text[], catalog oid)
RETURNS void
LANGUAGE C STRICT VOLATILE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'flex_sync_validator';

COMMENT ON FUNCTION flex_sync_validator(text[], oid) IS
'checks the options of servers and user mappings of the wrapper flex_sync; CREATE and ALTER call it';

CREATE FOREIGN DATA WRAPPER flex_sync VALIDATOR flex_sync_validator;

COMMENT ON FOREIGN DATA WRAPPER flex_sync IS
'Flex Rental Solutions: a server says where its API is and how to use it, a user mapping holds the token';

-- What a sync says.

CREATE TYPE flex_sync_result AS (
    run_id bigint,
    crew_call_id uuid,
    status text,
    desired integer,
    kept integer,
    adopted integer,
    added integer,
    removed integer,
    stale integer,
    pruned integer,
    roles_set integer,
    skipped integer,
    failed integer,
    passes integer,
    http_requests integer,
    duration_ms double precision,
    message text,
    diagnostics jsonb
);

COMMENT ON TYPE flex_sync_result IS 'what one sync of a crew call did';
COMMENT ON COLUMN flex_sync_result.run_id IS 'the run, a row of flex_sync_log; null for busy and skipped';
COMMENT ON COLUMN flex_sync_result.crew_call_id IS 'the crew call that was asked for';
COMMENT ON COLUMN flex_sync_result.status IS 'ok, partial, failed, blocked, deferred, busy, coalesced or skipped';
COMMENT ON COLUMN flex_sync_result.desired IS 'technicians who should be on the call';
COMMENT ON COLUMN flex_sync_result.kept IS 'desired technicians whose row named a contact that is still there';
COMMENT ON COLUMN flex_sync_result.adopted IS
'desired technicians who were mapped to a contact that was in Flex already';
COMMENT ON COLUMN flex_sync_result.added IS 'desired technicians whose contact this sync added to Flex';
COMMENT ON COLUMN flex_sync_result.removed IS
'technicians whose mapped contact was deleted in Flex: they are no longer desired, or have another resource now';
COMMENT ON COLUMN flex_sync_result.stale IS
'rows that were deleted although nothing was deleted in Flex: the contact was gone, or somebody else still needs it';
COMMENT ON COLUMN flex_sync_result.pruned IS 'contacts without a row that were deleted in Flex';
COMMENT ON COLUMN flex_sync_result.roles_set IS 'business roles that were set in Flex';
COMMENT ON COLUMN flex_sync_result.skipped IS 'desired technicians without a usable flex_resource_id';
COMMENT ON COLUMN flex_sync_result.failed IS 'operations that did not succeed; each has a diagnostic';
COMMENT ON COLUMN flex_sync_result.passes IS 'rounds of planning and carrying out';
COMMENT ON COLUMN flex_sync_result.http_requests IS 'requests to Flex, repeats and the closing listing included';
COMMENT ON COLUMN flex_sync_result.duration_ms IS 'milliseconds from taking the lock to the end';
COMMENT ON COLUMN flex_sync_result.message IS 'the result in one sentence';
COMMENT ON COLUMN flex_sync_result.diagnostics IS
'array of {action, code, message, technician_id, flex_resource_id, flex_line_item_id, http_status}; what is null is left out';

-- The log.

CREATE SEQUENCE flex_sync_run_id_seq AS bigint;

COMMENT ON SEQUENCE flex_sync_run_id_seq IS 'the ids of runs; a sync draws one when it begins';

CREATE TABLE flex_sync_log (
    run_id bigint PRIMARY KEY DEFAULT nextval('flex_sync_run_id_seq'),
    crew_call_id uuid NOT NULL,
    status text NOT NULL,
    desired integer NOT NULL,
    kept integer NOT NULL,
    adopted integer NOT NULL,
    added integer NOT NULL,
    removed integer NOT NULL,
    stale integer NOT NULL,
    pruned integer NOT NULL,
    roles_set integer NOT NULL,
    skipped integer NOT NULL,
    failed integer NOT NULL,
    passes integer NOT NULL,
    http_requests integer NOT NULL,
    duration_ms double precision NOT NULL,
    message text NOT NULL,
    diagnostics jsonb NOT NULL,
    job_id uuid,
    department text,
    flex_element_id text NOT NULL,
    server text NOT NULL,
    prune text NOT NULL,
    max_removals integer NOT NULL,
    started_at timestamptz NOT NULL,
    triggered_by text NOT NULL,
    application_name text NOT NULL
);

CREATE INDEX flex_sync_log_crew_call_id_idx ON flex_sync_log (crew_call_id, run_id);
CREATE INDEX flex_sync_log_element_idx ON flex_sync_log (lower(flex_element_id COLLATE "C"), run_id);
CREATE INDEX flex_sync_log_server_idx ON flex_sync_log (server, started_at);

ALTER SEQUENCE flex_sync_run_id_seq OWNED BY flex_sync_log.run_id;

COMMENT ON TABLE flex_sync_log IS
'one row per run: the columns of flex_sync_result, and what was synced, by whom and when';
COMMENT ON COLUMN flex_sync_log.flex_element_id IS 'the Flex element that was synced';
COMMENT ON COLUMN flex_sync_log.server IS 'the foreign server through which it was synced';
COMMENT ON COLUMN flex_sync_log.prune IS 'the prune policy that was in effect';
COMMENT ON COLUMN flex_sync_log.max_removals IS 'the limit of removals that was in effect';
COMMENT ON COLUMN flex_sync_log.started_at IS 'when the sync had the lock and began';
COMMENT ON COLUMN flex_sync_log.triggered_by IS 'the session user; under PostgREST the sub of the JSON Web Token';
COMMENT ON COLUMN flex_sync_log.application_name IS 'application_name of the session';

CREATE TABLE flex_sync_log_operation (
    run_id bigint NOT NULL REFERENCES flex_sync_log ON DELETE CASCADE,
    ordinal integer NOT NULL,
    action text NOT NULL,
    technician_id uuid,
    flex_resource_id text,
    flex_line_item_id text,
    http_status integer,
    outcome text NOT NULL CHECK (outcome IN ('done', 'refused', 'unknown')),
    duration_ms double precision NOT NULL,
    PRIMARY KEY (run_id, ordinal)
);

COMMENT ON TABLE flex_sync_log_operation IS
'one row for each change that Flex was asked for; listings are not among them';
COMMENT ON COLUMN flex_sync_log_operation.ordinal IS 'its place among the operations of the run, from 1';
COMMENT ON COLUMN flex_sync_log_operation.action IS 'add, remove, prune or set_role';
COMMENT ON COLUMN flex_sync_log_operation.http_status IS 'the HTTP status of the answer; null if none came';
COMMENT ON COLUMN flex_sync_log_operation.outcome IS
'done (also where a later listing showed it), refused, or unknown';
COMMENT ON COLUMN flex_sync_log_operation.duration_ms IS
'milliseconds until the answer came, or until the request failed';

-- What is remembered of lines in Flex.

CREATE TABLE flex_sync_contact (
    server text NOT NULL,
    flex_element_id text NOT NULL,
    flex_line_item_id text,
    flex_resource_id text,
    shown_resource_id text,
    was_shown boolean NOT NULL DEFAULT false,
    business_role_id text,
    tries integer NOT NULL DEFAULT 1,
    noted_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (server, flex_element_id, flex_line_item_id)
);

CREATE UNIQUE INDEX flex_sync_contact_lost_add_idx
    ON flex_sync_contact (server, flex_element_id, flex_resource_id) WHERE flex_line_item_id IS NULL;

COMMENT ON TABLE flex_sync_contact IS
'lines of Flex that flex_sync added or that a row has named (prune = owned goes by them), and adds whose answer was lost; UUIDs are in lower case';
COMMENT ON COLUMN flex_sync_contact.server IS
'the foreign server through which the line was added or mapped, or the lost add was sent';
COMMENT ON COLUMN flex_sync_contact.flex_line_item_id IS 'the line; null for an add whose answer was lost';
COMMENT ON COLUMN flex_sync_contact.flex_resource_id IS 'the resource that was asked for; null where it is not known';
COMMENT ON COLUMN flex_sync_contact.shown_resource_id IS
'the resource that a listing showed for the line; null where none was shown';
COMMENT ON COLUMN flex_sync_contact.was_shown IS 'whether a listing has shown the line';
COMMENT ON COLUMN flex_sync_contact.business_role_id IS 'the business role that was sent last';
COMMENT ON COLUMN flex_sync_contact.tries IS 'how many adds of the resource in a row no listing has shown';
COMMENT ON COLUMN flex_sync_contact.noted_at IS 'when the line was added or mapped, or the answer was lost';

-- What the clean-up deleted.

CREATE TABLE flex_sync_repair_log (
    deleted_at timestamptz NOT NULL,
    deleted_by text NOT NULL,
    crew_call_id uuid NOT NULL,
    technician_id uuid NOT NULL,
    assignment_id uuid NOT NULL,
    flex_line_item_id text,
    assignment jsonb NOT NULL
);

COMMENT ON TABLE flex_sync_repair_log IS 'the rows that flex_sync_repair deleted';
COMMENT ON COLUMN flex_sync_repair_log.deleted_by IS 'the role that called flex_sync_repair';
COMMENT ON COLUMN flex_sync_repair_log.assignment IS
'the whole row, for jsonb_populate_record(NULL::flex_crew_assignments, assignment)';

SELECT pg_catalog.pg_extension_config_dump('flex_sync_repair_log', '');
SELECT pg_catalog.pg_extension_config_dump('flex_sync_run_id_seq', '');
SELECT pg_catalog.pg_extension_config_dump('flex_sync_log', '');
SELECT pg_catalog.pg_extension_config_dump('flex_sync_log_operation', '');
SELECT pg_catalog.pg_extension_config_dump('flex_sync_contact', '');

-- The functions.

CREATE FUNCTION flex_sync_crew(
    call_id uuid,
    prune text DEFAULT NULL,
    nowait boolean DEFAULT false,
    max_removals integer DEFAULT NULL)
RETURNS flex_sync_result
LANGUAGE C CALLED ON NULL INPUT VOLATILE PARALLEL UNSAFE COST 100000
AS 'MODULE_PATHNAME', 'flex_sync_crew';

COMMENT ON FUNCTION flex_sync_crew(uuid, text, boolean, integer) IS
'makes a crew call in Flex and the database agree, also when several sessions call it at once; trouble in Flex is a status, never an error';

CREATE FUNCTION flex_sync_plan(
    call_id uuid,
    prune text DEFAULT NULL,
    OUT step integer,
    OUT crew_call_id uuid,
    OUT action text,
    OUT technician_id uuid,
    OUT flex_resource_id text,
    OUT flex_line_item_id text,
    OUT reason text)
RETURNS SETOF record
LANGUAGE C CALLED ON NULL INPUT VOLATILE PARALLEL UNSAFE COST 100000
AS 'MODULE_PATHNAME', 'flex_sync_plan';

COMMENT ON FUNCTION flex_sync_plan(uuid, text) IS
'shows what flex_sync_crew would do; lists Flex, changes nothing, takes no lock, and works in a read-only transaction';

CREATE FUNCTION flex_crew_contacts(
    call_id uuid,
    OUT flex_line_item_id text,
    OUT flex_resource_id text,
    OUT kind text,
    OUT name text,
    OUT business_role_id text,
    OUT technician_id uuid,
    OUT desired boolean)
RETURNS SETOF record
LANGUAGE C CALLED ON NULL INPUT VOLATILE PARALLEL UNSAFE COST 100000
AS 'MODULE_PATHNAME', 'flex_crew_contacts';

COMMENT ON FUNCTION flex_crew_contacts(uuid) IS
'lists what Flex shows on a crew call now, beside what the database knows of it';

CREATE FUNCTION flex_sync_lock_key(call_id uuid)
RETURNS bigint
LANGUAGE C CALLED ON NULL INPUT VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'flex_sync_lock_key';

COMMENT ON FUNCTION flex_sync_lock_key(uuid) IS
'returns the key of the advisory lock that a sync of the crew call takes; pg_advisory_xact_lock of it keeps syncs out';

CREATE FUNCTION flex_sync_setup(OUT object text, OUT action text)
RETURNS SETOF record
LANGUAGE C VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'flex_sync_setup';

COMMENT ON FUNCTION flex_sync_setup() IS
'creates the crew relations that are missing in crew_schema; changes none that exists, except to add the unique constraint';

CREATE FUNCTION flex_sync_duplicates(
    OUT crew_call_id uuid,
    OUT technician_id uuid,
    OUT copies integer,
    OUT assignment_ids uuid[],
    OUT flex_line_item_ids text[],
    OUT first_created_at timestamptz)
RETURNS SETOF record
LANGUAGE C VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'flex_sync_duplicates';

COMMENT ON FUNCTION flex_sync_duplicates() IS
'lists technicians who have several rows on one crew call, the oldest row first';

CREATE FUNCTION flex_sync_repair(
    dry_run boolean DEFAULT true,
    OUT crew_call_id uuid,
    OUT technician_id uuid,
    OUT assignment_id uuid,
    OUT flex_line_item_id text,
    OUT action text)
RETURNS SETOF record
LANGUAGE C CALLED ON NULL INPUT VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'flex_sync_repair';

COMMENT ON FUNCTION flex_sync_repair(boolean) IS
'keeps the oldest row of each set of duplicates and deletes the others, which flex_sync_repair_log keeps; changes nothing unless dry_run is false';

CREATE FUNCTION flex_sync_protect()
RETURNS text
LANGUAGE C VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'flex_sync_protect';

COMMENT ON FUNCTION flex_sync_protect() IS
'adds UNIQUE (crew_call_id, technician_id) to flex_crew_assignments, unless an index that ON CONFLICT can use exists, and returns its name; fails while there are duplicates';

CREATE FUNCTION flex_sync_check(
    probe boolean DEFAULT false,
    OUT check_name text,
    OUT status text,
    OUT detail text,
    OUT hint text)
RETURNS SETOF record
LANGUAGE C CALLED ON NULL INPUT VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'flex_sync_check';

COMMENT ON FUNCTION flex_sync_check(boolean) IS
'checks versions, server, relations, data and privileges, and says what to do; with probe it also asks Flex, once';

-- Nothing that changes data or talks to Flex, and no table, is open to anybody but its owner: neither to PUBLIC nor to the roles
-- to whom default privileges gave it, as every Supabase database does for anon.

DO $$
DECLARE
    kind text;
    object text;
    grantee text;
BEGIN
    FOR kind, object, grantee IN
        SELECT o.kind, o.object, CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE a.grantee::regrole::text END
        FROM (SELECT 'FUNCTION', p.oid::regprocedure::text, p.proowner,
                     coalesce(p.proacl, acldefault('f', p.proowner)), p.oid, 'pg_proc'::regclass
              FROM pg_proc AS p
              WHERE p.proname NOT IN ('flex_sync_lock_key', 'flex_sync_validator')
              UNION ALL
              SELECT CASE c.relkind WHEN 'S' THEN 'SEQUENCE' ELSE 'TABLE' END, c.oid::regclass::text, c.relowner,
                     c.relacl, c.oid, 'pg_class'::regclass
              FROM pg_class AS c
              WHERE c.relkind IN ('r', 'v', 'S')
             ) AS o (kind, object, owner, acl, oid, class)
        JOIN pg_depend AS d ON d.classid = o.class AND d.objid = o.oid AND d.deptype = 'e'
        JOIN pg_extension AS e ON e.oid = d.refobjid AND e.extname = 'flex_sync'
        CROSS JOIN LATERAL aclexplode(o.acl) AS a
        WHERE a.grantee <> o.owner
        GROUP BY 1, 2, 3
    LOOP
        EXECUTE format('REVOKE ALL ON %s %s FROM %s', kind, object, grantee);
    END LOOP;
END
$$;
