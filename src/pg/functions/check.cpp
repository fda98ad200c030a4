// SELECT * FROM flex_sync_check(): the doctor.

#include "flex/versions.hpp"
#include "pg/crew/crew_session.hpp"
#include "pg/crew/request_budget.hpp"
#include "pg/crew/run_journal.hpp"
#include "pg/functions/doctor.hpp"
#include "pg/server/encoding.hpp"
#include "pg/server/result_tuple.hpp"
#include "pg/server/settings.hpp"

#include <algorithm>

#include "pg/server/wall.hpp"

namespace pg {

namespace {

constexpr Identity reader{Identity::Kind::Reader};

/// One call of flex_sync_check.
class Doctor {
public:
    explicit Doctor(FunctionCallInfo fcinfo) : own_(find_own_tables(fcinfo)) {}

    std::vector<Finding> run(bool probe)
    {
        check_versions();
        check_database();
        const std::string server = server_setting();
        ServerOptions options;
        const bool has_server = findings_.look("server", [&] { options = find_server_options(); });
        bool has_token = false;
        if (has_server) {
            findings_.ok("server", "Server \"" + server + "\" is at " + options.url + ".");
            has_token = check_mapping();
            check_journal(options);
            examine_crew(findings_, statements_, own_, server, options);
        }
        check_server_choice();
        check_public_access();
        if (has_token && probe && is_utf8())
            findings_.look("flex", [&] { ask_flex(); });
        statements_.finish();
        return findings_.all();
    }

private:
    void check_versions();
    void check_database();
    bool check_mapping();
    void check_journal(const ServerOptions &options);
    void check_server_choice();
    void check_public_access();
    void ask_flex();

