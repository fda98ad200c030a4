// Every shape of a listing that flex-api knows, and everything that makes one void.

#include "flex/listing.hpp"

#include <gtest/gtest.h>

using core::LineKind;
using flex::decode_listing;
using flex::DecodedListing;

namespace {

constexpr const char *lower_uuid = "6f1c9a52-0b1e-4c58-9d0f-0a1b2c3d4e5f";
constexpr const char *upper_uuid = "6F1C9A52-0B1E-4C58-9D0F-0A1B2C3D4E5F";

/// The only line of a listing that is not void.
core::Line only_line(const std::string &row)
{
    const DecodedListing listing = decode_listing("[" + row + "]");
    EXPECT_EQ(listing.error.value_or(""), "") << row;
    EXPECT_EQ(listing.lines.size(), 1u) << row;
    return listing.lines.empty() ? core::Line{.id = core::LineItemId("none"), .resource = {}, .role = {}, .name = {}}
                                 : listing.lines.front();
}

std::string resource_of(const std::string &row)
{
    const core::Line line = only_line(row);
    return line.resource ? line.resource->text() : "(none)";
}

std::string role_of(const std::string &row)
{
    const core::Line line = only_line(row);
    return line.role ? line.role->text() : "(none)";
}

/// Why the listing is void; a void listing has no lines.
std::string why_void(const std::string &body)
{
    const DecodedListing listing = decode_listing(body);
    if (listing.error) {
        EXPECT_TRUE(listing.lines.empty()) << body.substr(0, 80);
    }
    return listing.error.value_or("");
}

std::vector<std::string> ids_of(const std::string &body)
{
    const DecodedListing listing = decode_listing(body);
    EXPECT_EQ(listing.error.value_or(""), "") << body;
    std::vector<std::string> ids;
    for (const core::Line &line : listing.lines)
        ids.push_back(line.id.text());
    return ids;
}

using Words = std::vector<std::string>;

// ---- shapes

TEST(Listing, an_empty_array_is_an_empty_crew_call)
{
    for (const char *body : {"[]", " [ ]\r\n"}) {
        const DecodedListing listing = decode_listing(body);
        EXPECT_FALSE(listing.error);
        EXPECT_TRUE(listing.lines.empty());
    }
}

TEST(Listing, a_usual_row_becomes_a_contact)
{
    const core::Line line = only_line(R"({"id": "l1", "resourceId": "r1", "managedResourceLineItemType": "contact",
                                          "business-role": "b1", "name": "Ann", "children": []})");
    EXPECT_EQ(line.id.text(), "l1");
    EXPECT_EQ(line.kind, LineKind::Contact);
    EXPECT_EQ(line.resource->text(), "r1");
    EXPECT_EQ(line.role->text(), "b1");
    EXPECT_EQ(line.name, "Ann");
}

TEST(Listing, a_resource_is_found_in_each_of_its_three_places)
{
    EXPECT_EQ(resource_of(R"({"id": "l1", "type": "contact", "resourceId": "r1"})"), "r1");
    EXPECT_EQ(resource_of(R"({"id": "l1", "type": "contact", "resource": {"id": "r1"}})"), "r1");
    EXPECT_EQ(resource_of(R"({"id": "l1", "type": "contact", "resource": {"resourceId": "r1"}})"), "r1");
}

TEST(Listing, places_of_a_resource_that_agree_are_one)
{
    EXPECT_EQ(resource_of(R"({"id": "l1", "type": "contact", "resourceId": "r1",
                              "resource": {"name": "Ann", "id": "r1", "resourceId": "r1"}})"),
              "r1");
    const std::string row = std::string(R"({"id": "l1", "type": "contact", "resourceId": ")") + lower_uuid +
                            R"(", "resource": {"id": ")" + upper_uuid + R"("}})";
    EXPECT_EQ(resource_of(row), lower_uuid);
}

TEST(Listing, a_contact_may_show_no_resource)
{
    for (const char *fields : {"", R"(, "resourceId": null)", R"(, "resource": null)", R"(, "resourceId": "")",
                               R"(, "resource": {})", R"(, "resource": {"id": null, "resourceId": null})"})
        EXPECT_EQ(resource_of(std::string(R"({"id": "l1", "type": "contact")") + fields + "}"), "(none)") << fields;
}

TEST(Listing, a_null_place_of_a_resource_leaves_the_other)
{
    EXPECT_EQ(resource_of(R"({"id": "l1", "type": "contact", "resourceId": null, "resource": {"id": "r1"}})"), "r1");
    EXPECT_EQ(resource_of(R"({"id": "l1", "type": "contact", "resource": {"id": "r1"}, "resourceId": ""})"), "r1");
}

