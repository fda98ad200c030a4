#include "core/ids.hpp"

#include <gtest/gtest.h>

#include <unordered_set>

namespace {

const std::string lower_id = "0d7c9a34-1b2c-4d5e-8f90-abcdefabcdef";
const std::string upper_id = "0D7C9A34-1B2C-4D5E-8F90-ABCDEFABCDEF";

TEST(Ids, a_uuid_has_its_hyphens_and_digits_in_place)
{
    EXPECT_TRUE(core::is_uuid(lower_id));
    EXPECT_TRUE(core::is_uuid(upper_id));
    for (const char *text : {"", "0d7c9a34", "0d7c9a341b2c4d5e8f90abcdefabcdef", "0d7c9a34-1b2c-4d5e-8f90-abcdefabcdeg",
                             "0d7c9a34-1b2c-4d5e-8f90-abcdefabcdef ", "0d7c9a3-41b2c-4d5e-8f90-abcdefabcdef"})
        EXPECT_FALSE(core::is_uuid(text)) << text;
}

TEST(Ids, uuids_compare_and_hash_in_any_letter_case)
{
    EXPECT_TRUE(core::same_id(lower_id, upper_id));
    EXPECT_EQ(core::hash_id(lower_id), core::hash_id(upper_id));
    EXPECT_EQ(core::canonical_id(upper_id), lower_id);
}

TEST(Ids, other_texts_compare_letter_by_letter)
{
    EXPECT_FALSE(core::same_id("ab", "AB"));
    EXPECT_FALSE(core::same_id(lower_id, lower_id + " "));
    EXPECT_EQ(core::canonical_id("AB"), "AB");
}

TEST(Ids, an_id_keeps_its_spelling)
{
    std::unordered_set<core::LineItemId> ids;
    ids.insert(core::LineItemId(upper_id));
    EXPECT_FALSE(ids.insert(core::LineItemId(lower_id)).second);
    EXPECT_EQ(ids.begin()->text(), upper_id);
}

} // namespace
