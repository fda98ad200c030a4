#include "pg/functions/definitions.hpp"

namespace pg {

const char *const calls_table = R"(
    CREATE TABLE $.flex_crew_calls (
        id pg_catalog.uuid PRIMARY KEY DEFAULT pg_catalog.gen_random_uuid(),
        job_id pg_catalog.uuid,
        department pg_catalog.text,
        flex_element_id pg_catalog.text
    );
    CREATE INDEX flex_crew_calls_job_id_idx ON $.flex_crew_calls (job_id);
    CREATE INDEX flex_crew_calls_flex_element_id_idx
        ON $.flex_crew_calls (pg_catalog.lower(flex_element_id COLLATE pg_catalog."C")))";

const char *const assignments_table = R"(
    CREATE TABLE $.flex_crew_assignments (
        id pg_catalog.uuid PRIMARY KEY DEFAULT pg_catalog.gen_random_uuid(),
        crew_call_id pg_catalog.uuid NOT NULL REFERENCES $.flex_crew_calls (id) ON DELETE CASCADE,
        technician_id pg_catalog.uuid NOT NULL,
        flex_line_item_id pg_catalog.text NOT NULL,
        created_at pg_catalog.timestamptz NOT NULL DEFAULT pg_catalog.now(),
        CONSTRAINT flex_crew_assignments_crew_call_technician_key UNIQUE (crew_call_id, technician_id)
    );
    CREATE INDEX flex_crew_assignments_technician_id_idx ON $.flex_crew_assignments (technician_id))";

const char *const desired_crew_table = R"(
    CREATE TABLE $.flex_desired_crew (
        crew_call_id pg_catalog.uuid NOT NULL REFERENCES $.flex_crew_calls (id) ON DELETE CASCADE,
        technician_id pg_catalog.uuid NOT NULL,
        flex_resource_id pg_catalog.text,
        business_role_id pg_catalog.text,
        PRIMARY KEY (crew_call_id, technician_id)
    );
    CREATE INDEX flex_desired_crew_technician_id_idx ON $.flex_desired_crew (technician_id))";

const char *const business_roles_table = R"(
    CREATE TABLE $.flex_business_roles (
        department pg_catalog.text NOT NULL,
        role_suffix pg_catalog.text NOT NULL,
        business_role_id pg_catalog.text NOT NULL,
        PRIMARY KEY (department, role_suffix)
    );
    CREATE UNIQUE INDEX flex_business_roles_lookup_key
        ON $.flex_business_roles (pg_catalog.lower(department), pg_catalog.upper(role_suffix)))";

namespace {

// One row a call and technician, of several assignments the one whose role has the strongest suffix: R, then E, then T.
// The call's id is a DISTINCT ON column, so that a sync's condition on it reaches the tables below. `%` stands for the
// branches that pick a department's role.
constexpr std::string_view desired_crew_view_text = R"(
    CREATE VIEW $.flex_desired_crew AS
    SELECT m.crew_call_id, m.technician_id, m.flex_resource_id,
           b.business_role_id::pg_catalog.text AS business_role_id
    FROM (
        SELECT DISTINCT ON (c.id, a.technician_id)
               c.id AS crew_call_id, a.technician_id, p.flex_resource_id::pg_catalog.text AS flex_resource_id,
               d.department, s.suffix
        FROM $.flex_crew_calls AS c
        CROSS JOIN LATERAL (SELECT pg_catalog.lower(c.department::pg_catalog.text) AS department) AS d
        JOIN $.job_assignments AS a ON a.job_id OPERATOR(pg_catalog.=) c.job_id
        LEFT JOIN $.profiles AS p ON p.id OPERATOR(pg_catalog.=) a.technician_id
        CROSS JOIN LATERAL (
            SELECT pg_catalog.btrim(CASE%
            END) AS code
        ) AS given
        CROSS JOIN LATERAL (
            SELECT CASE WHEN given.code OPERATOR(pg_catalog.<>) ''
                         AND pg_catalog.lower(given.code) OPERATOR(pg_catalog.<>) 'none' THEN given.code END AS code
        ) AS role
        CROSS JOIN LATERAL (
            SELECT pg_catalog.upper(pg_catalog.split_part(role.code, '-', -1)) AS suffix
        ) AS s
        WHERE a.technician_id IS NOT NULL
          AND (role.code IS NOT NULL
               OR pg_catalog.lower(p.department::pg_catalog.text) OPERATOR(pg_catalog.=) d.department)
        ORDER BY c.id, a.technician_id,
                 CASE WHEN s.suffix OPERATOR(pg_catalog.=) 'R' THEN 1
                      WHEN s.suffix OPERATOR(pg_catalog.=) 'E' THEN 2
                      WHEN s.suffix OPERATOR(pg_catalog.=) 'T' THEN 3
                      WHEN s.suffix IS NOT NULL THEN 4
                      ELSE 5 END,
                 s.suffix
    ) AS m
    LEFT JOIN $.flex_business_roles AS b
        ON pg_catalog.lower(b.department::pg_catalog.text) OPERATOR(pg_catalog.=) m.department
       AND pg_catalog.upper(b.role_suffix::pg_catalog.text) OPERATOR(pg_catalog.=) m.suffix)";

} // namespace

std::string desired_crew_view(std::span<const std::string_view> departments)
{
    std::string branches;
    for (const std::string_view department : departments)
        branches.append("\n                WHEN d.department OPERATOR(pg_catalog.=) '")
            .append(department)
            .append("' THEN a.")
            .append(department)
            .append("_role::pg_catalog.text");
    std::string text(desired_crew_view_text);
    return text.replace(text.find('%'), 1, branches);
}

const char *const due_view = R"(
    CREATE VIEW $.flex_due_crew_calls AS
    SELECT c.id AS crew_call_id FROM $.flex_crew_calls AS c WHERE c.flex_element_id IS NOT NULL)";

const char *const due_of_jobs_view = R"(
    CREATE VIEW $.flex_due_crew_calls AS
    SELECT c.id AS crew_call_id
    FROM $.flex_crew_calls AS c
    WHERE c.flex_element_id IS NOT NULL
      AND NOT EXISTS (
          SELECT FROM $.jobs AS j
          WHERE j.id OPERATOR(pg_catalog.=) c.job_id
            AND j.end_time::pg_catalog.timestamptz OPERATOR(pg_catalog.<)
                (pg_catalog.now() OPERATOR(pg_catalog.-) '1 day'::pg_catalog.interval)))";

std::string in_schema(std::string_view definition, const std::string &quoted_schema)
{
    std::string sql;
    for (const char c : definition)
        if (c == '$')
            sql += quoted_schema;
        else
            sql += c;
    return sql;
}

} // namespace pg