TEST(Listing, a_role_is_found_in_each_of_its_shapes)
{
    EXPECT_EQ(role_of(R"({"id": "l1", "type": "contact", "business-role": "b1"})"), "b1");
    EXPECT_EQ(role_of(R"({"id": "l1", "type": "contact", "business-role": {"id": "b1"}})"), "b1");
    EXPECT_EQ(role_of(R"({"id": "l1", "type": "contact", "business-role": {"data": "b1"}})"), "b1");
    EXPECT_EQ(role_of(R"({"id": "l1", "type": "contact", "business-role": {"name": "FOH", "id": "b1", "data": "b1"}})"),
              "b1");
}

TEST(Listing, a_contact_may_have_no_role)
{
    for (const char *fields : {"", R"(, "business-role": null)", R"(, "business-role": "")", R"(, "business-role": {})",
                               R"(, "business-role": {"id": null})"})
        EXPECT_EQ(role_of(std::string(R"({"id": "l1", "type": "contact")") + fields + "}"), "(none)") << fields;
}

TEST(Listing, a_type_is_found_in_both_places_and_in_any_letter_case)
{
    for (const char *fields :
         {R"("type": "contact")", R"("type": "CONTACT")", R"("managedResourceLineItemType": "Contact")",
          R"("managedResourceLineItemType": "contact", "type": "Contact")",
          R"("managedResourceLineItemType": "", "type": "contact")",
          R"("managedResourceLineItemType": null, "type": "contact")"})
        EXPECT_EQ(only_line(std::string(R"({"id": "l1", )") + fields + "}").kind, LineKind::Contact) << fields;
}

TEST(Listing, a_line_without_a_type_is_untyped)
{
    for (const char *fields : {R"("name": "x")", R"("type": null)", R"("type": "", "managedResourceLineItemType": "")"})
        EXPECT_EQ(only_line(std::string(R"({"id": "l1", )") + fields + "}").kind, LineKind::Untyped) << fields;
}

TEST(Listing, a_line_of_another_type_keeps_flexs_word_for_it)
{
    for (const char *type : {"inventory-model", "service-offering", "Note", "contacts", "contac", "contact "}) {
        const core::Line line = only_line(std::string(R"({"id": "l1", "type": ")") + type + R"("})");
        EXPECT_EQ(line.kind, LineKind::Other) << type;
        EXPECT_EQ(line.type, type);
    }
}

TEST(Listing, a_name_may_be_absent_or_of_any_shape)
{
    for (const char *fields :
         {"", R"(, "name": null)", R"(, "name": 7)", R"(, "name": ["x"])", R"(, "name": {"a": "b"})"})
        EXPECT_EQ(only_line(std::string(R"({"id": "l1", "type": "contact")") + fields + "}").name, "") << fields;
    EXPECT_EQ(only_line(R"({"id": "l1", "type": "contact", "name": "Zo\u00eb \ud83c\udfa4"})").name,
              "Zo\xC3\xAB \xF0\x9F\x8E\xA4");
}

TEST(Listing, nested_rows_come_after_the_row_that_they_belong_to)
{
    EXPECT_EQ(ids_of(R"([{"id": "a", "type": "group", "children": [
                            {"id": "b", "type": "contact", "children": [{"children": null, "id": "c"}]},
                            {"children": [{"id": "e"}], "id": "d"}]},
                         {"id": "f"}])"),
              (Words{"a", "b", "c", "d", "e", "f"}));
}

TEST(Listing, the_fields_of_a_nested_row_are_its_own)
{
    const DecodedListing listing = decode_listing(
        R"([{"id": "a", "children": [{"id": "b", "type": "contact", "resourceId": "r2"}], "type": "contact",
             "resourceId": "r1"}])");
    ASSERT_EQ(listing.lines.size(), 2u);
    EXPECT_EQ(listing.lines[0].resource->text(), "r1");
    EXPECT_EQ(listing.lines[1].resource->text(), "r2");
}

TEST(Listing, fields_that_are_not_known_are_skipped_whatever_they_hold)
{
    EXPECT_EQ(ids_of(R"([{"x": {"id": "no", "children": [{"id": null}, null]}, "y": [[1, null, {"type": "no"}], true],
                          "z": 1e5, "id": "l1", "resource": {"children": {"id": 3}, "id": "r1"}, "type": "contact",
                          "ID": "no", "Type": "no", "": null}])"),
              Words{"l1"});
}

