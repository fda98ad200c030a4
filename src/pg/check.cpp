// SELECT * FROM flex_sync_check(): the doctor.

#include "flex/versions.hpp"
#include "pg/crew_session.hpp"
#include "pg/doctor.hpp"
#include "pg/protect.hpp"
#include "pg/result_tuple.hpp"
#include "pg/settings.hpp"

#include <charconv>

#include "pg/wall.hpp"

namespace pg {

namespace {

constexpr Identity reader{Identity::Kind::Reader};
constexpr Identity caller{Identity::Kind::Caller};

/// One call of flex_sync_check.
class Doctor {
public:
    explicit Doctor(FunctionCallInfo fcinfo) : own_(find_own_tables(fcinfo)) {}

    std::vector<Finding> run(bool probe)
    {
        check_versions();
        const bool has_connection = findings_.look("server", [&] {
            connection_ = find_connection();
            read_vault(statements_, connection_);
        });
        if (has_connection) {
            findings_.ok("server", "Server \"" + connection_.server + "\" is at " + connection_.options.url +
                                       ", and the caller has a user mapping for it.");
            check_crew();
        }
        check_public_access();
        if (has_connection && probe)
            findings_.look("flex", [&] { ask_flex(); });
        statements_.finish();
        return findings_.all();
    }

private:
    void check_versions();
    void check_crew();
    void check_unique_index();
    void check_rows();
    void check_desired();
    void check_caller_dependence();
    void check_public_access();
    void check_requests();
    void ask_flex();

    /// The first column of the first row.
    std::string value_of(const std::string &sql, std::initializer_list<Parameter> parameters, const Identity &identity)
    {
        Rows rows = statements_.run(sql, parameters, identity);
        std::string value(rows.empty() ? "" : rows.at(0, 0).value_or(""));
        rows.release();
        return value;
    }

    /// A finding about a number of things that should be none.
    void report_count(const char *name, const std::string &sql, const std::string &what, const std::string &hint)
    {
        findings_.look(name, [&] {
            const std::string count = value_of(sql, {}, reader);
            if (count == "0")
                findings_.ok(name, "Found none: " + what + ".");
            else
                findings_.warn(name, "Found " + count + ": " + what + ".", hint);
        });
    }

    OwnTables own_;
    Statements statements_;
    Findings findings_;
    Connection connection_;
    CrewRelations relations_;
};

void Doctor::check_versions()
{
    const std::string extension =
        value_of("SELECT e.extversion FROM pg_extension AS e WHERE e.extname = 'flex_sync'", {}, own_.identity);
    if (extension == FLEX_SYNC_VERSION)
        findings_.ok("extension", "Version " + extension + ", on PostgreSQL " + setting("server_version") + ".");
    else
        findings_.warn("extension",
                       "The SQL objects are of version " + extension +
                           ", the library of version " FLEX_SYNC_VERSION ".",
                       "Run ALTER EXTENSION flex_sync UPDATE.");
    const flex::LibraryVersions versions = flex::library_versions();
    if (versions.curl_is_sufficient)
        findings_.ok("libraries", versions.text);
    else
        findings_.error("libraries", versions.text,
                        "Install libcurl 7.87 or later: before it, a resolver that hangs holds up a cancel.");
}

void Doctor::check_crew()
{
    const std::string &schema = connection_.options.crew_schema;
    if (!findings_.look("crew_relations", [&] { relations_ = check_relations(schema, Access::Read); }))
        return;
    findings_.ok("crew_relations",
                 "The relations in schema \"" + schema + "\" have all columns, and the caller may read them.");
    findings_.look("crew_privileges", [&] {
        check_write_privileges(schema);
        findings_.ok("crew_privileges", "The caller may write flex_crew_assignments.");
    });
    check_unique_index();
    check_rows();
    check_desired();
    check_caller_dependence();
    findings_.look("requests", [&] { check_requests(); });
}

void Doctor::check_unique_index()
{
    findings_.look("unique_index", [&] {
        const Assignments assignments = check_assignments(connection_.options.crew_schema);
        if (const std::optional<std::string> index = find_unique_index(assignments.oid))
            findings_.ok("unique_index",
                         "Index \"" + *index + "\" keeps a technician from having two rows on one call.");
        else
            findings_.error(
                "unique_index",
                "flex_crew_assignments has no unique index on (crew_call_id, technician_id) that ON CONFLICT can use.",
                "Call flex_sync_protect(), which adds one.");
    });
}

void Doctor::check_rows()
{
    const std::string assignments = relations_.assignments();
    report_count("duplicates",
                 R"(
        SELECT pg_catalog.count(*)::pg_catalog.text
        FROM (SELECT FROM )" +
                     assignments + R"( AS a
              WHERE a.crew_call_id IS NOT NULL AND a.technician_id IS NOT NULL
              GROUP BY a.crew_call_id, a.technician_id
              HAVING pg_catalog.count(*) OPERATOR(pg_catalog.>) 1) AS d)",
                 "technicians with several rows on one crew call",
                 "Look at them with SELECT * FROM flex_sync_duplicates(), and clean them up with SELECT * FROM "
                 "flex_sync_repair(false).");
    report_count("orphan_rows",
                 R"(
        SELECT pg_catalog.count(*)::pg_catalog.text FROM )" +
                     assignments + R"( AS a
        WHERE NOT EXISTS (SELECT FROM )" +
                     relations_.calls() + R"( AS c
                          WHERE c.id OPERATOR(pg_catalog.=) a.crew_call_id))",
                 "rows of crew calls that are gone",
                 "Delete them; a foreign key to flex_crew_calls keeps new ones away.");
}

