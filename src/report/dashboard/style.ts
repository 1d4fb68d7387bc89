/** The style of the dashboard and of its sign-in page, light and dark. */
export const DASHBOARD_STYLE = `
:root {
  color-scheme: light dark;
  --ground: #f6f6f3; --sheet: #fff; --ink: #1c1d1a; --soft: #5c5d57; --line: #e2e2dc; --track: #ebebe6;
  --accent: #0b6b57; --on-accent: #fff; --good: #178a6c; --gone: #9a9b93; --bad: #b3362b; --doubt: #c98a1b;
  --amber-ink: #7a5200; --amber: #fbf1dc; --red: #fbe9e6; --green: #e3f3ee; --grey: #ededea;
}
@media (prefers-color-scheme: dark) {
  :root {
    --ground: #121311; --sheet: #1a1b19; --ink: #ebebe6; --soft: #a6a79f; --line: #2d2e2a; --track: #2a2b27;
    --accent: #66cdaf; --on-accent: #08231c; --good: #36a988; --gone: #7d7e77; --bad: #f28b80; --doubt: #dba443;
    --amber-ink: #edc067; --amber: #2c2412; --red: #351b18; --green: #142b24; --grey: #262724;
  }
}
* { box-sizing: border-box; }
[hidden] { display: none !important; }
body { margin: 0; background: var(--ground); color: var(--ink); font: 15px/1.5 system-ui, sans-serif; font-variant-numeric: tabular-nums; }
h1, h2, h3, p, ul, dl, dd { margin: 0; padding: 0; }
ul { list-style: none; }
.unseen { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
h1 { display: flex; align-items: center; gap: .55rem; font-size: 1.15rem; font-weight: 650; letter-spacing: -.01em; }
h2 { margin: 0 0 .7rem; font-size: .8rem; font-weight: 600; color: var(--soft); letter-spacing: .02em; }
.mark { width: 1.6rem; height: 1.6rem; fill: var(--accent); }
.mark path { stroke: var(--on-accent); stroke-width: 6; stroke-linecap: round; }
.stage { padding: .05rem .5rem; border: 1px solid var(--line); border-radius: 1rem; font-size: .75rem; font-weight: 500; color: var(--soft); }
button, .actions a { font: inherit; font-size: .875rem; line-height: 1.25rem; padding: .3rem .8rem; border: 1px solid var(--line); border-radius: .5rem; background: var(--sheet); color: var(--ink); cursor: pointer; text-decoration: none; }
button:hover, .actions a:hover { border-color: var(--soft); }
button:disabled { opacity: .55; cursor: default; }
button.primary { background: var(--accent); border-color: var(--accent); color: var(--on-accent); font-weight: 550; }
button.danger { background: var(--bad); border-color: var(--bad); color: var(--sheet); font-weight: 550; }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }
code { font: .9em ui-monospace, monospace; }
.top { display: flex; align-items: center; gap: .6rem 1.5rem; flex-wrap: wrap; max-width: 76rem; margin: 0 auto; padding: 1.1rem 1.5rem; }
.fresh { color: var(--soft); font-size: .875rem; }
.fresh::before { content: ''; display: inline-block; width: .5rem; height: .5rem; margin-right: .45rem; border-radius: 50%; background: var(--gone); }
.fresh.live::before { background: var(--good); }
.fresh.late { color: var(--bad); font-weight: 550; }
.fresh.late::before { background: var(--bad); }
.who { margin-left: auto; display: flex; align-items: center; gap: .8rem; min-width: 0; }
.name { color: var(--soft); font-size: .875rem; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; max-width: 14rem; }
.warning { max-width: 73rem; margin: 0 auto 1rem; padding: .7rem 1rem; border-radius: .6rem; background: var(--amber); color: var(--amber-ink); white-space: pre-line; }
.board { display: grid; grid-template-columns: minmax(0, 1fr) 18rem; grid-template-rows: auto 1fr; gap: 2rem 2.5rem; max-width: 76rem; margin: 0 auto; padding: .5rem 1.5rem 4rem; transition: opacity .3s; }
.old .board { opacity: .55; }
.first, .side { display: grid; gap: 2rem; align-content: start; min-width: 0; }
.side { grid-column: 2; grid-row: 1 / 3; }
.past { min-width: 0; }
.now ul { display: grid; gap: .9rem; }
.card, .scheduled ul, .earlier ul, .fact { background: var(--sheet); border: 1px solid var(--line); border-radius: .8rem; }
.card { padding: 1.1rem 1.25rem 1.15rem; }
.fact { padding: .9rem 1rem; }
.fact + .fact { margin-top: .7rem; }
.empty { color: var(--soft); padding: .2rem 0; }
.head { display: grid; grid-template-columns: auto minmax(0, 1fr) auto; gap: .3rem .7rem; align-items: start; }
.head .chip { margin-top: .2rem; }
.title { font-size: 1rem; font-weight: 600; line-height: 1.4; overflow-wrap: anywhere; text-align: left; unicode-bidi: isolate; display: -webkit-box; -webkit-box-orient: vertical; -webkit-line-clamp: 2; overflow: hidden; }
.card .title { font-size: 1.08rem; }
.about { color: var(--soft); font-size: .875rem; display: flex; flex-wrap: wrap; gap: 0 .6rem; overflow-wrap: anywhere; min-width: 0; }
.about span + span::before { content: '·'; margin-right: .6rem; }
.card > .about { margin-top: .15rem; }
.actions { display: flex; flex-wrap: wrap; gap: .4rem; justify-content: flex-end; }
.line button, .line .actions a { border-color: transparent; background: none; color: var(--soft); }
.line button:hover, .line .actions a:hover { border-color: var(--line); color: var(--ink); }
.line .actions { margin-right: -.8rem; }
.chip { display: inline-block; padding: .05rem .55rem; border-radius: 1rem; font-size: .78rem; font-weight: 550; line-height: 1.35rem; background: var(--grey); color: var(--soft); white-space: nowrap; }
.chip.running, .chip.done { background: var(--green); color: var(--accent); }
.chip.paused { background: var(--amber); color: var(--amber-ink); }
.chip.failed { background: var(--red); color: var(--bad); }
.reason { margin-top: .4rem; font-size: .875rem; color: var(--amber-ink); overflow-wrap: anywhere; }
.failed .reason, .down .reason { color: var(--bad); }
.flow { display: flex; flex-wrap: wrap; align-items: end; justify-content: space-between; gap: .2rem 1.5rem; margin-top: .8rem; }
.big strong { font-size: 1.5rem; font-weight: 620; letter-spacing: -.02em; }
.big, .reach { color: var(--soft); }
.big strong, .reach strong { color: var(--ink); }
.reach strong { font-weight: 600; }
.share { margin-left: .7rem; color: var(--ink); }
.pace { display: flex; align-items: end; gap: .8rem; color: var(--soft); font-size: .875rem; padding-bottom: .3rem; }
.spark { width: 7.5rem; height: 1.75rem; }
.spark polyline { fill: none; stroke: var(--accent); stroke-width: 1.5; stroke-linejoin: round; vector-effect: non-scaling-stroke; }
.bar { display: flex; height: .55rem; margin: .45rem 0 .1rem; border-radius: .3rem; background: var(--track); overflow: hidden; }
.part { width: 0; transition: width .8s ease-out; }
.part.delivered { background: var(--good); }
.part.unregistered { background: var(--gone); }
.part.rejected { background: var(--bad); }
.part.unknown { background: var(--doubt); }
.balance { display: flex; flex-wrap: wrap; gap: .35rem 1.5rem; margin-top: .75rem; }
.balance dt { color: var(--soft); font-size: .8rem; }
.balance dt::before { content: ''; display: inline-block; width: .5rem; height: .5rem; margin-right: .4rem; border-radius: .15rem; background: var(--track); }
.balance dt.delivered::before { background: var(--good); }
.balance dt.unregistered::before { background: var(--gone); }
.balance dt.rejected::before { background: var(--bad); }
.balance dt.unknown::before { background: var(--doubt); }
.line { display: grid; grid-template-columns: 9.5rem minmax(0, 1fr) auto; gap: .3rem 1rem; padding: .8rem 1.25rem; align-items: start; }
.line + .line { border-top: 1px solid var(--line); }
.when { display: grid; justify-items: start; gap: .15rem; color: var(--soft); font-size: .875rem; }
.when strong { color: var(--ink); font-weight: 600; }
.late { color: var(--bad); }
.reach { font-size: .875rem; margin-top: .15rem; }
.more { margin-top: 1rem; }
.pair { display: flex; justify-content: space-between; gap: .8rem; overflow-wrap: anywhere; }
.pair strong { font-weight: 600; min-width: 0; }
.state { color: var(--soft); white-space: nowrap; font-size: .875rem; }
.state.sending, .state.ramping { color: var(--accent); }
.state.throttled { color: var(--amber-ink); }
.state.down { color: var(--bad); }
.small { font-size: .82rem; color: var(--soft); }
.bar + .small { margin-top: .3rem; }
dialog { width: min(30rem, calc(100vw - 2rem)); padding: 1.5rem; border: 1px solid var(--line); border-radius: .9rem; background: var(--sheet); color: var(--ink); }
dialog::backdrop { background: rgb(0 0 0 / .45); }
dialog h2 { font-size: 1.1rem; color: var(--ink); margin-bottom: .3rem; letter-spacing: 0; }
dialog p { margin-bottom: .6rem; }
dialog label { display: flex; gap: .6rem; margin: .5rem 0; font-size: .9rem; }
dialog input { flex: none; margin-top: .3rem; accent-color: var(--accent); }
.problem { color: var(--bad); overflow-wrap: anywhere; }
.problem:empty { display: none; }
.answers { display: flex; justify-content: flex-end; gap: .6rem; margin: 1.2rem 0 0 !important; }
.login { max-width: 23rem; margin: 0 auto; padding: min(22vh, 11rem) 1.5rem 3rem; }
.login h1 { font-size: 1.4rem; margin-bottom: 1.6rem; }
.login form { display: grid; gap: .8rem; }
.login label { font-weight: 550; margin-bottom: -.4rem; }
.login input:not(.unseen) { font: inherit; padding: .55rem .7rem; border: 1px solid var(--gone); border-radius: .5rem; background: var(--sheet); color: var(--ink); width: 100%; }
.login button { padding: .55rem; font-size: 1rem; }
.hint { color: var(--soft); font-size: .85rem; }
@media (max-width: 62rem) {
  .board { grid-template-columns: minmax(0, 1fr); }
  .side { grid-column: 1; grid-row: auto; grid-template-columns: repeat(auto-fit, minmax(16rem, 1fr)); }
}
@media (max-width: 40rem) {
  .top { padding: .9rem 1rem; }
  .warning { margin: 0 1rem 1rem; }
  .board { padding: .25rem 1rem 3rem; }
  .name { display: none; }
  .spark { width: 4.5rem; }
  .card { padding: 1rem; }
  .card { display: flex; flex-direction: column; }
  .head { display: contents; }
  .head .chip { align-self: start; margin: 0 0 .4rem; }
  .head .actions { order: 1; justify-content: start; margin-top: 1rem; }
  .line { grid-template-columns: minmax(0, 1fr) auto; padding: .8rem 1rem; }
  .when { display: flex; flex-wrap: wrap; align-items: baseline; gap: 0 .6rem; }
  .line .what { grid-column: 1 / -1; grid-row: 2; }
  .side { grid-template-columns: minmax(0, 1fr); }
}
@media (prefers-reduced-motion: reduce) { .part, .board { transition: none; } }
`;
