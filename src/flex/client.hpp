#pragma once
// The Flex API over HTTP: what is asked of it, and what its answers say.

#include "core/ports.hpp"
#include "flex/http.hpp"
#include "flex/repeat.hpp"

namespace flex {

class Client final : public core::FlexApi {
public:
    /// `base_url` is the server's, as the option gives it. Repeats are taken from `budget`, if there is one.
    Client(std::string_view base_url, HttpOptions options, Waiter &waiter, core::RequestBudget *budget = nullptr);

    std::vector<core::Listing> list(std::span<const core::ElementId> elements, core::TimePoint deadline,
                                    const std::function<void()> &meanwhile) override;
    core::ChangeResults carry_out(const core::ElementId &element, const core::Changes &changes) override;

    /// Requests that went out so far, as counted on the wire.
    int requests_sent() const { return http_.requests_sent(); }

    /// Requests that were sent again.
    int repeats() const { return repeats_.count(); }

private:
    Request list_request(const core::ElementId &element) const;
    Request add_request(const core::ElementId &element, const core::ResourceId &resource) const;
    Request role_request(const core::ElementId &element, const core::LineItemId &line,
                         const core::BusinessRoleId &role) const;
    Request delete_request(const core::LineItemId &line) const;
    Request bulk_delete_request(const core::Changes &changes) const;
    using IsNew = std::function<bool(const core::LineItemId &)>;
    using Places = std::vector<std::size_t>; ///< in the list of changes
    void carry_out_singly(const core::ElementId &element, const core::Changes &changes, const Places &places,
                          std::vector<core::ChangeResult> &results);
    void carry_out_in_bulk(const core::ElementId &element, const core::Changes &changes,
                           std::vector<core::ChangeResult> &results);
    core::Answer delete_in_bulk(const core::Changes &changes, const Places &deletions);
    Request request_for(const core::ElementId &element, const core::Change &change) const;
    std::optional<Http::Next> take(const core::ElementId &element, const core::Change &change, const IsNew &is_new,
                                   core::ChangeResult &result, int &tries, const Response &response);
    std::optional<Http::Next> take_added_line(const core::ElementId &element, const core::Change &change,
                                              const IsNew &is_new, core::ChangeResult &result, int &tries,
                                              const Response &response);
    std::optional<Http::Next> again(Request request, const core::Answer &answer, Repeatability repeatability,
                                    int tries);

    std::string base_url_;
    std::string bulk_parameter_; ///< empty: line items are deleted one by one
    Repeats repeats_;
    core::RequestBudget *budget_;
    Waiter &waiter_;
    Http http_;
};

} // namespace flex
