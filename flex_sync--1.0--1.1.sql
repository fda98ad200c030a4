\echo Use "ALTER EXTENSION flex_sync UPDATE TO '1.1'" to load this file. \quit

-- Before any other lock: a sync has read this table when it has called somebody, and writes the log after that.

LOCK TABLE flex_sync_contact;

-- Many crews.

CREATE FUNCTION flex_sync_job(job_id uuid, departments text[] DEFAULT NULL, prune text DEFAULT NULL)
RETURNS SETOF flex_sync_result
LANGUAGE C CALLED ON NULL INPUT VOLATILE PARALLEL UNSAFE COST 100000
AS 'MODULE_PATHNAME', 'flex_sync_job';

COMMENT ON FUNCTION flex_sync_job(uuid, text[], text) IS
'syncs every crew call of a job, or of the departments named, in department order and once for each Flex element; takes all their locks first';

CREATE PROCEDURE flex_sync_all(prune text DEFAULT NULL, strict boolean DEFAULT true)
LANGUAGE C
AS 'MODULE_PATHNAME', 'flex_sync_all';

COMMENT ON PROCEDURE flex_sync_all(text, boolean) IS
'syncs every crew call in flex_due_crew_calls, the least recently synced first and once for each Flex element, and commits as it goes; with strict it raises an error at the end if any sync ended failed or partial';

CREATE FUNCTION flex_sync_purge(older_than interval DEFAULT '90 days')
RETURNS bigint
LANGUAGE C CALLED ON NULL INPUT VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'flex_sync_purge';

COMMENT ON FUNCTION flex_sync_purge(interval) IS
'deletes log rows of runs that began longer ago than older_than, and returns how many; the last day always stays';

-- pg_restore with several jobs may fill a table before the one that its foreign key names; purging takes both.

ALTER TABLE flex_sync_log_operation DROP CONSTRAINT flex_sync_log_operation_run_id_fkey;

-- What is remembered of lines belongs to the element, whichever server it was learned through. Of two servers' rows the
-- more careful one stays: shown where either was, the latest time, the most tries.

WITH copies AS (
    SELECT k.ctid AS row,
           row_number() OVER (copy ORDER BY k.was_shown DESC, k.noted_at DESC, k.server) AS place,
           max(k.tries) OVER copy AS tries,
           max(k.noted_at) OVER copy AS noted_at,
           first_value(k.business_role_id) OVER (
               copy ORDER BY k.business_role_id IS NULL, k.was_shown DESC, k.noted_at DESC, k.server) AS role
    FROM flex_sync_contact AS k
    WINDOW copy AS (PARTITION BY k.flex_element_id, k.flex_line_item_id,
                                 CASE WHEN k.flex_line_item_id IS NULL THEN k.flex_resource_id END)
), others AS (
    DELETE FROM flex_sync_contact AS k USING copies AS c WHERE k.ctid = c.row AND c.place > 1
)
UPDATE flex_sync_contact AS k SET tries = c.tries, noted_at = c.noted_at, business_role_id = c.role
FROM copies AS c
WHERE k.ctid = c.row AND c.place = 1
      AND (k.tries, k.noted_at, k.business_role_id) IS DISTINCT FROM (c.tries, c.noted_at, c.role);

ALTER TABLE flex_sync_contact
    DROP CONSTRAINT flex_sync_contact_server_flex_element_id_flex_line_item_id_key,
    ADD UNIQUE (flex_element_id, flex_line_item_id);

DROP INDEX flex_sync_contact_lost_add_idx;

CREATE UNIQUE INDEX flex_sync_contact_lost_add_idx
    ON flex_sync_contact (flex_element_id, flex_resource_id) WHERE flex_line_item_id IS NULL;

COMMENT ON COLUMN flex_sync_contact.server IS
'the foreign server through which the line was added or mapped, or the lost add was sent';

-- Health, alerts and purge go by time alone, over all servers.

CREATE INDEX flex_sync_log_started_at_idx ON flex_sync_log (started_at);

-- Request limits are those of a Flex account. They count by its url, over all servers that share it; runs of 1.0 have
-- none and count by the name of the server.

ALTER TABLE flex_sync_log ADD COLUMN url text, ADD COLUMN retry_at timestamptz;

COMMENT ON COLUMN flex_sync_log.url IS
'the url of the server, without a slash at its end and with its host in lower case, by which request limits count; null in runs of 1.0';
COMMENT ON COLUMN flex_sync_log.retry_at IS
'when to try a deferred run again, as far as it is known; null for others';

