// The doctor's look at the crew relations.

#include "pg/functions/doctor.hpp"

#include "core/resource_text.hpp"
#include "pg/crew/relations.hpp"
#include "pg/crew/unique_index.hpp"

#include "pg/server/wall.hpp"

namespace pg {

namespace {

constexpr Identity reader{Identity::Kind::Reader};

/// Things of which there should be none. The statement gives one column `example`, a row each.
struct Trouble {
    const char *name;
    std::string_view sql;
    const char *what;
    const char *hint;
};

constexpr Trouble duplicates{"duplicates", R"(
        SELECT pg_catalog.concat('technician ', a.technician_id, ' on crew call ', a.crew_call_id)
        FROM {assignments} AS a
        WHERE a.crew_call_id IS NOT NULL AND a.technician_id IS NOT NULL
        GROUP BY a.crew_call_id, a.technician_id
        HAVING pg_catalog.count(*) OPERATOR(pg_catalog.>) 1)",
                             "technicians with several rows on one crew call",
                             "Look at them with SELECT * FROM flex_sync_duplicates(), and clean them up with SELECT * "
                             "FROM flex_sync_repair(false)."};

constexpr Trouble orphan_rows{"orphan_rows", R"(
        SELECT pg_catalog.concat('row ', a.id, ' of crew call ', a.crew_call_id)
        FROM {assignments} AS a
        WHERE NOT EXISTS (SELECT FROM {calls} AS c WHERE c.id OPERATOR(pg_catalog.=) a.crew_call_id))",
                              "rows of crew calls that are gone",
                              "Delete them; a foreign key to flex_crew_calls, ON DELETE CASCADE, keeps new ones away."};

constexpr Trouble desired_without_resource{"desired_without_resource", R"(
        SELECT pg_catalog.concat('technician ', d.technician_id)
        FROM {desired} AS d
        WHERE d.flex_resource_id IS NULL OR d.flex_resource_id::pg_catalog.text OPERATOR(pg_catalog.=) ''
        GROUP BY d.technician_id)",
                                           "desired technicians without a Flex resource",
                                           "Enter their flex_resource_id; until then a sync skips them."};

constexpr Trouble shared_resources{
    "shared_resources", R"(
        SELECT pg_catalog.concat('resource ', pg_catalog.min(d.flex_resource_id::pg_catalog.text), ' of technicians ',
                                 pg_catalog.min(d.technician_id::pg_catalog.text), ' and ',
                                 pg_catalog.max(d.technician_id::pg_catalog.text))
        FROM {desired} AS d
        JOIN {calls} AS c ON c.id OPERATOR(pg_catalog.=) d.crew_call_id
        WHERE d.flex_resource_id::pg_catalog.text OPERATOR(pg_catalog.<>) ''
        GROUP BY COALESCE(pg_catalog.lower(c.flex_element_id::pg_catalog.text), c.id::pg_catalog.text),
                 pg_catalog.lower(d.flex_resource_id::pg_catalog.text)
        HAVING pg_catalog.count(DISTINCT d.technician_id) OPERATOR(pg_catalog.>) 1)",
    "resources that several technicians of one crew share",
    "Give each technician a flex_resource_id of their own; those who share one share one "
    "contact."};

/// One look at the crew relations.
class CrewExamination {
public:
    CrewExamination(Findings &findings, Statements &statements, const OwnTables &own, const std::string &server,
                    const ServerOptions &options)
        : findings_(findings), statements_(statements), own_(own), server_(server),
          options_(options), relations_{.schema = quoted_identifier(options.crew_schema)}
    {
    }

    void run()
    {
        if (!findings_.look("crew_schema", [&] { check_schema(options_.crew_schema); }))
            return;
        const bool has_calls = look_at("flex_crew_calls");
        const bool has_assignments = look_at("flex_crew_assignments");
        const bool has_desired = look_at("flex_desired_crew");
        const bool has_due = look_at("flex_due_crew_calls");
        if (has_assignments) {
            look_at_writing();
            look_at_unique_index();
            report(duplicates);
        }
        if (has_calls && has_assignments)
            report(orphan_rows);
        if (has_desired) {
            report(desired_without_resource);
            look_at_white_space();
            look_at_caller_dependence();
        }
        if (has_calls && has_desired)
            report(shared_resources);
        look_at_superuser();
        if (has_calls && has_assignments && has_desired && has_due)
            examine_requests(findings_, statements_, own_, server_, options_);
    }

private:
    bool look_at(const char *relation);
    void look_at_writing();
    void look_at_unique_index();
    void look_at_white_space();
    void look_at_caller_dependence();
    void look_at_superuser();
    void report(const Trouble &trouble);
    void report_count(const Trouble &trouble, std::int64_t count, std::string_view examples);

    Findings &findings_;
    Statements &statements_;
    const OwnTables &own_;
    const std::string &server_;
    const ServerOptions &options_;
    CrewRelations relations_;
};