TEST(Listing, keys_may_be_escaped)
{
    EXPECT_EQ(resource_of(R"({"\u0069d": "l1", "type": "contact", "resource\u0049d": "r1"})"), "r1");
}

TEST(Listing, ids_keep_the_spelling_that_flex_gave_them)
{
    EXPECT_EQ(ids_of(std::string(R"([{"id": ")") + upper_uuid + R"("}, {"id": " a b "}])"),
              (Words{upper_uuid, " a b "}));
}

TEST(Listing, huge_numbers_in_fields_that_nobody_reads_are_skipped)
{
    for (const std::string &number :
         {std::string("1e308"), "-" + std::string(300, '9'), "0." + std::string(100000, '1'), std::string("1E-99999")})
        EXPECT_EQ(ids_of(R"([{"id": "l1", "quantity": )" + number + "}]"), Words{"l1"}) << number.substr(0, 20);
}

TEST(Listing, a_large_crew_is_decoded_whole)
{
    std::string body = "[";
    for (int i = 0; i < 20000; ++i)
        body += (i ? ", " : "") + std::string(R"({"id": "l)") + std::to_string(i) + R"(", "type": "contact"})";
    EXPECT_EQ(decode_listing(body + "]").lines.size(), 20000u);
}

// ---- void: it did not arrive whole, or is no array

TEST(Listing, an_empty_body_is_void)
{
    EXPECT_EQ(why_void(""), "it is not valid JSON (at byte 0)");
    EXPECT_NE(why_void(" \n\t"), "");
}

TEST(Listing, what_is_not_an_array_is_void)
{
    for (const char *body : {"{}", R"({"id": "l1"})", R"({"rows": []})", "null", "true", "7", "\"[]\"", "1e300"})
        EXPECT_EQ(why_void(body), "it is not a JSON array") << body;
}

TEST(Listing, what_is_cut_short_is_void_wherever_it_is_cut)
{
    const std::string whole =
        R"([{"id": "l1", "type": "contact", "resource": {"id": "r1"}, "x": [1.5], "name": "A\u00e9\u00e9", "c": true}])";
    ASSERT_EQ(why_void(whole), "");
    for (std::size_t length = 0; length < whole.size(); ++length)
        EXPECT_NE(why_void(whole.substr(0, length)), "") << length;
}

TEST(Listing, what_comes_after_the_array_makes_it_void)
{
    for (const char *rest : {"x", "[]", ",", "]", "<html>", "{}", "// done"})
        EXPECT_NE(why_void(std::string(R"([{"id": "l1"}])") + rest), "") << rest;
    EXPECT_NE(why_void(std::string("[]\0", 3)), "");
    EXPECT_EQ(why_void(std::string("[] \0[]", 6)), "it is not valid JSON (at byte 3)");
}

TEST(Listing, what_is_not_json_is_void)
{
    for (const char *body :
         {"<html></html>", "[{]", "[{\"id\": 'l1'}]", "[{id: \"l1\"}]", "[{\"id\": \"l1\",}]", "[{\"id\": \"l1\"},]",
          "[,]", "[NaN]", "[01]", "[{\"id\": \"l1\" \"x\": 1}]", "[/**/]", "\xEF\xBB\xBF[]", "nul", "[\"\\x\"]"})
        EXPECT_NE(why_void(body), "") << body;
}

// ---- void: text that Postgres cannot hold or that is no UTF-8

TEST(Listing, the_character_zero_makes_it_void_wherever_it_stands)
{
    for (const char *body : {R"([{"id": "l\u0000"}])", R"([{"id": "l1", "name": "\u0000"}])",
                             R"([{"id": "l1", "x": {"y": ["\u0000"]}}])", R"([{"id": "l1", "type": "contact\u0000"}])",
                             R"([{"id": "l1", "resource": {"id": "r\u00001"}}])", R"(["\u0000"])"})
        EXPECT_EQ(why_void(body), "it holds the character U+0000") << body;
    EXPECT_NE(why_void(std::string("[{\"id\": \"l\0\"}]", 14)), "");
}

TEST(Listing, text_that_is_no_utf_8_makes_it_void_wherever_it_stands)
{
    for (const char *text : {"\xFF", "\xC3", "\xC0\x80", "\xED\xA0\x80", "\xF5\x80\x80\x80", "\xE2\x82", "\x80"})
        for (const char *before : {R"([{"id": "l1)", R"([{"id": "l1", "name": ")", R"([{"id": "l1", "x": [")",
                                   R"([{"id": "l1", "business-role": {"data": ")"}) {
            const std::string open = before;
            const std::string close = open.ends_with("[\"")                       ? "\"]}]"
                                      : open.find("{\"data") != std::string::npos ? "\"}}]"
                                                                                  : "\"}]";
            ASSERT_EQ(why_void(open + "e" + close), "") << open;
            EXPECT_NE(why_void(open + text + close), "") << open;
        }
}

TEST(Listing, half_of_a_surrogate_pair_makes_it_void)
{
    for (const char *name : {R"(\ud83c)", R"(\ud83cx)", R"(\udfa4)", R"(\ud83c\ud83c)", R"(x\udc00y)", R"(\uDFFF)"})
        EXPECT_NE(why_void(std::string(R"([{"id": "l1", "name": ")") + name + R"("}])"), "") << name;
    EXPECT_EQ(only_line(R"({"id": "l1", "name": "\ud7ff\ue000"})").name, "\xED\x9F\xBF\xEE\x80\x80");
}

TEST(Listing, a_bare_control_character_makes_it_void)
{
    for (char character = 0x01; character < 0x20; ++character)
        for (std::size_t length = 0; length < 100; ++length) {
            std::string name(100, 'x');
            name[length] = character;
            EXPECT_NE(why_void(R"([{"id": "l1", "name": ")" + name + R"("}])"), "")
                << int{character} << " at " << length;
        }
}

// ---- void: rows that tell nothing

TEST(Listing, a_null_in_place_of_a_row_makes_it_void)
{
    for (const char *body : {"[null]", R"([{"id": "l1"}, null])", R"([{"id": "l1", "children": [null]}])"})
        EXPECT_EQ(why_void(body), "it holds a null where a row should be") << body;
}

TEST(Listing, a_value_that_is_no_row_makes_it_void)
{
    for (const char *body : {"[1]", "[true]", "[\"l1\"]", "[[]]", R"([[{"id": "l1"}]])", R"([{"id": "l1"}, 1e5])",
                             R"([{"id": "l1", "children": [7]}])", R"([{"id": "l1", "children": ["l2"]}])"})
        EXPECT_EQ(why_void(body), "it holds a value that is not a row") << body;
}

TEST(Listing, a_row_without_an_id_makes_it_void_whatever_its_type)
{
    for (const char *row :
         {"{}", R"({"type": "contact", "resourceId": "r1"})", R"({"id": null})", R"({"id": ""})", R"({"type": "note"})",
          R"({"id": "l1", "children": [{"name": "x"}]})", R"({"resource": {"id": "r1"}})"})
        EXPECT_EQ(why_void(std::string("[") + row + "]"), "it holds a row without an id") << row;
}

TEST(Listing, an_id_that_is_not_text_makes_it_void)
{
    for (const char *id : {"7", "1e300", "true", "{}", "[]", R"(["l1"])", R"({"id": "l1"})"})
        EXPECT_EQ(why_void(std::string(R"([{"type": "note", "id": )") + id + "}]"),
                  "it holds a row whose id is not text")
            << id;
}

TEST(Listing, one_id_twice_makes_it_void)
{
    EXPECT_EQ(why_void(R"([{"id": "l1"}, {"id": "l2"}, {"id": "l1"}])"), R"(it holds line "l1" twice)");
    EXPECT_EQ(why_void(R"([{"id": "l1", "type": "note", "children": [{"id": "l1"}]}])"), R"(it holds line "l1" twice)");
    EXPECT_EQ(why_void(std::string(R"([{"id": ")") + lower_uuid + R"("}, {"id": ")" + upper_uuid + R"("}])"),
              std::string("it holds line \"") + upper_uuid + "\" twice");
    EXPECT_EQ(ids_of(R"([{"id": "l1"}, {"id": "L1"}])"), (Words{"l1", "L1"}));
}

// ---- void: too many

/// So many untyped lines, half of them nested.
std::string listing_of(std::size_t lines)
{
    std::string body = "[";
    for (std::size_t i = 0; i + 1 < lines; i += 2)
        body += R"({"id":"a)" + std::to_string(i) + R"(","children":[{"id":"b)" + std::to_string(i) + R"("}]},)";
    if (lines % 2 == 1)
        body += R"({"id":"odd"},)";
    body.back() = ']';
    return body;
}

TEST(Listing, of_100_000_lines_is_decoded)
{
    const DecodedListing listing = decode_listing(listing_of(100'000));
    EXPECT_EQ(listing.error.value_or(""), "");
    EXPECT_EQ(listing.lines.size(), 100'000u);
}

TEST(Listing, of_more_lines_is_void)
{
    const DecodedListing listing = decode_listing(listing_of(100'001));
    EXPECT_EQ(listing.error.value_or(""), "it holds more than 100,000 lines");
    EXPECT_TRUE(listing.is_too_long);
    EXPECT_TRUE(listing.lines.empty());
    EXPECT_FALSE(decode_listing("{}").is_too_long);
}

// ---- whoever must hear interrupts

TEST(Listing, somebody_else_is_heard_while_it_is_decoded)
{
    const auto skipped = [](const std::string &value) {
        std::string body = R"([{"id": "l1", "x": [)";
        for (int i = 0; i < 50'000; ++i)
            body += value + ",";
        return body + "0]}]";
    };
    for (const std::string &body :
         {listing_of(50'000), skipped("{}"), skipped("[]"), skipped(R"("")"), skipped("1"), skipped("true")}) {
        int times = 0;
        EXPECT_FALSE(decode_listing(body, [&] { ++times; }).error);
        EXPECT_GE(times, 10);
        struct Stop {};
        EXPECT_THROW(decode_listing(body, [] { throw Stop{}; }), Stop);
    }
}

// ---- void: ids that no index could hold

TEST(Listing, an_id_may_have_200_bytes)
{
    const std::string id(200, 'x');
    const core::Line line = only_line(R"({"type": "contact", "id": ")" + id + R"(", "resourceId": ")" + id +
                                      R"(", "business-role": ")" + id + R"("})");
    EXPECT_EQ(line.id.text(), id);
    EXPECT_EQ(line.resource->text(), id);
    EXPECT_EQ(line.role->text(), id);
}

TEST(Listing, a_longer_id_makes_it_void)
{
    for (const std::string &id : {std::string(201, 'x'), std::string(6000, 'x'), std::string(200, 'x') + "\u00e9"}) {
        for (const char *type : {"contact", "note"})
            EXPECT_EQ(why_void(std::string(R"([{"type": ")") + type + R"(", "id": ")" + id + R"("}])"),
                      "it holds a row whose id is longer than 200 bytes")
                << id;
        for (const char *field :
             {R"("resourceId": )", R"("resource": {"id": )", R"("business-role": )", R"("business-role": {"data": )"}) {
            const std::string end = std::string(field).find('{') == std::string::npos ? "" : "}";
            for (const char *type : {R"("type": "contact", )", ""})
                EXPECT_EQ(why_void(std::string(R"([{"id": "l1", )") + type + field + '"' + id + '"' + end + "}]"),
                          R"(line "l1" has an id longer than 200 bytes)")
                    << field << id;
        }
    }
}

// ---- void: contacts that contradict themselves

struct Contradiction {
    const char *fields;
    const char *why;
};

constexpr Contradiction contradictions[] = {
    {R"("resourceId": "r1", "resource": {"id": "r2"})", "shows two resources that disagree"},
    {R"("resourceId": "r1", "resource": {"resourceId": "r2"})", "shows two resources that disagree"},
    {R"("resource": {"id": "r1", "resourceId": "r2"})", "shows two resources that disagree"},
    {R"("resourceId": "r1", "resourceId": "r2")", "shows two resources that disagree"},
    {R"("id": "l2", "resourceId": "r1")", "shows two ids that disagree"},
    {R"("business-role": {"id": "b1", "data": "b2"})", "shows two business roles that disagree"},
    {R"("business-role": "b1", "business-role": "b2")", "shows two business roles that disagree"},
    {R"("resourceId": 7)", "has a field of an unknown shape"},
    {R"("resourceId": ["r1"])", "has a field of an unknown shape"},
    {R"("resourceId": {"id": "r1"})", "has a field of an unknown shape"},
    {R"("resource": "r1")", "has a field of an unknown shape"},
    {R"("resource": 1e9)", "has a field of an unknown shape"},
    {R"("resource": [{"id": "r1"}])", "has a field of an unknown shape"},
    {R"("resource": {"id": 7})", "has a field of an unknown shape"},
    {R"("resource": {"id": {"id": "r1"}})", "has a field of an unknown shape"},
    {R"("business-role": 7)", "has a field of an unknown shape"},
    {R"("business-role": ["b1"])", "has a field of an unknown shape"},
    {R"("business-role": {"data": {"id": "b1"}})", "has a field of an unknown shape"},
    {R"("type": 7)", "has a field of an unknown shape"},
    {R"("type": {"id": "contact"})", "has a field of an unknown shape"},
};

TEST(Listing, a_contact_that_contradicts_itself_makes_it_void)
{
    for (const Contradiction &it : contradictions) {
        const std::string row =
            std::string(R"({"id": "l1", "managedResourceLineItemType": "contact", )") + it.fields + "}";
        EXPECT_EQ(why_void("[" + row + "]"), std::string("line \"l1\" ") + it.why) << it.fields;
    }
}

TEST(Listing, an_untyped_line_that_contradicts_itself_makes_it_void)
{
    for (const Contradiction &it : contradictions)
        EXPECT_EQ(why_void(std::string(R"([{"id": "l1", )") + it.fields + "}]"), std::string("line \"l1\" ") + it.why)
            << it.fields;
}

TEST(Listing, a_line_of_another_type_may_contradict_itself)
{
    for (const Contradiction &it : contradictions)
        EXPECT_EQ(only_line(std::string(R"({"id": "l1", "managedResourceLineItemType": "inventory-model", )") +
                            it.fields + "}")
                      .kind,
                  LineKind::Other)
            << it.fields;
}

TEST(Listing, a_line_that_is_and_is_not_a_contact_makes_it_void)
{
    for (const char *fields :
         {R"("type": "contact", "managedResourceLineItemType": "note")",
          R"("type": "note", "managedResourceLineItemType": "CONTACT")", R"("type": "note", "type": "contact")"})
        EXPECT_EQ(why_void(std::string(R"([{"id": "l1", )") + fields + "}]"),
                  R"(line "l1" shows two types that disagree)")
            << fields;
}

TEST(Listing, a_contradiction_counts_wherever_the_type_stands_in_the_row)
{
    EXPECT_NE(why_void(R"([{"resourceId": 7, "id": "l1", "type": "contact"}])"), "");
    EXPECT_EQ(why_void(R"([{"resourceId": 7, "id": "l1", "type": "note"}])"), "");
}

TEST(Listing, one_void_row_makes_all_of_it_void)
{
    EXPECT_NE(why_void(R"([{"id": "l1", "type": "contact", "resourceId": "r1"},
                           {"id": "l2", "type": "contact", "resourceId": "r1", "resource": {"id": "r2"}}])"),
              "");
    EXPECT_NE(
        why_void(R"([{"id": "l1", "type": "note", "children": [{"id": "l2", "type": "contact", "resourceId": 1}]}])"),
        "");
}

TEST(Listing, nested_rows_of_a_shape_that_is_not_known_make_it_void_whatever_holds_them)
{
    for (const char *type : {"contact", "group"})
        for (const char *children : {"{}", R"({"rows": []})", "7", "true", R"("l2")"})
            EXPECT_EQ(
                why_void(std::string(R"([{"id": "l1", "type": ")") + type + R"(", "children": )" + children + "}]"),
                "it holds nested rows of an unknown shape")
                << type << children;
}

TEST(Listing, a_number_that_no_double_can_hold_makes_it_void)
{
    for (const std::string &number : {std::string("1e99999"), "-" + std::string(100000, '9')})
        EXPECT_NE(why_void(R"([{"id": "l1", "quantity": )" + number + "}]"), "") << number.substr(0, 20);
}

// ---- void: too deep

TEST(Listing, deep_nesting_ends_in_an_error_and_not_in_a_crash)
{
    EXPECT_NE(why_void(std::string(2 << 20, '[')), "");
    EXPECT_EQ(why_void(R"([{"id": "l1", "x": )" + std::string(2 << 20, '[')), "it is nested too deeply");
    std::string objects = R"([{"id": "l1", "x": )";
    std::string rows;
    for (int i = 0; i < 200000; ++i) {
        objects += R"({"x":)";
        rows += R"([{"children":)";
    }
    EXPECT_EQ(why_void(objects), "it is nested too deeply");
    EXPECT_EQ(why_void(rows), "it is nested too deeply");
}

TEST(Listing, rows_that_are_nested_as_people_nest_them_are_no_trouble)
{
    std::string body, end;
    for (int i = 0; i < 20; ++i) {
        body += R"([{"id": "l)" + std::to_string(i) + R"(", "children": )";
        end += "}]";
    }
    EXPECT_EQ(ids_of(body + "[]" + end).size(), 20u);
}

} // namespace