DROP INDEX flex_sync_log_server_idx;
CREATE INDEX flex_sync_log_url_idx ON flex_sync_log (url, started_at) INCLUDE (http_requests) WHERE url IS NOT NULL;
CREATE INDEX flex_sync_log_server_idx ON flex_sync_log (server, started_at) INCLUDE (http_requests) WHERE url IS NULL;

CREATE TABLE flex_sync_requests (
    url text,
    server text,
    at timestamptz NOT NULL,
    requests bigint NOT NULL,
    runs_before timestamptz
);

CREATE INDEX flex_sync_requests_url_idx ON flex_sync_requests (url, at) INCLUDE (requests, runs_before)
    WHERE url IS NOT NULL;
CREATE INDEX flex_sync_requests_server_idx ON flex_sync_requests (server, at) INCLUDE (requests, runs_before)
    WHERE url IS NULL;
CREATE INDEX flex_sync_requests_at_idx ON flex_sync_requests (at);

COMMENT ON TABLE flex_sync_requests IS
'what request limits count beside the runs in flex_sync_log: requests of flex_sync_plan, flex_crew_contacts and flex_sync_check, and, where there are many runs, their sums by the minute';
COMMENT ON COLUMN flex_sync_requests.url IS 'the url, as in flex_sync_log; null for a sum of runs that have none';
COMMENT ON COLUMN flex_sync_requests.server IS 'the foreign server; null for a sum over all servers of the url';
COMMENT ON COLUMN flex_sync_requests.at IS 'when the requests were sent; for a sum, when the last of its runs began';
COMMENT ON COLUMN flex_sync_requests.requests IS 'how many requests';
COMMENT ON COLUMN flex_sync_requests.runs_before IS
'for a sum: it and the sums before it hold the runs that began before this moment; null for single requests';

SELECT pg_catalog.pg_extension_config_dump('flex_sync_requests', '');

-- What runs have sent to Flex whose transaction has not committed. A background worker of the session writes it.

CREATE TABLE flex_sync_journal (
    run_id bigint NOT NULL,
    ordinal integer NOT NULL,
    crew_call_id uuid NOT NULL,
    flex_element_id text NOT NULL,
    server text NOT NULL,
    action text NOT NULL,
    technician_id uuid,
    flex_resource_id text,
    flex_line_item_id text,
    sent_at timestamptz NOT NULL,
    outcome text CHECK (outcome IN ('done', 'refused', 'unknown')),
    http_status integer,
    http_requests integer NOT NULL,
    business_role_id text,
    url text NOT NULL,
    lock_key bigint NOT NULL,
    run jsonb,
    PRIMARY KEY (run_id, ordinal)
);

CREATE INDEX flex_sync_journal_lock_key_idx ON flex_sync_journal (lock_key);

COMMENT ON TABLE flex_sync_journal IS
'one row for each request that changes something in Flex, kept in a transaction of its own until that of its run commits: what is here belongs to a run that is under way or was rolled back';
COMMENT ON COLUMN flex_sync_journal.run_id IS 'the run, which has no row in flex_sync_log yet';
COMMENT ON COLUMN flex_sync_journal.ordinal IS 'its place among the requests of the run, from 1';
COMMENT ON COLUMN flex_sync_journal.crew_call_id IS 'the crew call that is synced';
COMMENT ON COLUMN flex_sync_journal.flex_element_id IS 'the Flex element that is synced';
COMMENT ON COLUMN flex_sync_journal.server IS 'the foreign server through which it is synced';
COMMENT ON COLUMN flex_sync_journal.action IS
'add, remove, prune or set_role; list, where a request limit is set';
COMMENT ON COLUMN flex_sync_journal.technician_id IS
'the technician it is for; null for a contact of nobody who is known';
COMMENT ON COLUMN flex_sync_journal.flex_resource_id IS 'the resource of the contact';
COMMENT ON COLUMN flex_sync_journal.flex_line_item_id IS 'the line of the contact; null where it is not known yet';
COMMENT ON COLUMN flex_sync_journal.sent_at IS 'when it was sent; for an add, when its intent was written';
COMMENT ON COLUMN flex_sync_journal.outcome IS 'done, refused or unknown; null while there is no answer';
COMMENT ON COLUMN flex_sync_journal.http_status IS 'the HTTP status of the answer; null if none came';
COMMENT ON COLUMN flex_sync_journal.http_requests IS 'requests to Flex that it took, repeats included';
COMMENT ON COLUMN flex_sync_journal.business_role_id IS 'the business role that is set';
COMMENT ON COLUMN flex_sync_journal.url IS 'the url of the server, as in flex_sync_log';
COMMENT ON COLUMN flex_sync_journal.lock_key IS 'the key of the advisory lock of the crew, under which it is settled';
COMMENT ON COLUMN flex_sync_journal.run IS
'what flex_sync_log will say of the run should it be rolled back; null but in its first row';

