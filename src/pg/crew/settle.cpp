// Settling the journal: what runs that were rolled back have left in Flex becomes known.

#include "pg/crew/run_journal.hpp"
#include "pg/server/lock.hpp"
#include "pg/server/subtransaction.hpp"

#include "pg/server/wall.hpp"

namespace pg {

namespace {

// One statement, so that it is done as a whole or not at all. A run that the log has already was not rolled back; its
// entries came late. Entries may come late for a run that is settled, too: then its row is added to.
constexpr std::string_view settle_sql = R"(
    WITH entries AS (
        DELETE FROM {journal} AS j WHERE j.lock_key = $1::bigint AND j.run_id <> $2::bigint
        RETURNING j.*, {canonical line} AS line, {canonical resource} AS resource,
                  j.outcome IS NULL OR j.outcome = 'unknown' AS is_unknown
    ), rolled_back AS (
        SELECT e.* FROM entries AS e
        WHERE NOT EXISTS (SELECT FROM {log} AS l WHERE l.run_id = e.run_id AND l.status <> 'rolled_back')
    ), runs AS (
        SELECT e.run_id, min(e.crew_call_id::text)::uuid AS crew_call_id, min(e.flex_element_id) AS flex_element_id,
               min(e.server) AS server, min(e.url) AS url, min(e.sent_at) AS first_sent_at, max(e.sent_at) AS last_sent_at,
               sum(e.http_requests)::integer AS http_requests,
               bool_or(e.action <> 'list') AS has_changed,
               (count(*) FILTER (WHERE e.action = 'add' AND e.outcome = 'done'))::integer AS added,
               (count(*) FILTER (WHERE e.action = 'remove' AND e.outcome = 'done'))::integer AS removed,
               (count(*) FILTER (WHERE e.action = 'prune' AND e.outcome = 'done'))::integer AS pruned,
               (count(*) FILTER (WHERE e.action = 'set_role' AND e.outcome = 'done'))::integer AS roles_set,
               (count(*) FILTER (WHERE e.action <> 'list' AND e.is_unknown))::integer AS unknown,
               (array_agg(e.run) FILTER (WHERE e.run IS NOT NULL))[1] AS run
        FROM rolled_back AS e
        GROUP BY e.run_id
    ), told AS (
        SELECT r.*,
               coalesce('2000-01-01 00:00:00+00'::timestamptz
                        + (r.run ->> 'started_at')::bigint * '1 microsecond'::interval, r.first_sent_at) AS started_at,
               format('The transaction of the run was rolled back, or its session ended, after it had changed Flex: '
                      '%s added, %s removed, %s pruned, %s roles set, %s without an answer. Later syncs know of it.',
                      r.added, r.removed, r.pruned, r.roles_set, r.unknown) AS message
        FROM runs AS r
    ), logged AS (
        INSERT INTO {log} AS l (run_id, crew_call_id, status, desired, kept, adopted, added, removed, stale, pruned,
                                roles_set, skipped, failed, passes, http_requests, duration_ms, message, diagnostics,
                                job_id, department, flex_element_id, server, prune, max_removals, started_at,
                                triggered_by, application_name, url, retained, settled_at)
        SELECT r.run_id, r.crew_call_id, 'rolled_back', 0, 0, 0, r.added, r.removed, 0, r.pruned,
               r.roles_set, 0, 1, 1, r.http_requests,
               greatest(0, extract(epoch FROM r.last_sent_at - r.started_at) * 1000), r.message,
               jsonb_build_array(jsonb_build_object('action', 'sync', 'code', 'rolled_back', 'message', r.message)),
               (r.run ->> 'job_id')::uuid, r.run ->> 'department', r.flex_element_id, r.server,
               coalesce(r.run ->> 'prune', 'all'), coalesce((r.run ->> 'max_removals')::integer, 0), r.started_at,
               coalesce(r.run ->> 'triggered_by', ''), coalesce(r.run ->> 'application_name', ''), r.url, 0,
               clock_timestamp()
        FROM told AS r
        WHERE r.has_changed
        ON CONFLICT (run_id) DO UPDATE
        SET added = l.added + excluded.added, removed = l.removed + excluded.removed, pruned = l.pruned + excluded.pruned,
            roles_set = l.roles_set + excluded.roles_set, http_requests = l.http_requests + excluded.http_requests
    ), operations AS (
        INSERT INTO {operations} AS o (run_id, ordinal, action, technician_id, flex_resource_id, flex_line_item_id,
                                       http_status, outcome, duration_ms)
        SELECT e.run_id, e.ordinal, e.action, e.technician_id, e.flex_resource_id, e.flex_line_item_id, e.http_status,
               coalesce(e.outcome, 'unknown'), 0
        FROM rolled_back AS e
        WHERE e.action <> 'list' AND (e.http_requests > 0 OR e.is_unknown)
        ON CONFLICT (run_id, ordinal) DO UPDATE
        SET flex_line_item_id = excluded.flex_line_item_id, http_status = excluded.http_status,
            outcome = excluded.outcome
    ), listings AS (
        INSERT INTO {requests} (url, server, at, requests)
        SELECT r.url, r.server, r.last_sent_at, r.http_requests FROM told AS r WHERE NOT r.has_changed
    ), of_element AS (
        SELECT e.*, {canonical element} AS element FROM rolled_back AS e
    ), gone AS (
        DELETE FROM {contact} AS k USING of_element AS e
        WHERE e.action IN ('remove', 'prune') AND e.outcome = 'done'
              AND k.flex_element_id = e.element AND k.flex_line_item_id = e.line
    ), roles AS (
        UPDATE {contact} AS k SET business_role_id = e.business_role_id
        FROM (SELECT DISTINCT ON (s.element, s.line) s.* FROM of_element AS s
              WHERE s.action = 'set_role' AND s.outcome = 'done'
              ORDER BY s.element, s.line, s.run_id DESC, s.ordinal DESC) AS e
        WHERE k.flex_element_id = e.element AND k.flex_line_item_id = e.line
    ), added AS (
        INSERT INTO {contact} (server, flex_element_id, flex_line_item_id, flex_resource_id, business_role_id, tries,
                               noted_at)
        SELECT e.server, e.element, e.line, e.resource,
               (SELECT s.business_role_id FROM of_element AS s
                WHERE s.action = 'set_role' AND s.outcome = 'done' AND s.line = e.line
                ORDER BY s.run_id DESC, s.ordinal DESC LIMIT 1),
               1 + coalesce((SELECT max(k.tries) FROM {contact} AS k
                             WHERE k.flex_element_id = e.element AND k.flex_resource_id = e.resource
                                   AND k.flex_line_item_id IS NOT NULL AND NOT k.was_shown), 0),
               e.sent_at
        FROM of_element AS e
        WHERE e.action = 'add' AND e.outcome = 'done' AND e.line IS NOT NULL
              AND NOT EXISTS (SELECT FROM of_element AS d
                              WHERE d.action IN ('remove', 'prune') AND d.outcome = 'done' AND d.line = e.line)
        ON CONFLICT DO NOTHING
    ), lost AS (
        INSERT INTO {contact} AS k (server, flex_element_id, flex_resource_id, tries, noted_at)
        SELECT DISTINCT ON (e.element, e.resource) e.server, e.element, e.resource, 2, e.sent_at
        FROM of_element AS e
        WHERE e.action = 'add' AND e.is_unknown
              AND NOT EXISTS (SELECT FROM of_element AS d
                              WHERE d.action = 'add' AND d.outcome = 'done' AND d.resource = e.resource
                                    AND d.run_id = e.run_id AND d.ordinal > e.ordinal)
        ORDER BY e.element, e.resource, e.sent_at DESC
        ON CONFLICT (flex_element_id, flex_resource_id) WHERE flex_line_item_id IS NULL DO UPDATE
        SET tries = greatest(k.tries, 1) + 1, noted_at = greatest(k.noted_at, excluded.noted_at)
    )
    SELECT NULL::text)";

/// As core::canonical_id has it.
std::string canonical(std::string_view column)
{
    return filled(R"(CASE WHEN {id} ~* '^[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}$' THEN lower({id}) ELSE {id} END)",
                  {{"{id}", column}});
}

std::string of_tables(std::string_view sql, const OwnTables &own)
{
    return filled(sql, {{"{journal}", own.table("flex_sync_journal")},
                        {"{log}", own.table("flex_sync_log")},
                        {"{operations}", own.table("flex_sync_log_operation")},
                        {"{requests}", own.table("flex_sync_requests")},
                        {"{contact}", own.table("flex_sync_contact")},
                        {"{canonical line}", canonical("j.flex_line_item_id")},
                        {"{canonical resource}", canonical("j.flex_resource_id")},
                        {"{canonical element}", canonical("e.flex_element_id")}});
}

} // namespace

