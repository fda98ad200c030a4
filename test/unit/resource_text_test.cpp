#include "core/resource_text.hpp"

#include <gtest/gtest.h>

namespace {

TEST(ResourceText, white_space_at_an_end_and_control_characters_are_malformed)
{
    using namespace std::string_literals;
    for (const std::string &text :
         {" r1"s, "r1 "s, "\tr1"s, "r1\r\n"s, "r\x01 1"s, "r1\x7F"s, "r\0001"s, "\xC2\xA0r1"s, "r1 \xC2\xA0"s, " "s})
        EXPECT_TRUE(core::is_malformed_resource(text)) << text;
}

// All that Unicode calls white space, and what shows as nothing at all.
TEST(ResourceText, white_space_of_any_script_at_an_end_is_malformed)
{
    using namespace std::string_literals;
    for (const std::string &blank :
         {"\xC2\x85"s, "\xC2\xA0"s, "\xE1\x9A\x80"s, "\xE2\x80\x80"s, "\xE2\x80\x83"s, "\xE2\x80\x8A"s, "\xE2\x80\x8B"s,
          "\xE2\x80\x8D"s, "\xE2\x80\x8E"s, "\xE2\x80\xA8"s, "\xE2\x80\xA9"s, "\xE2\x80\xAF"s, "\xE2\x81\x9F"s,
          "\xE2\x81\xA0"s, "\xE3\x80\x80"s, "\xEF\xBB\xBF"s, "\v"s, "\f"s}) {
        EXPECT_TRUE(core::is_malformed_resource("r1" + blank)) << testing::PrintToString(blank);
        EXPECT_TRUE(core::is_malformed_resource(blank + "r1")) << testing::PrintToString(blank);
        EXPECT_TRUE(core::is_malformed_resource(blank)) << testing::PrintToString(blank);
        EXPECT_EQ(core::trimmed_resource(blank + " " + blank + "r 1" + blank + "\t"), "r 1")
            << testing::PrintToString(blank);
    }
}

TEST(ResourceText, control_characters_beyond_ASCII_are_malformed)
{
    for (const char *text : {"r\xC2\x80"
                             "1",
                             "r\xC2\x85"
                             "1",
                             "r\xC2\x9F"
                             "1"})
        EXPECT_TRUE(core::is_malformed_resource(text)) << text;
}

TEST(ResourceText, what_is_longer_than_an_id_of_flex_may_be_is_malformed)
{
    EXPECT_FALSE(core::is_malformed_resource(std::string(200, 'r')));
    EXPECT_TRUE(core::is_malformed_resource(std::string(201, 'r')));
}

TEST(ResourceText, other_texts_are_not)
{
    for (const char *text : {"", "r1", "r 1", "0d7c9a34-1b2c-4d5e-8f90-abcdefabcdef",
                             "r\xC2\xA0"
                             "1",
                             "\xC3\xA0r1", "r1\xC3\xA0",
                             "r1\xC4\x85", // ends in the byte that U+0085 ends in
                             "r1\xE3\x81\x83", "r1\xF0\x9F\x98\x80", "\xE4\xBA\xBA",
                             "r\xE2\x80\x83"
                             "1"})
        EXPECT_FALSE(core::is_malformed_resource(text)) << text;
}

TEST(ResourceText, what_was_probably_meant_has_clean_ends)
{
    EXPECT_EQ(core::trimmed_resource("\xC2\xA0 r 1\r\n"), "r 1");
    EXPECT_EQ(core::trimmed_resource(" \t"), "");
    EXPECT_EQ(core::trimmed_resource("r1"), "r1");
}

} // namespace
