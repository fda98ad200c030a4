#include "core/ids.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <unordered_set>
#include <vector>

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
    EXPECT_EQ(core::LineItemId(lower_id).hash(), core::LineItemId(upper_id).hash());
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

TEST(Ids, an_id_gives_its_text_back)
{
    for (const std::string &text : {lower_id, upper_id, std::string("0d7C9a34-1b2c-4d5e-8f90-abcdefabcdef"),
                                    std::string("2041-11-7"), std::string(36, '0'), std::string()})
        EXPECT_EQ(core::ResourceId(text).text(), text);
    EXPECT_EQ(core::ResourceId(*core::uuid_of(upper_id)).text(), lower_id);
    EXPECT_TRUE(core::ResourceId("").empty());
    EXPECT_FALSE(core::ResourceId(lower_id).empty());
}

TEST(Ids, ids_have_an_order)
{
    std::vector<core::ResourceId> ids;
    for (const char *text : {"b", "f0000000-0000-4000-8000-000000000001", "B", "0F000000-0000-4000-8000-000000000001",
                             "0e000000-0000-4000-8000-000000000001", "0e000000-0000-4000-8000-000000000000"})
        ids.emplace_back(text);
    std::sort(ids.begin(), ids.end());
    std::vector<std::string> texts;
    for (const core::ResourceId &id : ids)
        texts.push_back(id.text());
    EXPECT_EQ(texts, (std::vector<std::string>{
                         "0e000000-0000-4000-8000-000000000000", "0e000000-0000-4000-8000-000000000001",
                         "0F000000-0000-4000-8000-000000000001", "f0000000-0000-4000-8000-000000000001", "B", "b"}));
}

} // namespace
