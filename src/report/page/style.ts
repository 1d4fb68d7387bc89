/** The style of the report page: light and dark, from 375 px up, and for paper. It loads nothing. */
export const PAGE_STYLE = `
:root {
  color-scheme: light dark;
  --paper: #fdfdfc; --card: #fff; --ink: #1a1d21; --muted: #5c636b; --line: #e4e5e3; --accent: #17609c;
  --good: #1f7a55; --gone: #7d8894; --bad: #b3372b; --doubt: #7a55a8; --rest: #c2c7cc; --left: #dddfe0;
  --ramp: #86b0d6; --throttled: #d99a2b; --down: #c8452f; --paused: #8b8f98;
  --database: #8a6642; --retries: #3f8f8b; --starting: #b9c0c7; --stalled: #5b1f18; --budget: #6ba0cd;
  --p50: #17609c; --p95: #c07a12; --p99: #b3372b;
  --heat0: #dbe7f2; --heat1: #b3cee6; --heat2: #82add5; --heat3: #4f88bd; --heat4: #22639d; --heat5: #0b3f70;
}
@media screen and (prefers-color-scheme: dark) {
  :root {
    --paper: #14171a; --card: #1b1f23; --ink: #e8eaec; --muted: #a0a8b0; --line: #2c3238; --accent: #6db0ea;
    --good: #4fbf8b; --gone: #8793a0; --bad: #ef7a6d; --doubt: #b497e0; --rest: #59626b; --left: #3a4149;
    --ramp: #4d7ea8; --throttled: #d99a2b; --down: #e0604c; --paused: #8b929b;
    --database: #b38a5f; --retries: #55b3ae; --starting: #59636d; --stalled: #a5463a; --budget: #3d77a8;
    --p50: #6db0ea; --p95: #e0a343; --p99: #ef7a6d;
    --heat0: #22303d; --heat1: #2a4660; --heat2: #336188; --heat3: #417fb2; --heat4: #62a3da; --heat5: #a9d3f7;
  }
}
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; text-size-adjust: 100%; }
body {
  margin: 0; background: var(--paper); color: var(--ink); font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto,
  "Helvetica Neue", Arial, sans-serif; font-variant-numeric: tabular-nums;
}
main, footer { max-width: 908px; margin: 0 auto; padding: 0 24px; }
header { padding: 44px 0 8px; }
.eyebrow { margin: 0 0 14px; color: var(--muted); font-size: 14px; overflow-wrap: anywhere; }
.eyebrow b { color: var(--ink); font-weight: 600; }
.status { display: inline-block; margin-right: 6px; padding: 1px 9px 2px; border: 1px solid currentColor; border-radius: 99px;
  font-size: 12.5px; font-weight: 600; }
.is-good { color: var(--good); } .is-bad { color: var(--bad); } .is-open { color: var(--accent); } .is-still { color: var(--muted); }
h1 { max-width: 22em; margin: 0 0 14px; font-size: clamp(27px, 5vw, 40px); line-height: 1.14; font-weight: 650;
  letter-spacing: -0.022em; text-wrap: balance; }
.lead { max-width: 44em; margin: 0 0 4px; font-size: 16.5px; color: var(--muted); text-wrap: pretty; overflow-wrap: anywhere; }
.notice { max-width: 48em; margin: 14px 0 0; padding: 2px 0 2px 14px; border-left: 3px solid var(--throttled); }
section { padding: 26px 0 4px; break-inside: avoid; }
h2 { margin: 0 0 4px; font-size: 18px; line-height: 1.3; font-weight: 650; letter-spacing: -0.008em; }
h3 { margin: 20px 0 6px; font-size: 14px; font-weight: 650; }
p { margin: 0 0 8px; } .note { max-width: 52em; color: var(--muted); font-size: 13.5px; text-wrap: pretty; }
a { color: var(--accent); text-underline-offset: 4px; text-decoration-thickness: 1px; text-decoration-color: var(--rest); }
a:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }
figure { margin: 12px 0 0; } figcaption { color: var(--muted); font-size: 13.5px; }
.plot { display: block; width: 100%; height: auto; font: 12px system-ui, -apple-system, "Segoe UI", Roboto, Arial, sans-serif;
  font-variant-numeric: tabular-nums; overflow: visible; color: var(--muted); }
.plot text { white-space: pre; } .narrow { display: none; }
.bar { display: flex; gap: 1px; height: 26px; margin: 12px 0 12px; border-radius: 5px; overflow: hidden; background: var(--line); }
.bar > i { min-width: 2px; }
.swatch { display: inline-block; width: 10px; height: 10px; margin-right: 7px; border-radius: 3px; flex: none; }
.swatch.line { height: 3px; border-radius: 2px; vertical-align: 3px; } .swatch.dash { height: 0; border-top: 2px dashed var(--ink);
  border-radius: 0; width: 14px; vertical-align: 3px; background: none; } .swatch.dot { width: 6px; height: 6px; border-radius: 50%;
  vertical-align: 1px; background: var(--bad); }
.legend { display: flex; flex-wrap: wrap; gap: 3px 20px; margin: 8px 0 0; padding: 0; list-style: none; color: var(--muted); font-size: 13.5px; }
.balance { display: grid; grid-template-columns: repeat(7, 1fr); gap: 16px; margin: 0; }
.balance div { min-width: 0; } .balance dt { display: flex; align-items: center; color: var(--muted); font-size: 13.5px; }
.balance dd { margin: 0; } .balance .number { font-size: 20px; line-height: 1.3; font-weight: 600; letter-spacing: -0.01em; }
.balance .share { color: var(--muted); font-size: 13px; }
.parts { columns: 2; column-gap: 44px; margin: 0; padding: 0; list-style: none; font-size: 14px; }
.parts li { display: flex; align-items: baseline; gap: 2px; padding: 2px 0; break-inside: avoid; }
.parts span.time { margin-left: auto; padding-left: 12px; white-space: nowrap; } .parts .share { flex: none; width: 4em; text-align: right; color: var(--muted); }
table { width: 100%; border-collapse: collapse; font-size: 14px; } caption { text-align: left; color: var(--muted); font-size: 13.5px; padding-bottom: 6px; }
th { padding: 5px 14px 5px 0; text-align: left; font-weight: 500; font-size: 13px; color: var(--muted); border-bottom: 1px solid var(--line); vertical-align: bottom; }
td, tbody th { padding: 6px 14px 6px 0; border-bottom: 1px solid var(--line); vertical-align: top; color: inherit; font-size: 14px; font-weight: 400; overflow-wrap: anywhere; }
tbody tr:last-child > * { border-bottom: 0; } tr > :last-child { padding-right: 0; }
.num { text-align: right; white-space: nowrap; overflow-wrap: normal; } .when, .code { white-space: nowrap; overflow-wrap: normal; } .code { font-weight: 600; } .who { width: 9em; } .what { width: 11em; } .meaning { width: 30%; }
tr.own > * { font-weight: 650; } .muted { color: var(--muted); } .cut { display: -webkit-box; -webkit-box-orient: vertical; -webkit-line-clamp: 1; overflow: hidden; word-break: break-all; }
.hops td, .hops th { padding-top: 2px; padding-bottom: 2px; border: 0; font-size: 13px; white-space: nowrap; }
.hops thead th { border-bottom: 1px solid var(--line); padding-bottom: 5px; }
.hops .wide-cell { width: 52%; white-space: normal; } .hops th .swatch + .swatch, .hops th .swatch:not(:first-child) { margin-left: 12px; } .track { display: flex; height: 12px; margin-top: 4px; }
.track i:first-child { border-radius: 2px 0 0 2px; } .track i:last-child { border-radius: 0 2px 2px 0; }
.phones { display: grid; grid-template-columns: repeat(auto-fit, minmax(290px, 1fr)); gap: 18px 28px; margin-top: 12px; }
.phones h3 { margin: 0 0 8px; } .screen { max-width: 392px; padding: 18px 12px; border-radius: 18px; background: var(--heat0); }
.push { display: grid; grid-template-columns: auto 1fr; gap: 0 10px; padding: 11px 13px; border-radius: 16px; background: var(--card);
  font-size: 14px; line-height: 1.38; contain: content; }
.push + .push { margin-top: 10px; } .icon { width: 30px; height: 30px; border-radius: 50%; background: var(--rest); } .ios .icon { border-radius: 8px; width: 34px; height: 34px; align-self: center; }
.push > div { min-width: 0; } .push .app { color: var(--muted); font-size: 12px; } .push bdi { display: -webkit-box; -webkit-box-orient: vertical; overflow: hidden; overflow-wrap: anywhere; max-width: 100%; }
.push .title { font-weight: 600; } .lines1 { -webkit-line-clamp: 1; } .lines4 { -webkit-line-clamp: 4; } .lines8 { -webkit-line-clamp: 8; white-space: pre-line; }
.lines1 { word-break: break-all; }
.picture { grid-column: 2; margin-top: 8px; padding: 20px 0; border: 1px dashed var(--rest); border-radius: 10px; text-align: center; color: var(--muted); font-size: 12.5px; }
footer { padding-top: 28px; padding-bottom: 44px; color: var(--muted); font-size: 13px; }
@media (max-width: 860px) { .balance { grid-template-columns: repeat(4, 1fr); } }
@media (max-width: 640px) {
  main, footer { padding-left: 18px; padding-right: 18px; } header { padding-top: 28px; }
  .wide { display: none; } .narrow { display: block; } .parts { columns: 1; }
  .balance { grid-template-columns: repeat(2, 1fr); } .optional { display: none; } .hops .wide-cell { width: 40%; }
  .stack thead { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
  .stack, .stack tbody { display: block; } .stack tr { display: flex; flex-wrap: wrap; gap: 0 12px; padding: 8px 0; border-bottom: 1px solid var(--line); }
  .stack tr > * { padding: 0; border: 0; } .stack .full { width: 100%; } .stack .num { text-align: left; }
}
@media print {
  @page { size: A4; margin: 13mm 13mm 12mm; }
  :root { color-scheme: light; }
  * { -webkit-print-color-adjust: exact; print-color-adjust: exact; }
  body { font-size: 9pt; line-height: 1.32; background: #fff; } main, footer { max-width: none; padding: 0; }
  header { padding: 0 0 2px; } h1 { font-size: 20pt; margin-bottom: 7px; } .lead { font-size: 10pt; max-width: none; } section { padding: 9px 0 0; break-inside: auto; } p { margin-bottom: 4px; } figure { margin-top: 6px; } h3 { margin: 8px 0 2px; } .legend { margin-top: 3px; } .note { max-width: none; } figure, tr, .phones > div, .parts, .balance { break-inside: avoid; } h2, h3, thead { break-after: avoid; } h2 { font-size: 11.5pt; }
  .note, figcaption, .legend, .parts, .balance dt, .balance .share, caption { font-size: 8.4pt; } .eyebrow { font-size: 9pt; margin-bottom: 8px; }
  .wide { display: block; width: 88%; } .narrow { display: none; } .balance { grid-template-columns: repeat(7, 1fr); gap: 8px; } .balance .number { font-size: 12.5pt; }
  .bar { height: 17px; margin: 8px 0; } .parts { columns: 2; } td, tbody th, th, .hops td, .hops th { font-size: 8.3pt; padding-top: 2px; padding-bottom: 2px; }
  .audit tbody tr:nth-child(n + 9) { display: none; } .hops td, .hops th { padding-top: 0; padding-bottom: 0; line-height: 1.35; } .track { height: 8px; margin-top: 2px; } .phones { grid-template-columns: 1fr 1fr; } .screen { padding: 9px; } .push { font-size: 8.6pt; padding: 7px 9px; }
  .lines8 { -webkit-line-clamp: 4; } .picture { padding: 5px 0; margin-top: 4px; } .brief { display: -webkit-box; -webkit-box-orient: vertical; -webkit-line-clamp: 3; overflow: hidden; } .audit .brief { -webkit-line-clamp: 2; } a { color: inherit; text-decoration: none; } footer { padding: 10px 0 0; font-size: 8pt; }
}
`;
