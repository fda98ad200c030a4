#include "options.hpp"

namespace flexsim {

std::string_view help_text()
{
    return R"(flexsim simulates the Flex API on a loopback port, faults included.

Usage: flexsim [OPTION]...

  --port N            port on 127.0.0.1; 0, the default, takes any free one
  --tls CERT KEY      serve HTTPS with this certificate (chain) and key, both PEM
  --token T           the accepted X-Auth-Token (default "test-token")
  --port-file FILE    write the port there, in one step, once listening
  --base PATH         path of the API (default "/f5/api")
  --threads N         most connections served at once, 2 to 1000 (default 900)
  --latency MS        initial latency of every API call (default 0)
  --end-with-parent   end when the process that started it ends
  --help              print this

SIGTERM and SIGINT end it. The API answers what the Flex API answers:

  GET    BASE/line-item/ELEMENT/row-data/          list (kind "list")
  POST   BASE/line-item/ELEMENT/add-resource/RES   add a contact ("add")
  POST   BASE/line-item/ELEMENT/row-data/          set a business role ("role")
  DELETE BASE/line-item/LINE                       remove a line ("delete")
  DELETE BASE/line-item                            remove lines ("bulk_delete")

Anything else is of kind "other": 404. Without the right token: 401. Ids that are
UUIDs are found in either letter case.

CONTROL

Control calls live under /control/ on the same port, want no token, take JSON with any
Content-Type (but multipart) and answer JSON: 200, or 400 or 404 with {"error": message}.

  curl -s -X POST -d '{"element": "e1", "rows": ["res-1", "res-2"]}' \
      http://127.0.0.1:PORT/control/seed
  curl -s -X POST -d '{"kind": "add", "status": 503, "act": true}' \
      http://127.0.0.1:PORT/control/faults
  curl -s http://127.0.0.1:PORT/control/dump?element=e1
  curl -sk https://127.0.0.1:PORT/control/counts            (with --tls)

POST /control/reset         forget elements, settings, faults, tokens and log; give up all
                            waiting requests (their connections are closed)
POST /control/seed          {"element", "rows", "shape"?} makes or replaces an element, and
                            answers {"ids": [...]}; shape goes before the configured one
POST /control/add_row       {"element", "row"}: as a person would; answers {"id"}
POST /control/delete_line   {"id"}: as a person would
POST /control/set_line      {"id", "resource"?, "type"?, "role"?, "name"?, "hidden"?}
GET  /control/dump          {ELEMENT: rows, ...}; ?element=E: the rows of one element, all of
                            them as they are, whatever listings show
GET  /control/log           the API requests; filters: ?kind= method= element= status= since=
                            (an ordinal)
GET  /control/counts        requests by kind, "total", "in_flight", "max_in_flight"
POST /control/clear_log     forget log, counts and max_in_flight; ordinals go on
GET  /control/config        the settings
POST /control/config        change the settings named; answers all of them
GET  /control/faults        the rules, with how often each "matched" and was "applied"
POST /control/faults        add a rule, or an array of rules
POST /control/clear_faults  forget the rules
GET  /control/held          the requests that wait for release; ?timeout_ms=N waits for one,
                            or for &count=N of them: [{"ordinal", "kind", "element",
                            "hanging"}]
POST /control/release       let all go, or {"ordinal": N}; answers {"released": N}

A row to seed is a resource id, or an object; what is absent is null, or as said:

  id         a new UUID            resource   null: none
  type       "contact"; null: none role       null: none
  name       null: not shown       children   [row, ...]
  hidden     false; true: accepted, but in no listing
  raw        any JSON value, shown verbatim in place of the row; its "id", if it has one,
             finds the line

A log entry: ordinal, kind, method, path and query (undecoded), element, resource, line,
headers, body, token_ok, connection (numbered from 1), kept (not its connection's first
request), port, status (a number, "dropped", "hung", "held" while it is held, "pending"),
acted, started_ms (since 1970), duration_ms (until the answer was ready to be sent). The
latest 100,000 requests are kept.

SETTINGS

  latency_ms             every API call waits so long before it is carried out
  latency_by_kind_ms     {KIND: N, ...} in its place
  shape                  {"row": "flat", "nested" or "resource_id_in_resource",
                          "role": "string", "id", "data" or "hidden",
                          "ids": "as_is", "lower" or "upper" (UUIDs in listings),
                          "types": "as_is", "lower" or "upper",
                          "add": "addedResourceLineIds", "id", "lineItemId", "data.id",
                                 "data.lineItemId" or "none"}
  bulk_delete            "refuse" (405), "act", or "ignore" (200, but nothing is done)
  bulk_delete_parameter  "lineItemIds"; under another name nothing is found
  listing_lag_ms         listings show what was there so long ago
  hide_adds              adds are accepted and never listed
  listing_headers        {NAME: VALUE, ...} on every listing, such as a marker of paging
  compress               compress answers (gzip, or br where accepted)

FAULTS

A rule is one object. It matches calls by

  kind      a kind, or an array     method    exactly
  path      a regular expression, searched in the undecoded path
  element   (for "delete": the element that holds the line)
  kept      true: only requests that are not the first of their connection; false: only first

and applies after the first "skip" (0) matches, "times" (1; 0 is always) times. The first
rule that applies is the only one. What it does combines freely:

  delay_ms       wait, beside the latency; goes on though the client leaves
  hold           wait for /control/release, "before" (or true) or "after" the call is carried
                 out; goes on though the client leaves
  hang           the same, but given up when the client leaves
  drop           close the connection without a byte of answer, "before" (or true) or "after"
  act            whether the call is carried out. Default: no with status, body, body_hex,
                 huge_body, deep_json, redirect, wrong_token or drop "before"; else yes
  status         answer this status
  headers        {NAME: VALUE, ...} in addition
  body           answer this text; without "status": 200
  body_hex       the same, bytes in hexadecimal
  huge_body      answer a listing of N bytes, generated while it is sent
  deep_json      answer N nested arrays
  slow_body      {"bytes", "every_ms"}: send the body in such pieces
  cut_body       true: announce the whole body, send half, close the connection
  chunked        true: send the body without Content-Length
  close_idle     close the kept connection after the answer: true at once, N after N ms
                 (a request that arrives in that time is lost)
  redirect       a URL: status 302, unless "status" came first, and Location
  wrong_token    true: status 401
  refresh_token  a token: accepted from now on, and told in X-Auth-Token-Refreshed
  only_new_token true: then it is the only one accepted
  half_listing   true: whole JSON, but only every second row
  lost_row       N: whole JSON, but without the Nth row, counted from 1
  relabel        show this type for contacts in this listing; "": none
  hide_add       true: this add is accepted and never listed
)";
}

} // namespace flexsim
