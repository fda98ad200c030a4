// What the simulator's log must show: whom we called, and what we deleted, on the word of what.

#include "player.hpp"

#include <algorithm>

namespace chaos {

namespace {

constexpr double grace_ms = 2000;
/// Clocks are read a little apart.
constexpr double tolerance_ms = 60;

bool is_listing(const Request &request)
{
    return request.kind == "list" && request.status == "200";
}

bool is_change(const Request &request)
{
    return request.kind != "list";
}

class Wire {
public:
    Wire(const Record &record, const std::vector<Request> &log) : record_(record), log_(log)
    {
        for (const Request &request : log)
            syncs_.push_back(&sync_of(request));
    }

    void check() const
    {
        check_counts();
        for (std::size_t i = 0; i < log_.size(); ++i) {
            if (is_change(log_[i]))
                check_change(i);
            for (const std::string &line : log_[i].lines)
                check_deletion(i, line);
            if (log_[i].kind == "add")
                check_add(i);
        }
    }

private:
    /// The sync that sent a request. Those of one transaction share a token, one after the other.
    const Sync &sync_of(const Request &request) const
    {
        const Sync *found = nullptr;
        for (const Sync &sync : record_.syncs)
            if (sync.token == request.token && (!found || sync.began_ms <= request.began_ms))
                found = &sync;
        if (!found)
            throw Violation("a request bears the token " + request.token);
        return *found;
    }

    void check_counts() const
    {
        for (const Sync &sync : record_.syncs) {
            long told = 0, seen = 0;
            bool is_whole = true, has_changes = false, may_change = false;
            for (const Sync &other : record_.syncs) {
                if (other.token != sync.token)
                    continue;
                is_whole = is_whole && !other.results.empty();
                for (const Result &result : other.results) {
                    told += result.status == "coalesced" ? 0 : result.number("http_requests");
                    may_change = may_change || result.status == "ok" || result.status == "partial";
                }
            }
            for (const Request &request : log_) {
                seen += request.token == sync.token;
                has_changes = has_changes || (request.token == sync.token && is_change(request));
            }
            if (!is_whole)
                continue;
            if (told != seen && !is_told_by_others(sync) && !record_.had_spell("closing", sync.began_ms, sync.ended_ms))
                throw Violation(sync.token + " says that it sent " + std::to_string(told) + " requests, and sent " +
                                std::to_string(seen));
            if (has_changes && !may_change)
                throw Violation(sync.token + " says that nothing was changed, and changed something");
        }
    }

    /// True if another sync tells the same run: failed and deferred ones are told as they are, with their requests.
    bool is_told_by_others(const Sync &sync) const
    {
        for (const Sync &other : record_.syncs)
            for (const Result &theirs : other.results)
                for (const Result &ours : sync.results)
                    if (other.token != sync.token && ours.number("run_id") == theirs.number("run_id") &&
                        (ours.status == "failed" || ours.status == "deferred"))
                        return true;
        return false;
    }

    /// The last listing that its sync had when it sent a request.
    const Request *listing_before(std::size_t place) const
    {
        for (std::size_t i = place; i-- > 0;)
            if (syncs_[i] == syncs_[place] && log_[i].element == log_[place].element && is_listing(log_[i]))
                return &log_[i];
        return nullptr;
    }

    void check_change(std::size_t place) const
    {
        const Request &request = log_[place];
        if (!request.element.empty() && !listing_before(place))
            throw Violation(request.token + " changes something before it has a listing: " + request.kind);
    }

    void check_deletion(std::size_t place, const std::string &line) const
    {
        const Request &request = log_[place];
        const auto other = record_.others.find(line);
        if (other != record_.others.end() && other->second.since_ms < syncs_[place]->began_ms)
            throw Violation(request.token + " deletes a line that is no contact: " + other->second.line.text());
        const auto resource = record_.resource_of.find(line);
        const bool is_strange = resource != record_.resource_of.end() &&
                                !record_.ever_desired.contains(resource->second) &&
                                !record_.named_by_hand.contains(line) && !record_.ever_hidden.contains(line);
        if (is_strange && record_.untyped.contains(line))
            throw Violation(request.token + " deletes a line of no type that is nobody's: " + line);
        if (is_strange && record_.made_by_hand.contains(line) && syncs_[place]->prune != "all")
            throw Violation(request.token + " deletes a stranger, with prune " + syncs_[place]->prune + ": " + line);
    }

    /// When whoever sent a request knew at the latest, or gave up: a sync lists again only after that.
    double known_at(std::size_t place) const
    {
        double at = std::min(log_[place].ended_ms, log_[place].began_ms + syncs_[place]->request_timeout_ms);
        for (std::size_t i = place + 1; i < log_.size(); ++i)
            if (syncs_[i] == syncs_[place] && log_[i].kind == "list")
                return std::min(at, log_[i].began_ms);
        return std::min(at, syncs_[place]->ended_ms);
    }

