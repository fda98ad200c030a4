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

TEST(ResourceText, other_texts_are_not)
{
    for (const char *text : {"", "r1", "r 1", "0d7c9a34-1b2c-4d5e-8f90-abcdefabcdef",
                             "r\xC2\xA0"
                             "1",
                             "\xC3\xA0r1"})
        EXPECT_FALSE(core::is_malformed_resource(text)) << text;
}

TEST(ResourceText, what_was_probably_meant_has_clean_ends)
{
    EXPECT_EQ(core::trimmed_resource("\xC2\xA0 r 1\r\n"), "r 1");
    EXPECT_EQ(core::trimmed_resource(" \t"), "");
    EXPECT_EQ(core::trimmed_resource("r1"), "r1");
}

} // namespace
