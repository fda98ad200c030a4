// SELECT * FROM flex_sync_setup(): makes the crew relations that are missing.

#include "core/error.hpp"
#include "pg/crew/catalog.hpp"
#include "pg/crew/relations.hpp"
#include "pg/crew/unique_index.hpp"
#include "pg/functions/definitions.hpp"
#include "pg/functions/protect.hpp"
#include "pg/server/result_tuple.hpp"
#include "pg/server/statement.hpp"
#include "pg/server/subtransaction.hpp"

#include <array>
#include <cctype>
#include <span>
#include <vector>

#include "pg/server/wall.hpp"

namespace pg {

namespace {

constexpr Identity caller{Identity::Kind::Caller};

using Columns = std::span<const char *const>;

// What is read of the application's own tables.
constexpr std::array job_assignment_columns{"job_id", "technician_id", "sound_role", "lights_role", "video_role"};
constexpr std::array profile_columns{"id", "department", "flex_resource_id"};
constexpr std::array job_columns{"id", "end_time"};
constexpr std::array production_columns{"production_role"};

/// One call of flex_sync_setup.
class Setup {
public:
    Setup(FunctionCallInfo fcinfo, std::string schema)
        : schema_(std::move(schema)), quoted_(quoted_identifier(schema_)), rows_(fcinfo)
    {
        const char *const name = schema_.c_str();
        oid_ = call([&] { return get_namespace_oid(name, true); });
        if (!OidIsValid(oid_))
            throw core::Error("55000", "schema \"" + schema_ + "\" of the crew relations does not exist", "",
                              "Create it, or set the option \"crew_schema\" of the server.");
    }

    void run()
    {
        make("flex_crew_calls", calls_table);
        const bool assignments_were_there = OidIsValid(find("flex_crew_assignments"));
        make("flex_crew_assignments", assignments_table);
        make_unique_key(assignments_were_there);
        make_desired_crew();
        make_due_calls();
        statements_.finish();
    }

private:
    Oid find(const char *name) const
    {
        return call([&] { return get_relname_relid(name, oid_); });
    }

    /// The columns that a relation lacks, for a message; empty if it has all of them.
    std::string missing_columns(Oid relation, Columns columns) const
    {
        std::string missing;
        for (const char *column : columns)
            if (call([&] { return get_attnum(relation, column); }) == InvalidAttrNumber)
                missing.append(missing.empty() ? "\"" : ", \"").append(column).append("\"");
        return missing;
    }

    /// Whether a table of the application can be read; says so if it is there but cannot.
    bool is_usable(const char *name, Columns columns, const char *consequence) const
    {
        const Oid relation = find(name);
        if (!OidIsValid(relation))
            return false;
        const std::string missing = missing_columns(relation, columns);
        if (!missing.empty())
            notice("\"" + schema_ + "." + name + "\" is not used: it has no column " + missing, consequence);
        return missing.empty();
    }

    void make_desired_crew()
    {
        constexpr const char *consequence =
            "Where there is no \"flex_desired_crew\" a plain table is made, which you fill; or create a view of that "
            "name over your own tables.";
        if (OidIsValid(find("flex_desired_crew"))) {
            if (OidIsValid(find("flex_business_roles")))
                report_existing("flex_business_roles");
            return report_existing("flex_desired_crew");
        }
        const bool has_assignments = is_usable("job_assignments", job_assignment_columns, consequence);
        const bool has_profiles = is_usable("profiles", profile_columns, consequence);
        if (!has_assignments || !has_profiles)
            return make("flex_desired_crew", desired_crew_table);
        make("flex_business_roles", business_roles_table);
        std::vector<std::string_view> departments{"sound", "lights", "video"};
        if (missing_columns(find("job_assignments"), production_columns).empty())
            departments.push_back("production");
        make("flex_desired_crew", desired_crew_view(departments).c_str());
    }

    void make_due_calls()
    {
        const bool has_jobs =
            !OidIsValid(find("flex_due_crew_calls")) &&
            is_usable("jobs", job_columns,
                      "\"flex_due_crew_calls\" lists the calls of all jobs, including jobs that have ended.");
        make("flex_due_crew_calls", has_jobs ? due_of_jobs_view : due_view);
    }

    /// Makes a relation unless there is one of that name, of whatever kind.
    void make(const char *name, const char *sql)
    {
        if (OidIsValid(find(name)))
            return report_existing(name);
        const auto undone = in_subtransaction([&] {
            statements_.run_once(in_schema(sql, quoted_));
            close_to_others(quoted_ + "." + name);
            // A view whose owner may not read what is below it would fail at every sync.
            statements_.run("SELECT FROM " + quoted_ + "." + name + " AS r LIMIT 0", {}, {Identity::Kind::Reader});
        });
        if (!undone)
            return report(name, "created");
        // Somebody else may have made it meanwhile.
        if (OidIsValid(find(name)))
            return report_existing(name);
        report(name, "blocked");
        not_made(name, undone->message,
                 undone->sqlstate == "42501"
                     ? "Call flex_sync_setup() as a role that may create relations in schema \"" + schema_ +
                           "\" and owns the tables that are there."
                     : "");
    }