SELECT pg_catalog.pg_extension_config_dump('flex_sync_journal', '');

ALTER TABLE flex_sync_log ADD COLUMN settled_at timestamptz;

CREATE INDEX flex_sync_log_settled_at_idx ON flex_sync_log (settled_at) WHERE settled_at IS NOT NULL;

COMMENT ON COLUMN flex_sync_log.settled_at IS
'for a run whose transaction was rolled back: when the journal was settled; null for others';

-- What the prune policy leaves. Runs of 1.0 have null in the log.

ALTER TYPE flex_sync_result ADD ATTRIBUTE retained integer;
ALTER TABLE flex_sync_log ADD COLUMN retained integer;

COMMENT ON COLUMN flex_sync_result.retained IS
'contacts that nobody desires and that the prune policy leaves; each has a diagnostic, which is no failure';

COMMENT ON COLUMN flex_sync_result.diagnostics IS
'array of {action, code, message, technician_id, flex_resource_id, flex_line_item_id, http_status}; what is null is left out; at most 100, and then one more_diagnostics that counts the others';

-- What 1.0 left without a comment.

COMMENT ON COLUMN flex_sync_log.run_id IS 'the run; ids grow in the order in which runs begin';
COMMENT ON COLUMN flex_sync_log.status IS 'ok, partial, failed, blocked, deferred or rolled_back';
COMMENT ON COLUMN flex_sync_log.job_id IS 'the job of the crew call; null where it has none';
COMMENT ON COLUMN flex_sync_log.department IS 'the department of the crew call; null where it has none';

-- The other columns of a result mean the same in the log.

DO $$
DECLARE
    name text;
    comment text;
BEGIN
    FOR name, comment IN
        SELECT r.attname, col_description(r.attrelid, r.attnum)
        FROM pg_attribute AS r
        JOIN pg_attribute AS l ON l.attrelid = 'flex_sync_log'::regclass AND l.attname = r.attname
        WHERE r.attrelid = 'flex_sync_result'::regclass AND r.attname NOT IN ('run_id', 'status')
              AND r.attnum > 0 AND NOT r.attisdropped
    LOOP
        EXECUTE format('COMMENT ON COLUMN flex_sync_log.%I IS %L', name, comment);
    END LOOP;
END
$$;

COMMENT ON COLUMN flex_sync_log_operation.run_id IS 'the run, a row of flex_sync_log';
COMMENT ON COLUMN flex_sync_log_operation.technician_id IS
'the technician it is for; null for a contact of nobody who is known';
COMMENT ON COLUMN flex_sync_log_operation.flex_resource_id IS 'the resource of the contact';
COMMENT ON COLUMN flex_sync_log_operation.flex_line_item_id IS 'the line of the contact; null where it is not known';
COMMENT ON COLUMN flex_sync_contact.flex_element_id IS 'the Flex element that holds the line';
COMMENT ON COLUMN flex_sync_repair_log.deleted_at IS 'when the row was deleted';
COMMENT ON COLUMN flex_sync_repair_log.crew_call_id IS 'the crew call of the row';
COMMENT ON COLUMN flex_sync_repair_log.technician_id IS 'the technician of the row';
COMMENT ON COLUMN flex_sync_repair_log.assignment_id IS 'the id of the row';
COMMENT ON COLUMN flex_sync_repair_log.flex_line_item_id IS 'the line that the row named';

-- How it goes.

CREATE FUNCTION flex_sync_crew_counts(
    OUT duplicates bigint,
    OUT duplicates_since timestamptz,
    OUT missing_crew bigint)
RETURNS record
LANGUAGE C STABLE PARALLEL RESTRICTED
AS 'MODULE_PATHNAME', 'flex_sync_crew_counts';

COMMENT ON FUNCTION flex_sync_crew_counts() IS
'counts sets of duplicate rows, and desired technicians with a resource and no row, in the crew relations as the caller may read them; for the views';

CREATE FUNCTION flex_sync_running(
    OUT pid integer,
    OUT crew_call_id uuid,
    OUT state text,
    OUT since timestamptz,
    OUT application_name text)
