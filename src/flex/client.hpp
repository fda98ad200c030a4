#pragma once
// The Flex API over HTTP: what is asked of it, and what its answers say.

#include "core/ports.hpp"
#include "flex/http.hpp"

namespace flex {

class Client final : public core::FlexApi {
public:
    /// `base_url` is the server's, as the option gives it.
    Client(std::string base_url, HttpOptions options, Waiter &waiter);

    std::vector<core::Listing> list(std::span<const core::ElementId> elements, core::TimePoint deadline) override;
    std::vector<core::ChangeResult> carry_out(const core::ElementId &element, std::span<const core::Change> changes,
                                              core::TimePoint deadline) override;
    int requests_sent() const override { return http_.requests_sent(); }

private:
    Request list_request(const core::ElementId &element) const;
    Request add_request(const core::ElementId &element, const core::ResourceId &resource) const;
    Request role_request(const core::ElementId &element, const core::LineItemId &line,
                         const core::BusinessRoleId &role) const;
    Request delete_request(const core::LineItemId &line) const;
    Request request_for(const core::ElementId &element, const core::Change &change) const;
    std::optional<Request> take(const core::ElementId &element, const core::Change &change, core::ChangeResult &result,
                                const Response &response) const;

    std::string base_url_;
    Http http_;
};

} // namespace flex