void clear_journal(Statements &statements, const OwnTables &own, std::int64_t run_id)
{
    constexpr std::chrono::milliseconds patience(300); // half of it is for a lock
    statements.wait_for_locks_until(std::chrono::steady_clock::now() + patience);
    in_subtransaction([&] {
        statements.run("DELETE FROM " + own.table("flex_sync_journal") + " AS j WHERE j.run_id = $1::bigint",
                       {std::to_string(run_id)}, own.identity);
    });
}

void settle(Statements &statements, const OwnTables &own, std::int64_t lock_key, std::int64_t run_id)
{
    if (!own.has_accounts)
        return;
    const std::string key = std::to_string(lock_key);
    const std::string run = std::to_string(run_id);
    // Nearly always there is nothing, and this costs much less.
    const Rows entries = statements.run("SELECT 1::text FROM " + own.table("flex_sync_journal") +
                                            " AS j WHERE j.lock_key = $1::bigint AND j.run_id <> $2::bigint LIMIT 1",
                                        {key, run}, own.identity);
    if (!entries.empty())
        statements.run(of_tables(settle_sql, own), {key, run}, own.identity);
}

void settle_all(Statements &statements, const OwnTables &own)
{
    if (!own.has_accounts)
        return;
    if (RunningSync::is_any())
        return; // its own lock would not keep us out
    const Rows keys = statements.run(
        "SELECT DISTINCT j.lock_key::text FROM " + own.table("flex_sync_journal") + " AS j", {}, own.identity);
    // What keeps one crew from being settled is told by its own sync.
    for (std::size_t row = 0; row < keys.size(); ++row)
        in_subtransaction([&, key = keys.number<std::int64_t>(row, 0).value()] {
            if (take_lock(key, true))
                settle(statements, own, key, 0);
        });
}

} // namespace pg