    void report_existing(const char *name)
    {
        const Oid existing = find(name);
        const char kind = call([&] { return get_rel_relkind(existing); });
        const bool is_relation = kind == RELKIND_RELATION || kind == RELKIND_PARTITIONED_TABLE ||
                                 kind == RELKIND_VIEW || kind == RELKIND_MATVIEW || kind == RELKIND_FOREIGN_TABLE;
        report(name, is_relation ? "found" : "blocked");
        if (!is_relation)
            return not_made(name, "the name belongs to an object that is neither a table nor a view",
                            "Rename that, or set the option \"crew_schema\" of the server to another schema.");
        const std::string missing = missing_columns(existing, columns_of(name));
        if (!missing.empty())
            notice("\"" + schema_ + "." + name + "\" has no column " + missing,
                   "Add it. Setup never alters what exists.");
    }

    void make_unique_key(bool assignments_were_there)
    {
        const Oid assignments = find("flex_crew_assignments");
        if (OidIsValid(assignments) && !assignments_were_there)
            return report(unique_key_name, "created");
        if (OidIsValid(assignments))
            if (const std::optional<std::string> index = find_unique_index(assignments))
                return report(index->c_str(), "found");
        const Refusal refusal = OidIsValid(assignments) ? add_unique_key(assignments)
                                                        : Refusal{"there is no table \"flex_crew_assignments\"", ""};
        report(unique_key_name, refusal.why.empty() ? "created" : "blocked");
        if (!refusal.why.empty())
            not_made(unique_key_name, refusal.why, refusal.hint);
    }

    struct Refusal {
        std::string why;
        std::string hint;
    };

    Refusal add_unique_key(Oid assignments)
    {
        try {
            const auto undone = in_subtransaction([&] {
                const std::string missing = missing_columns(assignments, unique_key_columns);
                if (missing.empty())
                    protect(statements_, schema_, assignments);
                else
                    throw core::Error("55000", "\"flex_crew_assignments\" has no column " + missing);
            });
            return undone ? Refusal{undone->message, ""} : Refusal{};
        } catch (const core::Error &error) {
            const bool is_general = error.message().starts_with("could not add");
            return {as_clause(is_general ? error.detail() : error.message()), error.hint()};
        }
    }

    /// A sentence as it stands behind a colon.
    static std::string as_clause(std::string sentence)
    {
        sentence[0] = static_cast<char>(std::tolower(static_cast<unsigned char>(sentence[0])));
        if (sentence.ends_with('.'))
            sentence.pop_back();
        return sentence;
    }

    /// Default privileges may have opened it to others, as every Supabase database does for anon.
    void close_to_others(const std::string &relation)
    {
        const std::string read_grantees = R"(
            SELECT DISTINCT CASE WHEN a.grantee OPERATOR(pg_catalog.=) 0::pg_catalog.oid THEN 'PUBLIC'
                                 ELSE a.grantee::pg_catalog.regrole::pg_catalog.text END
            FROM pg_catalog.pg_class AS c CROSS JOIN LATERAL pg_catalog.aclexplode(c.relacl) AS a
            WHERE c.oid OPERATOR(pg_catalog.=) $1::pg_catalog.regclass::pg_catalog.oid
              AND a.grantee OPERATOR(pg_catalog.<>) c.relowner)";
        const Rows grantees = statements_.run(read_grantees, {relation}, caller);
        std::vector<std::string> names;
        for (std::size_t row = 0; row < grantees.size(); ++row)
            names.emplace_back(*grantees.at(row, 0));
        for (const std::string &name : names)
            statements_.run_once("REVOKE ALL ON " + relation + " FROM " + name);
    }

    void report(const char *name, const char *action)
    {
        rows_.add({{"object", schema_ + "." + name}, {"action", action}});
    }

    void not_made(const char *name, const std::string &why, const std::string &hint) const
    {
        notice("\"" + schema_ + "." + name + "\" was not made: " + why, hint);
    }

    void notice(const std::string &message, const std::string &hint) const
    {
        const char *const message_text = message.c_str();
        const char *const hint_text = hint.empty() ? nullptr : hint.c_str();
        call([&] { ereport(NOTICE, errmsg("%s", message_text), hint_text ? errhint("%s", hint_text) : 0); });
    }

    std::string schema_;
    std::string quoted_;
    Oid oid_ = InvalidOid;
    Statements statements_;
    ResultSet rows_;
};

Datum sync_setup(FunctionCallInfo fcinfo)
{
    Setup(fcinfo, find_server_options().crew_schema).run();
    return 0;
}

} // namespace

} // namespace pg

FLEX_SYNC_FUNCTION(flex_sync_setup, pg::sync_setup)