RETURNS SETOF record
LANGUAGE C VOLATILE PARALLEL RESTRICTED
AS 'MODULE_PATHNAME', 'flex_sync_running';

COMMENT ON FUNCTION flex_sync_running() IS
'lists sessions that sync a crew call or wait to, as far as the caller may know; for the view flex_sync_activity';

CREATE VIEW flex_sync_health AS
SELECT c.duplicates,
       c.missing_crew,
       l.syncs_24h,
       l.failure_rate_24h,
       l.mean_duration_ms_24h,
       l.p95_duration_ms_24h,
       c.duplicates = 0 AS duplicates_on_target,
       c.missing_crew = 0 AS missing_crew_on_target,
       coalesce(l.failure_rate_24h < 0.01, true) AS failure_rate_24h_on_target,
       coalesce(l.mean_duration_ms_24h < 5000, true) AS mean_duration_ms_24h_on_target,
       u.runs AS unsettled_runs
FROM flex_sync_crew_counts() AS c
CROSS JOIN (
    SELECT count(DISTINCT j.run_id) AS runs
    FROM flex_sync_journal AS j
    WHERE NOT EXISTS (
        SELECT FROM pg_locks AS k
        WHERE k.locktype = 'userlock' AND k.objsubid = 996
              AND k.database = (SELECT d.oid FROM pg_database AS d WHERE d.datname = current_database())
              AND k.classid::bigint = j.run_id >> 32 AND k.objid::bigint = j.run_id & 4294967295)
) AS u
CROSS JOIN (
    SELECT count(*) AS syncs_24h,
           (count(*) FILTER (WHERE status IN ('failed', 'partial', 'rolled_back')))::double precision
               / nullif(count(*) FILTER (WHERE status IN ('ok', 'partial', 'failed', 'rolled_back')), 0) AS failure_rate_24h,
           avg(duration_ms) AS mean_duration_ms_24h,
           percentile_cont(0.95) WITHIN GROUP (ORDER BY duration_ms) AS p95_duration_ms_24h
    FROM flex_sync_log
    WHERE started_at > now() - interval '24 hours'
) AS l;

COMMENT ON VIEW flex_sync_health IS 'one row: how syncing goes, and whether it meets its targets';
COMMENT ON COLUMN flex_sync_health.duplicates IS
'technicians who have several rows on one crew call, counted once per call';
COMMENT ON COLUMN flex_sync_health.missing_crew IS
'desired technicians with a resource and without a row, on calls that have an element';
COMMENT ON COLUMN flex_sync_health.syncs_24h IS 'runs that began in the last 24 hours';
COMMENT ON COLUMN flex_sync_health.failure_rate_24h IS
'failed, partial and rolled_back runs as a fraction of these and ok ones; null where there were none';
COMMENT ON COLUMN flex_sync_health.mean_duration_ms_24h IS 'mean duration of a run in milliseconds';
COMMENT ON COLUMN flex_sync_health.p95_duration_ms_24h IS '95th percentile of the durations in milliseconds';
COMMENT ON COLUMN flex_sync_health.duplicates_on_target IS 'the target is 0';
COMMENT ON COLUMN flex_sync_health.missing_crew_on_target IS 'the target is 0';
COMMENT ON COLUMN flex_sync_health.failure_rate_24h_on_target IS 'the target is under 0.01';
COMMENT ON COLUMN flex_sync_health.mean_duration_ms_24h_on_target IS 'the target is under 5000';
COMMENT ON COLUMN flex_sync_health.unsettled_runs IS
'rolled back runs whose entries in flex_sync_journal no sync has settled yet';

CREATE VIEW flex_sync_alerts AS
WITH hour AS (
    SELECT l.status, l.duration_ms, l.started_at, l.diagnostics
    FROM flex_sync_log AS l
    WHERE l.started_at > now() - interval '1 hour'
)
SELECT 'failure_rate'::text AS alert, h.rate AS value, 0.05::double precision AS threshold, h.since,
       'Look at message and diagnostics of the failed runs in flex_sync_log, and at flex_sync_check(true).'::text AS hint
FROM (SELECT (count(*) FILTER (WHERE status IN ('failed', 'partial', 'rolled_back')))::double precision
                 / nullif(count(*) FILTER (WHERE status IN ('ok', 'partial', 'failed', 'rolled_back')), 0) AS rate,
             min(started_at) FILTER (WHERE status IN ('failed', 'partial', 'rolled_back')) AS since
      FROM hour) AS h
