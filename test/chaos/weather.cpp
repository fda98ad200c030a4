// What Flex does to a script: faults, lies, lag.

#include "player.hpp"

namespace chaos {

void Player::arm_fault(Random &dice)
{
    const std::string kind = dice.pick({"add", "add", "add", "delete", "role", "list"});
    const std::string what = kind == "add" ? add_fault(dice) : kind == "list" ? list_fault(dice) : change_fault(dice);
    const std::string element = dice.chance(70) ? R"(, "element": )" + quoted(pick_element(dice)) : "";
    // No two adds get one line id.
    const int times = what.find("line-") != std::string::npos ? 1 : dice.between(1, kind == "list" ? 4 : 2);
    const std::string rule = R"({"kind": )" + quoted(kind) + element + R"(, "skip": )" +
                             std::to_string(dice.chance(60) ? 0 : dice.below(3)) + R"(, "times": )" +
                             std::to_string(times) + ", " + what + "}";
    if (rule.find("hold") != std::string::npos || rule.find("delay") != std::string::npos)
        may_act_late_ = true;
    record_.note("Flex: fault " + rule);
    lane_.simulator.add_fault(rule);
}

std::string Player::add_fault(Random &dice)
{
    switch (dice.below(15)) {
    case 0:
        return R"("status": )" + dice.pick({"500", "502", "503", "408"}) + R"(, "act": )" +
               dice.pick({"true", "false"});
    case 1:
        return R"("status": 202, "act": )" + dice.pick({"true", "false"});
    case 2:
        return R"("status": )" + dice.pick({"400", "403", "404", "409", "422"});
    case 3:
        return R"("status": 429)" +
               dice.pick({"", R"(, "headers": {"Retry-After": "0"})", R"(, "headers": {"Retry-After": "1"})"});
    case 4:
    case 5:
        return R"("drop": )" + dice.pick({"\"before\"", "\"after\"", "\"after\""});
    case 6:
        return R"("hang": )" + dice.pick({"\"before\"", "\"after\"", "\"after\""});
    case 7:
    case 8:
        return R"("hold": )" + dice.pick({"\"before\"", "\"before\"", "\"after\""});
    case 9:
        return R"("delay_ms": )" + std::to_string(dice.between(50, 900));
    case 10:
        record_.spells.push_back({.from_ms = now_ms(), .what = "garbled"});
        return dice.pick({R"("cut_body": true)", R"("slow_body": {"bytes": 3, "every_ms": 40})",
                          R"("body": "{}", "act": true)", R"("body": "not json", "act": false)"});
    case 11:
        record_.spells.push_back({.from_ms = now_ms(), .what = "hidden"});
        return R"("hide_add": true)";
    case 12:
        record_.spells.push_back({.from_ms = now_ms(), .what = "hidden"});
        return R"("body": "{\"id\": \"line-)" + dice.uuid() + R"(\"}", "act": false)";
    case 13:
        record_.spells.push_back({.from_ms = now_ms(), .what = "hidden"});
        record_.spells.push_back({.from_ms = now_ms(), .what = "garbled"});
        return R"("body": "{\"id\": \"line-)" + std::string(6000, 'x') + R"(\"}", "act": )" +
               dice.pick({"true", "false"});
    default:
        record_.spells.push_back({.from_ms = now_ms(), .what = "closing"});
        return R"("close_idle": true)";
    }
}

std::string Player::change_fault(Random &dice)
{
    switch (dice.below(8)) {
    case 0:
        return R"("status": )" + dice.pick({"500", "503", "202"}) + R"(, "act": )" + dice.pick({"true", "false"});
    case 1:
        return R"("status": )" + dice.pick({"400", "403", "404", "409"});
    case 2:
        return R"("status": 429, "headers": {"Retry-After": ")" + dice.pick({"0", "1"}) + R"("})";
    case 3:
        return R"("drop": )" + dice.pick({"\"before\"", "\"after\""});
    case 4:
        return R"("hang": )" + dice.pick({"\"before\"", "\"after\""});
    case 5:
        return R"("hold": )" + dice.pick({"\"before\"", "\"after\""});
    case 6:
        return R"("delay_ms": )" + std::to_string(dice.between(50, 700));
    default:
        // An answer without a body is whole, and its connection is closed all the same: what is sent next may be lost.
        record_.spells.push_back({.from_ms = now_ms(), .what = "closing"});
        return R"("cut_body": true)";
    }
}

std::string Player::list_fault(Random &dice)
{
    switch (dice.below(9)) {
    case 0:
        return R"("status": )" + dice.pick({"500", "502", "503"});
    case 1:
        return R"("status": )" + dice.pick({"401", "404"});
    case 2:
        return R"("status": 429, "headers": {"Retry-After": ")" + dice.pick({"0", "1", "60"}) + R"("})";
    case 3:
        return R"("drop": )" + dice.pick({"\"before\"", "\"after\""});
    case 4:
        return R"("hang": "after")";
    case 5:
        return R"("delay_ms": )" + std::to_string(dice.between(50, 900));
    case 6:
        return R"("cut_body": true)";
    case 7:
        return R"("slow_body": {"bytes": 100, "every_ms": 30})";
    default:
        return dice.pick({R"("body": "[{\"id\": \"x\"")", R"("body": "{}")", R"("body": "[null]")",
                          R"("deep_json": 5000)", R"("redirect": "http://127.0.0.1:1/")"});
    }
}

/// An answer that is whole and wrong, once.
void Player::arm_lie(Random &dice)
{
    record_.spells.push_back({.from_ms = now_ms(), .what = "lie"});
    const std::string what = dice.pick({R"("half_listing": true)", R"("half_listing": true)", R"("body": "[]")",
                                        R"("relabel": "person")", R"("relabel": "")"});
    const std::string rule = R"({"kind": "list", "skip": )" + std::to_string(dice.below(3)) + ", " + what + "}";
    record_.note("Flex: lie " + rule);
    lane_.simulator.add_fault(rule);
}

/// An answer that is whole but for one contact, once. Two of them in a row would be the truth.
void Player::arm_vanishing(Random &dice)
{
    if (record_.had_spell("vanish", now_ms(), now_ms()))
        return;
    record_.spells.push_back({.from_ms = now_ms(), .what = "vanish"});
    const std::string rule = R"({"kind": "list", "skip": )" + std::to_string(dice.below(4)) + R"(, "lost_row": )" +
                             std::to_string(dice.between(1, 6)) + "}";
    record_.note("Flex: a contact vanishes from one listing " + rule);
    lane_.simulator.add_fault(rule);
}

void Player::arm_lag(Random &dice)
{
    record_.spells.push_back({.from_ms = now_ms(), .what = "lag"});
    const int lag = dice.between(200, 2500);
    record_.note("Flex: listings lag by " + std::to_string(lag) + " ms");
    lane_.simulator.configure(R"({"listing_lag_ms": )" + std::to_string(lag) + "}");
}

} // namespace chaos