    OwnTables own_;
    Statements statements_;
    Findings findings_;
    Connection connection_;
};

void Doctor::check_versions()
{
    Rows rows =
        statements_.run("SELECT e.extversion FROM pg_extension AS e WHERE e.extname = 'flex_sync'", {}, own_.identity);
    const std::string extension(rows.empty() ? "" : rows.at(0, 0).value_or(""));
    const std::string server = setting("server_version");
    if (extension == FLEX_SYNC_VERSION)
        findings_.ok("extension", "flex_sync " + extension + ", PostgreSQL " + server + ".");
    else
        findings_.warn("extension",
                       "The SQL objects are of version " + extension +
                           ", the library of version " FLEX_SYNC_VERSION "; PostgreSQL " + server + ".",
                       "Run ALTER EXTENSION flex_sync UPDATE.");
    const flex::LibraryVersions versions = flex::library_versions();
    if (versions.curl_is_sufficient)
        findings_.ok("libraries", versions.text);
    else
        findings_.error("libraries", versions.text,
                        "Install libcurl 7.87 or later, with TLS: with older versions, a name server that does not "
                        "answer delays a cancel.");
}

void Doctor::check_database()
{
    findings_.look("encoding", [&] {
        check_encoding();
        findings_.ok("encoding", "The database's encoding is UTF8, as Flex's.");
    });
}

bool Doctor::check_mapping()
{
    return findings_.look("user_mapping", [&] {
        connection_ = find_connection();
        read_vault(statements_, connection_);
        findings_.ok("user_mapping", connection_.vault_secret.empty()
                                         ? "The caller has a user mapping with a token."
                                         : "The caller has a user mapping, and its secret in Supabase Vault a token.");
    });
}

/// Whether a sync would find a background worker for its journal, and what is left of runs that were rolled back.
void Doctor::check_journal(const ServerOptions &options)
{
    // What is none of these takes one of max_worker_processes.
    static constexpr std::string_view read_journal = R"(
        SELECT (current_setting('max_worker_processes')::integer
                - (SELECT count(*) FROM pg_stat_activity AS a
                   WHERE a.backend_type <> ALL (ARRAY['client backend', 'autovacuum launcher', 'autovacuum worker',
                                                      'background writer', 'checkpointer', 'walwriter', 'walsender',
                                                      'walreceiver', 'walsummarizer', 'startup', 'archiver', 'logger',
                                                      'slotsync worker', 'io worker', 'standalone backend'])))::text,
               current_setting('max_worker_processes'),
               (SELECT count(DISTINCT j.run_id) FROM {journal} AS j WHERE NOT {j.is_under_way})::text)";
    if (!own_.has_accounts)
        return;
    findings_.look("journal", [&] {
        const Rows rows = statements_.run(filled(read_journal, {{"{journal}", own_.table("flex_sync_journal")},
                                                                {"{j.is_under_way}", journal_is_under_way_sql}}),
                                          {}, own_.identity);
        const std::string of_all(" of " + std::string(*rows.at(0, 1)) + " background workers (max_worker_processes)");
        const std::int64_t free = std::max<std::int64_t>(0, rows.number<std::int64_t>(0, 0).value());
        const std::int64_t unsettled = rows.number<std::int64_t>(0, 2).value();
        if (options.journal == JournalMode::Off)
            findings_.ok("journal", "The option \"journal\" is off: what a sync does in Flex is remembered only if its "
                                    "transaction commits.");
        else if (free == 0)
            findings_.warn("journal",
                           "None" + of_all + " is free, and a sync that changes Flex takes one for its journal.",
                           "Raise max_worker_processes, and restart the server.");
        else
            findings_.ok("journal",
                         std::to_string(free) + of_all + (free == 1 ? " is" : " are") + " free for the journal.");
        if (unsettled > 0)
            findings_.warn("unsettled_runs",
                           "What runs that were rolled back sent to Flex is not settled yet; runs: " +
                               std::to_string(unsettled) + ".",
                           "The next sync of their crews settles them; so do CALL flex_sync_all() and SELECT "
                           "flex_sync_purge().");
    });
}

/// Who may choose the server, and with it where a token goes, and for whom one is set.
void Doctor::check_server_choice()
{
    static constexpr const char *read_choice = R"(
        SELECT g.roles, (g.is_public)::text, s.roles
        FROM (SELECT string_agg(DISTINCT coalesce(r.rolname, 'PUBLIC'), ', '), bool_or(a.grantee = 0)
              FROM pg_parameter_acl AS p
              CROSS JOIN LATERAL aclexplode(p.paracl) AS a
              LEFT JOIN pg_roles AS r ON r.oid = a.grantee
              WHERE p.parname = 'flex_sync.server' AND r.rolsuper IS NOT TRUE) AS g (roles, is_public)
        CROSS JOIN (
            SELECT string_agg(n.role, ', ' ORDER BY n.role)
            FROM pg_db_role_setting AS s
            LEFT JOIN pg_roles AS r ON r.oid = s.setrole
            LEFT JOIN pg_database AS d ON d.oid = s.setdatabase
            CROSS JOIN LATERAL (SELECT concat_ws(' in ', coalesce('role ' || r.rolname, 'every role'),
                                                 'database ' || d.datname)) AS n (role)
            WHERE EXISTS (SELECT FROM unnest(s.setconfig) AS c WHERE c ILIKE 'flex_sync.server=%')) AS s (roles))";
    findings_.look("server_choice", [&] {
        const Rows rows = statements_.run(read_choice, {}, own_.identity);
        const std::string who(rows.at(0, 0).value_or(""));
        const bool is_public = rows.at(0, 1) == "true";
        const std::string set_for(rows.at(0, 2).value_or(""));
        const std::string set = set_for.empty() ? "" : " It is set for " + set_for + ".";
        if (who.empty())
            return findings_.ok("server_choice", "Only superusers may set \"flex_sync.server\"." + set);
        const std::string detail = "Beside superusers, " + who + " may set \"flex_sync.server\"." + set;
        const std::string hint = "Who sets it chooses to which server the owner of a SECURITY DEFINER function syncs: "
                                 "REVOKE SET ON PARAMETER flex_sync.server FROM the roles that call such functions.";
        if (is_public)
            findings_.error("server_choice", detail, hint);
        else
            findings_.warn("server_choice", detail, hint);
    });
}