void Doctor::check_desired()
{
    const std::string desired = relations_.desired();
    report_count("desired_without_resource",
                 R"(
        SELECT pg_catalog.count(*)::pg_catalog.text FROM )" +
                     desired + R"( AS d
        WHERE d.flex_resource_id IS NULL OR d.flex_resource_id::pg_catalog.text OPERATOR(pg_catalog.=) '')",
                 "desired technicians without a Flex resource",
                 "Enter their flex_resource_id; until then a sync skips them.");
    report_count("shared_resources", R"(
        SELECT pg_catalog.count(*)::pg_catalog.text
        FROM (SELECT FROM )" + desired + R"( AS d
              WHERE d.flex_resource_id IS NOT NULL
              GROUP BY d.crew_call_id, pg_catalog.lower(d.flex_resource_id::pg_catalog.text)
              HAVING pg_catalog.count(DISTINCT d.technician_id) OPERATOR(pg_catalog.>) 1) AS s)",
                 "resources of a crew call that several technicians share",
                 "Give each technician a flex_resource_id of their own; those who share one share one contact.");
    report_count("resource_white_space",
                 R"(
        SELECT pg_catalog.count(*)::pg_catalog.text FROM )" +
                     desired + R"( AS d
        WHERE d.flex_resource_id::pg_catalog.text OPERATOR(pg_catalog.~) '^[[:space:]]|[[:space:]]$|[[:cntrl:]]')",
                 "desired technicians whose flex_resource_id has white space at its ends or a control character",
                 "Correct the flex_resource_id; until then a sync skips them.");
}

/// A view that depends on who asks gives each caller another crew, and the smaller one would be taken for the whole.
void Doctor::check_caller_dependence()
{
    const std::string read_dependence = R"(
        WITH RECURSIVE views (oid) AS (
            SELECT $1::regclass::oid
            UNION
            SELECT d.refobjid
            FROM views AS v
            JOIN pg_rewrite AS r ON r.ev_class = v.oid
            JOIN pg_depend AS d ON d.classid = 'pg_rewrite'::regclass AND d.objid = r.oid
                               AND d.refclassid = 'pg_class'::regclass
            JOIN pg_class AS c ON c.oid = d.refobjid AND c.relkind = 'v'
        )
        SELECT string_agg(DISTINCT c.oid::regclass::text, ', ' ORDER BY c.oid::regclass::text)
        FROM views AS v
        JOIN pg_class AS c ON c.oid = v.oid AND c.relkind = 'v'
        WHERE pg_get_viewdef(c.oid) ~* '\m(auth\.\w+ *\(|current_user|session_user|current_role|user\M *[^_(]|current_setting *\()'
           OR 'security_invoker=true' = ANY (c.reloptions) OR 'security_invoker=on' = ANY (c.reloptions))";
    findings_.look("caller_dependence", [&] {
        const std::string views = value_of(read_dependence, {relations_.desired()}, own_.identity);
        if (views.empty())
            findings_.ok("caller_dependence", "The desired crew is the same for whoever asks.");
        else
            findings_.warn(
                "caller_dependence", "The desired crew may depend on who asks, through " + views + ".",
                "Sync through a SECURITY DEFINER function whose owner sees the whole crew, or take the condition "
                "out of the view.");
    });
}

