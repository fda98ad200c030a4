#pragma once
// How the dashboard looks: light and dark, from a phone to a wall.

#include <string_view>

namespace pg {

constexpr std::string_view dashboard_style = R"(
:root {
  color-scheme: light dark;
  --page: #f4f5f2; --card: #ffffff; --line: #e3e5df; --text: #1d2422; --quiet: #5c6763;
  --ok: #2e7d6b; --ok-text: #1f6151; --ok-soft: #e4f1ed; --bad: #a93a2a; --bad-soft: #f9e8e4; --wait: #735711; --wait-soft: #f6efdc;
  --other: #c3b27a; --median: #2e7d6b; --p95: #7a8fb5;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #121615; --card: #1a201e; --line: #2b3330; --text: #e7ebe8; --quiet: #9caaa4;
    --ok: #5cb8a2; --ok-text: #7ccbb7; --ok-soft: #1b322c; --bad: #f08a76; --bad-soft: #3a211c; --wait: #d9b95c; --wait-soft: #332b15;
    --other: #8f804c; --median: #5cb8a2; --p95: #8ea6d1;
  }
}
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; }
body {
  margin: 0; background: var(--page); color: var(--text);
  font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif;
  font-variant-numeric: tabular-nums;
}
main { max-width: 1160px; margin: 0 auto; padding: 40px 24px 56px; display: grid; grid-template-columns: minmax(0, 1fr); gap: 20px; }
h1 { font-size: 30px; line-height: 1.2; font-weight: 650; letter-spacing: -0.015em; margin: 0 0 6px; }
h2 { font-size: 15px; font-weight: 600; margin: 0; }
p { margin: 0; }
code, .id { font-family: ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace; font-size: 0.93em; }
header p { color: var(--quiet); }
.eyebrow { font-size: 13px; font-weight: 600; letter-spacing: 0.02em; color: var(--ok-text); margin-bottom: 10px; }
.card { background: var(--card); border: 1px solid var(--line); border-radius: 12px; padding: 20px; margin: 0; min-width: 0; }
.quiet { color: var(--quiet); }

.metrics { display: grid; gap: 20px; grid-template-columns: repeat(4, 1fr); }
.metric { display: grid; gap: 2px; align-content: start; }
.metric .value { font-size: 34px; line-height: 1.25; font-weight: 600; letter-spacing: -0.02em; }
.metric .value.bad { color: var(--bad); }
.metric .note { font-size: 13px; color: var(--quiet); }
.mark { display: inline-block; font-size: 12px; line-height: 18px; font-weight: 600; padding: 1px 9px; border-radius: 10px; white-space: nowrap; }
.metric .mark { justify-self: start; margin-top: 8px; }
.mark.good { color: var(--ok-text); background: var(--ok-soft); }
.mark.bad { color: var(--bad); background: var(--bad-soft); }
.mark.wait { color: var(--wait); background: var(--wait-soft); }

.alerts { list-style: none; margin: 14px 0 0; padding: 0; display: grid; gap: 14px; }
.alerts li { border-left: 3px solid var(--bad); padding-left: 14px; }
.alerts b { font-weight: 600; }

.pair { display: grid; gap: 20px; grid-template-columns: repeat(2, minmax(0, 1fr)); }
.pair .card > .quiet { margin-top: 10px; }
figcaption { display: flex; flex-wrap: wrap; justify-content: space-between; gap: 4px 20px; margin-bottom: 18px; }
.legend { display: flex; flex-wrap: wrap; gap: 2px 14px; font-size: 12.5px; color: var(--quiet); }
.key { display: inline-flex; align-items: center; gap: 6px; }
.key i { width: 10px; height: 10px; border-radius: 3px; }
.key i.ok { background: var(--ok); } .key i.other { background: var(--other); } .key i.failed { background: var(--bad); }
.key i.median { background: var(--median); height: 3px; width: 14px; }
.key i.p95 { background: var(--p95); height: 3px; width: 14px; }
.key i.target { border-top: 2px dashed var(--bad); border-radius: 0; height: 0; width: 16px; }
.plot { display: grid; grid-template: 190px 22px / 40px minmax(0, 1fr); font-size: 12px; color: var(--quiet); }
.y, .x, .area { position: relative; }
.y span { position: absolute; right: 10px; transform: translateY(50%); line-height: 1; white-space: nowrap; }
.x { grid-column: 2; }
.x span { position: absolute; top: 8px; transform: translateX(-50%); line-height: 1; }
.area svg { position: absolute; inset: 0; width: 100%; height: 100%; overflow: visible; display: block; }
.grid { stroke: var(--line); stroke-width: 1; vector-effect: non-scaling-stroke; }
.bar.ok { fill: var(--ok); } .bar.other { fill: var(--other); } .bar.failed { fill: var(--bad); }
.bar { stroke: var(--card); stroke-width: 1; vector-effect: non-scaling-stroke; }
.line { fill: none; stroke-width: 2; stroke-linejoin: round; stroke-linecap: round; vector-effect: non-scaling-stroke; }
.dots { fill: none; stroke-width: 5; stroke-linecap: round; vector-effect: non-scaling-stroke; }
.median { stroke: var(--median); } .p95 { stroke: var(--p95); }
.target { stroke: var(--bad); stroke-width: 1.5; stroke-dasharray: 5 5; vector-effect: non-scaling-stroke; }
.pointer { fill: transparent; }
.pointer:hover { fill: var(--quiet); fill-opacity: 0.1; }
.empty { color: var(--quiet); padding: 28px 0; text-align: center; }
.card > h2 + .empty { padding: 24px 0 8px; }
details.card { padding: 12px 20px; }
summary { cursor: pointer; font-size: 13px; color: var(--quiet); }
.numbers thead th { white-space: normal; vertical-align: bottom; }

