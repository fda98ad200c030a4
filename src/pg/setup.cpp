// SELECT * FROM flex_sync_setup(): makes the crew relations that are missing.

#include "core/error.hpp"
#include "pg/catalog.hpp"
#include "pg/definitions.hpp"
#include "pg/protect.hpp"
#include "pg/result_tuple.hpp"
#include "pg/statement.hpp"
#include "pg/subtransaction.hpp"

#include "pg/wall.hpp"

namespace pg {

namespace {

constexpr Identity caller{Identity::Kind::Caller};

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
        if (has_columns("job_assignments", {"job_id", "technician_id", "sound_role", "lights_role", "video_role"}) &&
            has_columns("profiles", {"id", "department", "flex_resource_id"})) {
            make("flex_business_roles", business_roles_table);
            make("flex_desired_crew", desired_crew_view);
        } else {
            make("flex_desired_crew", desired_crew_table);
        }
        make("flex_due_crew_calls", has_columns("jobs", {"id", "end_time"}) ? due_of_jobs_view : due_view);
        statements_.finish();
    }

private:
    Oid find(const char *name) const
    {
        return call([&] { return get_relname_relid(name, oid_); });
    }

    bool has_columns(const char *name, std::initializer_list<const char *> columns) const
    {
        const Oid relation = find(name);
        for (const char *column : columns)
            if (!OidIsValid(relation) || call([&] { return get_attnum(relation, column); }) == InvalidAttrNumber)
                return false;
        return true;
    }

    /// Makes a relation unless there is one of that name, of whatever kind.
    void make(const char *name, const char *sql)
    {
        const Oid existing = find(name);
        if (OidIsValid(existing)) {
            const char kind = call([&] { return get_rel_relkind(existing); });
            const bool is_relation = kind == RELKIND_RELATION || kind == RELKIND_PARTITIONED_TABLE ||
                                     kind == RELKIND_VIEW || kind == RELKIND_MATVIEW || kind == RELKIND_FOREIGN_TABLE;
            return report(name, is_relation ? "found" : "blocked",
                          is_relation ? "" : "the name belongs to something that is no table or view");
        }
        const auto undone = in_subtransaction([&] {
            statements_.run_once(in_schema(sql, quoted_));
            close_to_others(quoted_ + "." + name);
        });
        report(name, undone ? "blocked" : "created", undone ? undone->message : "");
    }

    void make_unique_key(bool assignments_were_there)
    {
        const Oid assignments = find("flex_crew_assignments");
        if (!OidIsValid(assignments))
            return report(unique_key_name, "blocked", "flex_crew_assignments does not exist");
        if (!assignments_were_there)
            return report(unique_key_name, "created", "");
        if (const std::optional<std::string> index = find_unique_index(assignments))
            return report(index->c_str(), "found", "");
        std::string why;
        try {
            const auto undone =
                in_subtransaction([&] { protect(statements_, quoted_ + ".flex_crew_assignments", assignments); });
            why = undone ? undone->message : "";
        } catch (const core::Error &error) {
            why = error.detail();
        }
        report(unique_key_name, why.empty() ? "created" : "blocked", why);
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
        Rows grantees = statements_.run(read_grantees, {relation}, caller);
        std::vector<std::string> names;
        for (std::size_t row = 0; row < grantees.size(); ++row)
            names.emplace_back(*grantees.at(row, 0));
        grantees.release();
        for (const std::string &name : names)
            statements_.run_once("REVOKE ALL ON " + relation + " FROM " + name);
    }

    void report(const std::string &name, const char *action, const std::string &why)
    {
        const std::string object = schema_ + "." + name;
        rows_.add({{"object", object}, {"action", action}});
        if (why.empty())
            return;
        const char *const object_text = object.c_str();
        const char *const why_text = why.c_str();
        call([&] { ereport(NOTICE, errmsg("\"%s\" was not made: %s", object_text, why_text)); });
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