void Doctor::check_public_access()
{
    const std::string read_open = R"(
        SELECT string_agg(o.object || ' to ' || CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE a.grantee::regrole::text END,
                          ', ' ORDER BY o.object)
        FROM (SELECT p.oid::regprocedure::text, coalesce(p.proacl, acldefault('f', p.proowner)), p.oid,
                     'pg_proc'::regclass
              FROM pg_proc AS p
              WHERE p.proname NOT IN ('flex_sync_lock_key', 'flex_sync_validator', 'flex_sync_crew_counts',
                                  'flex_sync_running')
              UNION ALL
              SELECT c.oid::regclass::text, c.relacl, c.oid, 'pg_class'::regclass
              FROM pg_class AS c WHERE c.relkind IN ('r', 'v')
             ) AS o (object, acl, oid, class)
        JOIN pg_depend AS d ON d.classid = o.class AND d.objid = o.oid AND d.deptype = 'e'
        JOIN pg_extension AS e ON e.oid = d.refobjid AND e.extname = 'flex_sync'
        CROSS JOIN LATERAL aclexplode(o.acl) AS a
        LEFT JOIN pg_roles AS r ON r.oid = a.grantee
        WHERE a.grantee = 0 OR r.rolname = 'anon')";
    findings_.look("public_access", [&] {
        const std::string open = value_of(read_open, {}, own_.identity);
        if (open.empty())
            findings_.ok("public_access", "Nothing of the extension is open to PUBLIC or anon.");
        else
            findings_.error("public_access", "Open to everybody: " + open + ".",
                            "REVOKE ALL on these, and grant them to the roles that need them.");
    });
}

/// What a run over the due crew calls spends at the least: a listing for each element.
void Doctor::check_requests()
{
    const std::string count_elements = R"(
        SELECT pg_catalog.count(DISTINCT pg_catalog.lower(c.flex_element_id::pg_catalog.text))::pg_catalog.text
        FROM )" + relations_.schema + R"(.flex_due_crew_calls AS d
        JOIN )" + relations_.calls() + R"( AS c ON c.id OPERATOR(pg_catalog.=) d.crew_call_id
        WHERE c.flex_element_id IS NOT NULL)";
    findings_.ok("requests", "A run over flex_due_crew_calls spends " + value_of(count_elements, {}, reader) +
                                 " requests where nothing has changed: one for each element.");
}

void Doctor::ask_flex()
{
    const std::string read_element = R"(
        SELECT c.flex_element_id::pg_catalog.text FROM )" +
                                     relations_.calls() + R"( AS c
        WHERE c.flex_element_id IS NOT NULL ORDER BY c.id LIMIT 1)";
    const std::string element = value_of(read_element, {}, reader);
    if (element.empty())
        return findings_.warn("flex", "No crew call has an element to ask for.",
                              "Create one in Flex and store its id in flex_crew_calls.");
    LatchWaiter waiter;
    flex::Client client(connection_.options.url, connection_.options.http, waiter);
    const core::ElementId id(element);
    const core::Answer answer =
        client.list({&id, 1}, std::chrono::steady_clock::now() + connection_.options.deadline).front().answer;
    const std::string time = std::to_string(static_cast<long>(answer.duration.count())) + " ms";
    if (answer.outcome == core::Outcome::Done)
        findings_.ok("flex", "Flex takes the token and listed element " + element + " in " + time + ".");
    else
        findings_.error("flex", answer.message, listing_hint(connection_.server, answer));
}

Datum sync_check(FunctionCallInfo fcinfo)
{
    const bool probe = !PG_ARGISNULL(0) && PG_GETARG_BOOL(0);
    ResultSet rows(fcinfo);
    for (const Finding &finding : Doctor(fcinfo).run(probe))
        rows.add({{"check_name", finding.name},
                  {"status", finding.status},
                  {"detail", finding.detail},
                  {"hint", finding.hint.empty() ? std::nullopt : std::optional(finding.hint)}});
    return 0;
}

} // namespace

} // namespace pg

FLEX_SYNC_FUNCTION(flex_sync_check, pg::sync_check)
