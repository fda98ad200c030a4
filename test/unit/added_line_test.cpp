// Where the answer to an add tells the new line's id.

#include "flex/added_line.hpp"

#include <gtest/gtest.h>

namespace {

std::string line_in(const std::string &body)
{
    const auto line = flex::decode_added_line(body);
    return line ? line->text() : "(none)";
}

TEST(AddedLine, the_id_is_found_in_each_of_its_places)
{
    EXPECT_EQ(line_in(R"({"addedResourceLineIds": ["l1"], "affectedRootLineIds": ["x"], "addedNoteLineId": null,
                          "nonRootClonedLineIds": []})"),
              "l1");
    EXPECT_EQ(line_in(R"({"id": "l1"})"), "l1");
    EXPECT_EQ(line_in(R"({"lineItemId": "l1"})"), "l1");
    EXPECT_EQ(line_in(R"({"data": {"id": "l1"}})"), "l1");
    EXPECT_EQ(line_in(R"({"data": {"lineItemId": "l1"}})"), "l1");
}

TEST(AddedLine, the_usual_place_goes_before_the_others)
{
    EXPECT_EQ(
        line_in(R"({"data": {"id": "l5"}, "lineItemId": "l3", "id": "l2", "addedResourceLineIds": ["l1", "l9"]})"),
        "l1");
    EXPECT_EQ(line_in(R"({"data": {"lineItemId": "l5", "id": "l4"}, "lineItemId": "l3", "id": "l2"})"), "l2");
    EXPECT_EQ(line_in(R"({"data": {"lineItemId": "l5", "id": "l4"}, "lineItemId": "l3"})"), "l3");
    EXPECT_EQ(line_in(R"({"data": {"lineItemId": "l5", "id": "l4"}})"), "l4");
}

TEST(AddedLine, a_place_that_holds_no_id_leaves_the_next)
{
    for (const char *usual : {"[]", "[null]", "[\"\"]", "[7]", "[[\"x\"]]", "null", "{}", "\"x\"", "3", "true"})
        EXPECT_EQ(line_in(std::string(R"({"addedResourceLineIds": )") + usual + R"(, "id": "l2"})"), "l2") << usual;
    EXPECT_EQ(line_in(R"({"id": 7, "lineItemId": "l3"})"), "l3");
    EXPECT_EQ(line_in(R"({"id": null, "lineItemId": "", "data": {"id": {}, "lineItemId": "l5"}})"), "l5");
}

TEST(AddedLine, an_answer_without_an_id_has_none)
{
    for (const char *body : {"{}", R"({"data": null})", R"({"data": []})", R"({"data": "l1"})", R"({"ID": "l1"})",
                             R"({"affectedRootLineIds": ["l1"]})", R"({"data": {"data": {"id": "l1"}}})", "[]",
                             R"([{"id": "l1"}])", R"("l1")", "null", "7", "true"})
        EXPECT_EQ(line_in(body), "(none)") << body;
}

TEST(AddedLine, what_is_not_json_has_none)
{
    for (const char *body : {"", " ", "l1", "<html>", R"({"id": "l1")", R"({"id": "l1"} x)", R"({"id": "l1"}{})",
                             R"({"id": "l1",})", R"({'id': 'l1'})"})
        EXPECT_EQ(line_in(body), "(none)") << body;
}

TEST(AddedLine, the_character_zero_is_refused)
{
    EXPECT_EQ(line_in(R"({"id": "l\u00001"})"), "(none)");
    EXPECT_EQ(line_in(std::string("{\"id\": \"l\0\"}", 12)), "(none)");
}

TEST(AddedLine, text_that_is_no_utf_8_is_refused)
{
    EXPECT_EQ(line_in("{\"id\": \"l\xFF\"}"), "(none)");
    EXPECT_EQ(line_in("{\"id\": \"l1\", \"name\": \"\xC0\x80\"}"), "(none)");
    EXPECT_EQ(line_in(R"({"id": "\ud800"})"), "(none)");
    EXPECT_EQ(line_in(R"({"id": "\udc00"})"), "(none)");
}

TEST(AddedLine, huge_numbers_are_skipped)
{
    EXPECT_EQ(line_in(R"({"quantity": 1e308, "n": )" + std::string(300, '9') + R"(, "id": "l1"})"), "l1");
    EXPECT_EQ(line_in(R"({"quantity": 1e99999, "id": "l1"})"), "(none)");
}

TEST(AddedLine, deep_nesting_ends_in_none_and_not_in_a_crash)
{
    EXPECT_EQ(line_in(std::string(2 << 20, '[')), "(none)");
    EXPECT_EQ(
        line_in(R"({"id": "l1", "x": )" + std::string(1 << 20, '[') + std::string(1 << 20, ']') + "}").substr(0, 2),
        "l1");
}

TEST(AddedLine, an_id_longer_than_200_bytes_is_none)
{
    const std::string longest(200, 'x');
    for (const auto &[before, after] :
         {std::pair(R"({"id": ")", R"("})"), std::pair(R"({"lineItemId": ")", R"("})"),
          std::pair(R"({"data": {"id": ")", R"("}})"), std::pair(R"({"addedResourceLineIds": [")", R"("]})")}) {
        EXPECT_EQ(line_in(before + longest + after), longest);
        EXPECT_EQ(line_in(before + longest + "x" + after), "(none)") << before;
        EXPECT_EQ(line_in(before + std::string(6000, 'x') + after), "(none)") << before;
    }
}

TEST(AddedLine, the_id_keeps_its_spelling)
{
    EXPECT_EQ(line_in(R"({"id": "6F1C9A52-0B1E-4C58-9D0F-0A1B2C3D4E5F"})"), "6F1C9A52-0B1E-4C58-9D0F-0A1B2C3D4E5F");
    EXPECT_EQ(line_in(R"({"id": "a/b\u00e9"})"), "a/b\xC3\xA9");
}

} // namespace