.meters { display: grid; gap: 18px; margin-top: 16px; }
.meter p { display: flex; flex-wrap: wrap; justify-content: space-between; gap: 0 16px; }
.meter p > :last-child { margin-left: auto; }
.meter .track { height: 8px; border-radius: 4px; background: var(--line); margin-top: 6px; overflow: hidden; }
.meter .track i { display: block; height: 100%; background: var(--ok); border-radius: 4px; }
.meter .track i.high { background: var(--bad); }

.share { width: 46%; }
.share i { display: block; height: 8px; border-radius: 4px; background: var(--ok); margin-top: 7px; }

.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; margin-top: 10px; font-size: 14px; }
th, td { text-align: left; padding: 8px 12px 8px 0; border-bottom: 1px solid var(--line); vertical-align: top; font-weight: 400; }
tbody tr:last-child > * { border-bottom: 0; padding-bottom: 0; }
thead th { font-size: 12.5px; color: var(--quiet); white-space: nowrap; }
td.number, th.number, .numbers td, .numbers thead th + th { text-align: right; }
td.number, th.number, .numbers td { white-space: nowrap; }
td:last-child, th:last-child { padding-right: 0; }
.id { display: inline-block; max-width: 8ch; overflow: hidden; white-space: nowrap; vertical-align: bottom; color: var(--quiet); user-select: all; }
.time { white-space: nowrap; }
.said { min-width: 260px; overflow-wrap: anywhere; }
.said .trouble { color: var(--bad); display: block; }
.crew { overflow-wrap: anywhere; }
.crew b { font-weight: 500; margin-right: 6px; }
footer { color: var(--quiet); font-size: 13px; }

@media (max-width: 860px) {
  .metrics { grid-template-columns: repeat(2, minmax(0, 1fr)); gap: 12px; }
  .pair { grid-template-columns: minmax(0, 1fr); gap: 16px; }
}
@media (max-width: 640px) {
  main { padding: 24px 14px 40px; gap: 16px; }
  h1 { font-size: 25px; }
  .card { padding: 16px; }
  details.card { padding: 12px 16px; }
  .numbers th, .numbers td { font-size: 13px; }
  .numbers :not(:last-child) { padding-right: 8px; }
  .metric { padding: 14px 12px; }
  .metric .value { font-size: 28px; }
  .metric .mark { padding: 1px 7px; }
  .meters { font-size: 14px; }
  .x .wide { display: none; }
  .plot { grid-template-columns: 34px minmax(0, 1fr); grid-template-rows: 160px 22px; }
  .runs thead { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
  .share { display: none; }
  .runs tr { display: flex; flex-wrap: wrap; align-items: baseline; gap: 2px 12px; padding: 12px 0; border-bottom: 1px solid var(--line); }
  .runs tr:last-child { border-bottom: 0; padding-bottom: 0; }
  .runs td { border: 0; padding: 0; }
  .runs .crew { flex: 1 1 12ch; text-align: right; }
  .runs .said { flex: 0 0 100%; min-width: 0; order: 1; }
  .runs .number { order: 2; text-align: left; font-size: 13px; color: var(--quiet); }
  .runs .number::before { content: attr(data-label) " "; }
}
@media print { body { background: none; } .card { break-inside: avoid; } }
)";

} // namespace pg