bool CrewExamination::look_at(const char *relation)
{
    return findings_.look(relation, [&] {
        check_relation(options_.crew_schema, relation);
        // What a view cannot read below it shows only when it is read.
        statements_.run("SELECT FROM " + relations_.schema + "." + relation + " AS r LIMIT 0", {}, reader);
        findings_.ok(relation, "It is in schema \"" + options_.crew_schema +
                                   "\" with all its columns, and the caller may read it.");
    });
}

void CrewExamination::look_at_writing()
{
    findings_.look("write_privileges", [&] {
        check_write_privileges(options_.crew_schema);
        findings_.ok("write_privileges", "The caller may write flex_crew_assignments.");
    });
}

void CrewExamination::look_at_unique_index()
{
    findings_.look("unique_index", [&] {
        const Assignments assignments = check_assignments(options_.crew_schema);
        if (const std::optional<std::string> index = find_unique_index(assignments.oid))
            return findings_.ok("unique_index",
                                "Index \"" + *index + "\" keeps a technician from having two rows on one crew call.");
        findings_.error("unique_index",
                        "flex_crew_assignments has no unique index on (crew_call_id, technician_id) that ON CONFLICT "
                        "can use; one that is partial, invalid or deferrable cannot be used.",
                        "Call flex_sync_protect(), which adds one. If the writers of the table cannot wait, run " +
                            concurrent_index_statement(options_.crew_schema) + " instead.");
    });
}

void CrewExamination::report(const Trouble &trouble)
{
    findings_.look(trouble.name, [&] {
        constexpr std::string_view pattern = R"(
        SELECT pg_catalog.count(*)::pg_catalog.text,
               pg_catalog.string_agg(e.example, ', ') FILTER (WHERE e.place OPERATOR(pg_catalog.<=) 3)
        FROM (SELECT f.example, pg_catalog.row_number() OVER (ORDER BY f.example COLLATE pg_catalog."C") AS place
              FROM ({trouble}) AS f (example)) AS e)";
        const std::string sql = filled(pattern, {{"{trouble}", trouble.sql}});
        const Rows rows = statements_.run(relations_.in(sql), {}, reader);
        report_count(trouble, rows.number<std::int64_t>(0, 0).value_or(0), rows.at(0, 1).value_or(""));
    });
}

void CrewExamination::report_count(const Trouble &trouble, std::int64_t count, std::string_view examples)
{
    if (count == 0)
        return findings_.ok(trouble.name, "Found none: " + std::string(trouble.what) + ".");
    findings_.warn(trouble.name,
                   "Found " + std::to_string(count) + ": " + trouble.what + " (" + std::string(examples) +
                       (count > 3 ? ", …" : "") + ").",
                   trouble.hint);
}

/// Judged by the rule of the sync itself.
void CrewExamination::look_at_white_space()
{
    static constexpr Trouble trouble{"resource_white_space", "",
                                     "desired technicians whose flex_resource_id has white space at its ends, a "
                                     "control character or more than 200 bytes",
                                     "Correct the flex_resource_id; until then a sync skips them."};
    findings_.look(trouble.name, [&] {
        const Rows rows = statements_.run(relations_.in(R"(
        SELECT d.technician_id::pg_catalog.text, d.flex_resource_id::pg_catalog.text
        FROM {desired} AS d
        WHERE d.technician_id IS NOT NULL AND d.flex_resource_id IS NOT NULL
        GROUP BY d.technician_id, d.flex_resource_id
        ORDER BY d.technician_id)"),
                                          {}, reader);
        std::int64_t count = 0;
        std::string examples;
        for (std::size_t row = 0; row < rows.size(); ++row)
            if (core::is_malformed_resource(*rows.at(row, 1)) && ++count <= 3)
                examples.append(examples.empty() ? "technician " : ", technician ").append(*rows.at(row, 0));
        report_count(trouble, count, examples);
    });
}