/// What everybody may do who gets as far as the database: PUBLIC, and Supabase's role for requests without a login.
void Doctor::check_public_access()
{
    static constexpr const char *read_open = R"(
        SELECT string_agg(o.object || ' to ' || o.grantee, ', ' ORDER BY o.object, o.grantee),
               string_agg('REVOKE ALL ON ' || o.kind || ' ' || o.object || ' FROM ' || o.grantee, '; '
                          ORDER BY o.object, o.grantee)
        FROM (SELECT DISTINCT o.kind, o.object,
                     CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE a.grantee::regrole::text END AS grantee
              FROM (SELECT CASE p.prokind WHEN 'p' THEN 'PROCEDURE' ELSE 'FUNCTION' END, p.oid::regprocedure::text,
                           coalesce(p.proacl, acldefault('f', p.proowner)), p.oid, 'pg_proc'::regclass
                    FROM pg_proc AS p
                    WHERE p.proname NOT IN ('flex_sync_lock_key', 'flex_sync_validator', 'flex_sync_crew_counts',
                                            'flex_sync_running')
                    UNION ALL
                    SELECT CASE c.relkind WHEN 'S' THEN 'SEQUENCE' ELSE 'TABLE' END, c.oid::regclass::text, c.relacl,
                           c.oid, 'pg_class'::regclass
                    FROM pg_class AS c WHERE c.relkind IN ('r', 'v', 'S')
                    UNION ALL
                    SELECT 'TABLE', c.oid::regclass::text, t.attacl, c.oid, 'pg_class'::regclass
                    FROM pg_class AS c JOIN pg_attribute AS t ON t.attrelid = c.oid WHERE t.attacl IS NOT NULL
                   ) AS o (kind, object, acl, oid, class)
              JOIN pg_depend AS d ON d.classid = o.class AND d.objid = o.oid AND d.deptype = 'e'
              JOIN pg_extension AS e ON e.oid = d.refobjid AND e.extname = 'flex_sync'
              CROSS JOIN LATERAL aclexplode(o.acl) AS a
              LEFT JOIN pg_roles AS r ON r.oid = a.grantee
              WHERE a.grantee = 0 OR r.rolname = 'anon') AS o)";
    findings_.look("public_access", [&] {
        const Rows rows = statements_.run(read_open, {}, own_.identity);
        const std::string open(rows.at(0, 0).value_or(""));
        const std::string revoke(rows.at(0, 1).value_or(""));
        if (open.empty())
            findings_.ok("public_access", "PUBLIC and anon have no privileges that they should not have.");
        else
            findings_.error("public_access", "Open to everybody: " + open + ".", revoke + ".");
    });
}

/// One request, whatever comes of it.
void Doctor::ask_flex()
{
    const std::string read_element = "SELECT c.flex_element_id::pg_catalog.text FROM " +
                                     quoted_identifier(connection_.options.crew_schema) +
                                     R"(.flex_crew_calls AS c
        WHERE c.flex_element_id::pg_catalog.text OPERATOR(pg_catalog.<>) '' ORDER BY c.id LIMIT 1)";
    const Rows rows = statements_.run(read_element, {}, reader);
    const std::string element(rows.empty() ? "" : rows.at(0, 0).value_or(""));
    if (element.empty())
        return findings_.warn("flex", "No crew call has an element to ask for.",
                              "Create one in Flex and store its id in flex_crew_calls.");
    LatchWaiter waiter;
    flex::HttpOptions once = connection_.options.http;
    once.retries = 0;
    flex::Client client(connection_.options.url, once, waiter);
    const core::ElementId id(element);
    const core::Answer answer =
        client.list({&id, 1}, std::chrono::steady_clock::now() + connection_.options.deadline, {}).front().answer;
    ServerBudget(statements_, own_, connection_).note(client.requests_sent());
    const std::string time = std::to_string(static_cast<long>(answer.duration.count())) + " ms";
    if (answer.outcome == core::Outcome::Done)
        findings_.ok("flex", "Flex takes the token and listed element \"" + element + "\" in " + time + ".");
    else if (answer.code == "not_found")
        findings_.warn("flex", "Flex answered in " + time + ", and has no element \"" + element + "\".",
                       listing_hint(connection_.server, answer));
    else
        findings_.error("flex", answer.message + " It took " + time + ".", listing_hint(connection_.server, answer));
}

Datum sync_check(FunctionCallInfo fcinfo)
{
    const bool probe = !PG_ARGISNULL(0) && PG_GETARG_BOOL(0);
    ResultSet rows(fcinfo);
    for (const Finding &finding : Doctor(fcinfo).run(probe))
        rows.add({{"check_name", finding.name},
                  {"status", finding.status},
                  {"detail", storable(finding.detail)},
                  {"hint", finding.hint.empty() ? std::nullopt : std::optional(storable(finding.hint))}});
    return 0;
}

} // namespace

} // namespace pg

FLEX_SYNC_FUNCTION(flex_sync_check, pg::sync_check)