    /// True if the sync that sent an add has an answer to it, and says so.
    bool is_known_done(std::size_t place) const
    {
        const Sync &sync = *syncs_[place];
        return log_[place].status == "200" && sync.fate == Fate::Committed && sync.results.size() == 1 &&
               !record_.unanswered.contains({sync.results[0].number("run_id"), log_[place].resource});
    }

    void check_add(std::size_t place) const
    {
        const Request &add = log_[place];
        if (!record_.ever_desired.contains(add.resource))
            throw Violation(add.token + " adds a resource that nobody ever desired: " + add.resource);
        for (std::size_t earlier = 0; earlier < place; ++earlier)
            if (log_[earlier].kind == "add" && log_[earlier].element == add.element &&
                log_[earlier].resource == add.resource)
                check_again(earlier, place);
    }

    /// Whether the resource may have gone from the element without our knowing better.
    bool may_be_gone(const Request &first, const Request &second) const
    {
        for (const Event &loss : record_.losses)
            if (loss.element == first.element && loss.at_ms >= first.began_ms && loss.at_ms <= second.began_ms &&
                (loss.resource.empty() || loss.resource == first.resource))
                return true;
        for (const Request &request : log_)
            for (const std::string &line : request.lines) {
                const auto resource = record_.resource_of.find(line);
                const bool is_of_it = resource == record_.resource_of.end() || resource->second == first.resource;
                if (is_of_it && request.ended_ms >= first.began_ms && request.began_ms <= second.began_ms)
                    return true;
            }
        return false;
    }

    void check_again(std::size_t earlier, std::size_t later) const
    {
        const Request &first = log_[earlier];
        const Request &second = log_[later];
        const bool is_one_sync = syncs_[earlier] == syncs_[later];
        const bool is_remembered = is_one_sync || syncs_[earlier]->fate == Fate::Committed;
        const auto fail = [&](const std::string &why) {
            throw Violation(second.token + " adds " + second.resource + " at " +
                            seconds(second.began_ms - record_.began_ms) + " s, added at " +
                            seconds(first.began_ms - record_.began_ms) + " s by " + first.token + " (" + first.status +
                            "): " + why);
        };
        if (may_be_gone(first, second))
            return;

        // Shown by the listing on whose word it was added again.
        const Request *const listing = listing_before(later);
        const auto had = [&](const char *spell) { return record_.had_spell(spell, first.began_ms, second.began_ms); };
        // One contact less is believed where nothing of ours knows better.
        if (had("vanish") && (!is_remembered || had("edited")))
            return;
        if (first.has_acted && listing && listing->began_ms > first.ended_ms + tolerance_ms && !had("lie") &&
            !had("lag") && !had("hidden"))
            fail("the listing showed the contact");

        const bool is_answered =
            is_known_done(earlier) && !record_.had_spell("garbled", first.began_ms, first.began_ms);
        const bool is_refused =
            first.status == "429" || (!is_one_sync && first.status.starts_with("4") && first.status != "408");
        if (!is_remembered || is_refused)
            return;
        if (is_one_sync && is_answered)
            fail("Flex had said that it was done");
        // Accepted, and never shown: not before some time has passed.
        const bool may_be_hidden = record_.had_spell("hidden", first.began_ms, first.began_ms);
        const bool has_aged = std::any_of(record_.ageings.begin(), record_.ageings.end(), [&](const Event &ageing) {
            return ageing.at_ms > first.began_ms && ageing.at_ms < second.began_ms;
        });
        // A lag that begins takes listings back behind one that may have shown it.
        const bool went_back = std::any_of(record_.spells.begin(), record_.spells.end(), [&](const Spell &spell) {
            return spell.what == "lag" && spell.from_ms > first.began_ms && spell.from_ms < second.began_ms;
        });
        if (may_be_hidden && is_answered && !has_aged && !had("lie") && !went_back)
            fail("Flex had said that it was done, and shows it late");
        // A listing that was whole and wrong may have shown it gone.
        if (is_answered || (may_be_hidden && has_aged) || (first.has_acted && had("lie")))
            return;

        int listings = 0;
        double last = 0;
        for (const Request &request : log_)
            if (is_listing(request) && request.element == first.element && request.began_ms < second.began_ms &&
                request.began_ms > known_at(earlier) - tolerance_ms) {
                ++listings;
                last = request.began_ms;
            }
        if (listings < 2 || last < known_at(earlier) + grace_ms - tolerance_ms)
            fail("it was not known that it was not done");
    }

    const Record &record_;
    const std::vector<Request> &log_;
    std::vector<const Sync *> syncs_; ///< beside the log
};

} // namespace

void check_wire(const Record &record, const std::vector<Request> &log)
{
    Wire(record, log).check();
}

} // namespace chaos