WHERE h.rate > 0.05
UNION ALL
SELECT 'slow_sync', h.longest, 10000, h.since,
       'Flex is slow, or the crew is large: look at duration_ms in flex_sync_log_operation, and raise max_parallel if Flex can take it.'
FROM (SELECT max(duration_ms) AS longest, min(started_at) AS since FROM hour WHERE duration_ms > 10000) AS h
WHERE h.longest IS NOT NULL
UNION ALL
SELECT 'duplicate', c.duplicates, 0, c.duplicates_since,
       'Look at flex_sync_duplicates(), clean up with flex_sync_repair(false), and prevent new ones with flex_sync_protect().'
FROM flex_sync_crew_counts() AS c
WHERE c.duplicates > 0
UNION ALL
SELECT 'unique_violation', h.violations, 0, h.since,
       'Something beside flex_sync writes rows of flex_crew_assignments, or a unique constraint of yours refuses them: the message in diagnostics names it.'
FROM (SELECT count(*) AS violations, min(started_at) AS since FROM hour WHERE diagnostics @> '[{"code": "23505"}]') AS h
WHERE h.violations > 0
UNION ALL
SELECT 'rolled_back', h.runs, 0, h.since,
       'A transaction was rolled back, or a session ended, after its sync had changed Flex: look at message in flex_sync_log, and for timeouts that are shorter than the deadline.'
FROM (SELECT count(*) AS runs, min(l.settled_at) AS since
      FROM flex_sync_log AS l
      WHERE l.status = 'rolled_back' AND l.settled_at > now() - interval '1 hour') AS h
WHERE h.runs > 0;

COMMENT ON VIEW flex_sync_alerts IS 'one row for each threshold that is exceeded now';
COMMENT ON COLUMN flex_sync_alerts.alert IS
'failure_rate, slow_sync, duplicate, unique_violation or rolled_back';
COMMENT ON COLUMN flex_sync_alerts.value IS 'what was measured: a fraction, milliseconds or a number';
COMMENT ON COLUMN flex_sync_alerts.threshold IS 'the threshold that the value exceeds';
COMMENT ON COLUMN flex_sync_alerts.since IS 'when it began, as far as the log of the last hour tells';
COMMENT ON COLUMN flex_sync_alerts.hint IS 'what to do';

CREATE VIEW flex_sync_activity AS
SELECT r.pid, r.crew_call_id, r.state, r.since, r.application_name FROM flex_sync_running() AS r;

COMMENT ON VIEW flex_sync_activity IS 'syncs that run or wait now';
COMMENT ON COLUMN flex_sync_activity.pid IS 'the process id of the session, as in pg_stat_activity';
COMMENT ON COLUMN flex_sync_activity.crew_call_id IS 'the crew call that it syncs or waits for';
COMMENT ON COLUMN flex_sync_activity.state IS 'running, or waiting (for another sync of the crew)';
COMMENT ON COLUMN flex_sync_activity.since IS 'when its statement, or its wait, began';
COMMENT ON COLUMN flex_sync_activity.application_name IS 'application_name of the session';

CREATE FUNCTION flex_sync_dashboard()
RETURNS text
LANGUAGE C VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'flex_sync_dashboard';

COMMENT ON FUNCTION flex_sync_dashboard() IS
'returns one self-contained HTML page: success metrics, charts of syncs and durations, requests spent, open alerts, the busiest crews and recent runs';

-- As in 1.0: open to nobody but the owner, but for the helpers of views, which check for themselves.

DO $$
DECLARE
    kind text;
    object text;
    grantee text;
BEGIN
    FOR kind, object, grantee IN
        SELECT o.kind, o.object, CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE a.grantee::regrole::text END
        FROM (SELECT 'ROUTINE', p.oid::regprocedure::text, p.proowner,
                     coalesce(p.proacl, acldefault('f', p.proowner)), p.oid, 'pg_proc'::regclass
              FROM pg_proc AS p
              WHERE p.proname IN ('flex_sync_job', 'flex_sync_all', 'flex_sync_purge', 'flex_sync_dashboard')
              UNION ALL
              SELECT 'TABLE', c.oid::regclass::text, c.relowner, c.relacl, c.oid, 'pg_class'::regclass
              FROM pg_class AS c
              WHERE c.relname IN ('flex_sync_health', 'flex_sync_alerts', 'flex_sync_activity', 'flex_sync_requests',
                                'flex_sync_journal')
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