/// A view that depends on who asks gives each caller another crew, and the smaller one would be taken for the whole.
void CrewExamination::look_at_caller_dependence()
{
    // The server prints a view's definition with its keywords in capitals; a function's source is as it was written.
    // They are parameters, since a backslash in a literal depends on the caller's settings.
    static constexpr std::string_view in_definition =
        R"(\m(auth\.\w+\(|current_setting\(|pg_has_role\(|CURRENT_USER|SESSION_USER|CURRENT_ROLE|SYSTEM_USER|USER\M))";
    static constexpr std::string_view in_source =
        R"(\m(auth\.\w+\s*\(|current_setting\s*\(|pg_has_role\s*\(|(current|session|system)_user\M|current_role\M))";
    static constexpr const char *read_dependence = R"(
        WITH RECURSIVE views (oid) AS (
            SELECT $1::oid
            UNION
            SELECT d.refobjid
            FROM views AS v
            JOIN pg_rewrite AS r ON r.ev_class = v.oid
            JOIN pg_depend AS d ON d.classid = 'pg_rewrite'::regclass AND d.objid = r.oid
                               AND d.refclassid = 'pg_class'::regclass
            JOIN pg_class AS c ON c.oid = d.refobjid AND c.relkind = 'v'
        ), functions (oid) AS (
            SELECT DISTINCT d.refobjid
            FROM views AS v
            JOIN pg_rewrite AS r ON r.ev_class = v.oid
            JOIN pg_depend AS d ON d.classid = 'pg_rewrite'::regclass AND d.objid = r.oid
                               AND d.refclassid = 'pg_proc'::regclass
        ), found (name) AS (
            SELECT 'view ' || c.oid::regclass::text
            FROM views AS v
            JOIN pg_class AS c ON c.oid = v.oid AND c.relkind = 'v'
            WHERE pg_get_viewdef(c.oid) ~ $2
               OR EXISTS (SELECT FROM unnest(c.reloptions) AS o WHERE o ~* '^security_invoker=(t|y|on|1)')
            UNION ALL
            SELECT 'function ' || p.oid::regprocedure::text
            FROM functions AS f
            JOIN pg_proc AS p ON p.oid = f.oid
            WHERE coalesce(pg_get_function_sqlbody(p.oid), p.prosrc)
                  ~* $3
        )
        SELECT string_agg(f.name, ', ' ORDER BY f.name COLLATE "C") FROM found AS f)";
    findings_.look("caller_dependence", [&] {
        const char *const schema = options_.crew_schema.c_str();
        const Oid desired =
            call([&] { return get_relname_relid("flex_desired_crew", get_namespace_oid(schema, false)); });
        Rows rows =
            statements_.run(read_dependence, {std::to_string(desired), in_definition, in_source}, own_.identity);
        const std::string names(rows.at(0, 0).value_or(""));
        if (names.empty())
            return findings_.ok("caller_dependence", "The desired crew is the same for every caller.");
        findings_.warn("caller_dependence", "The desired crew may depend on who asks, through " + names + ".",
                       "Sync through a SECURITY DEFINER function whose owner sees the whole crew in every request, "
                       "or take the condition out of the view.");
    });
}

/// What runs as the caller when a crew is synced belongs to whoever owns the relations, their views and their
/// functions.
void CrewExamination::look_at_superuser()
{
    static constexpr const char *read_owners = R"(
        WITH RECURSIVE relations (oid) AS (
            SELECT c.oid
            FROM pg_class AS c
            JOIN pg_namespace AS n ON n.oid = c.relnamespace AND n.nspname = $1
            WHERE c.relname IN ('flex_crew_calls', 'flex_crew_assignments', 'flex_desired_crew', 'flex_due_crew_calls')
            UNION
            SELECT d.refobjid
            FROM relations AS v
            JOIN pg_rewrite AS r ON r.ev_class = v.oid
            JOIN pg_depend AS d ON d.classid = 'pg_rewrite'::regclass AND d.objid = r.oid
                               AND d.refclassid = 'pg_class'::regclass
            JOIN pg_class AS c ON c.oid = d.refobjid AND c.relkind = 'v'
        ), owned (name, owner) AS (
            SELECT c.oid::regclass::text, c.relowner
            FROM relations AS r
            JOIN pg_class AS c ON c.oid = r.oid
            UNION
            SELECT 'function ' || p.oid::regprocedure::text, p.proowner
            FROM relations AS r
            JOIN pg_rewrite AS w ON w.ev_class = r.oid
            JOIN pg_depend AS d ON d.classid = 'pg_rewrite'::regclass AND d.objid = w.oid
                               AND d.refclassid = 'pg_proc'::regclass
            JOIN pg_proc AS p ON p.oid = d.refobjid
            UNION
            SELECT 'function ' || p.oid::regprocedure::text, p.proowner
            FROM relations AS r
            JOIN pg_trigger AS t ON t.tgrelid = r.oid
            JOIN pg_proc AS p ON p.oid = t.tgfoid
        )
        SELECT string_agg(o.name || ' of ' || r.rolname, ', ' ORDER BY o.name COLLATE "C")
        FROM owned AS o
        JOIN pg_roles AS r ON r.oid = o.owner AND NOT r.rolsuper)";
    findings_.look("superuser", [&] {
        if (!call([] { return superuser(); }))
            return findings_.ok("superuser", "The caller is no superuser.");
        const Rows rows = statements_.run(read_owners, {options_.crew_schema}, own_.identity);
        const std::string names(rows.at(0, 0).value_or(""));
        if (names.empty())
            return findings_.ok("superuser", "Triggers and views that run in a sync belong to superusers.");
        findings_.error("superuser",
                        "The caller is a superuser, and a sync would run code of other roles as superuser: " + names +
                            ".",
                        "Sync as a plain role with the privileges that a sync needs; docs/scheduling.md shows one.");
    });
}

} // namespace

void examine_crew(Findings &findings, Statements &statements, const OwnTables &own, const std::string &server,
                  const ServerOptions &options)
{
    CrewExamination(findings, statements, own, server, options).run();
}

} // namespace pg
