/** The console's whole look; one accent, the system's own font, light and dark. */
export const style = `
:root { color-scheme: light dark; --ink: #1c1b22; --soft: #6b6877; --line: #e4e1ea; --paper: #fbfaff; --card: #fff;
  --accent: #6d3fd1; --accent-ink: #fff; --awake: #16794a; --awake-bg: #dff5e9; --waking: #8a5a00; --waking-bg: #fdf0d0;
  --asleep: #4d5573; --asleep-bg: #e9ebf6; --bad: #b3261e; --bad-bg: #fde5e3; --shadow: 0 1px 2px #1c1b2212, 0 4px 16px #1c1b220a }
@media (prefers-color-scheme: dark) { :root { --ink: #ece9f4; --soft: #a09cae; --line: #33303e; --paper: #16151b;
  --card: #1f1d26; --accent: #a98af0; --accent-ink: #16151b; --awake: #7fdcab; --awake-bg: #143626; --waking: #f3c969;
  --waking-bg: #3b2f10; --asleep: #b4bbdc; --asleep-bg: #272b40; --bad: #ff9d94; --bad-bg: #47201d; --shadow: none } }
* { box-sizing: border-box }
body { margin: 0; background: var(--paper); color: var(--ink); font: 15px/1.5 system-ui, sans-serif }
header { display: flex; flex-wrap: wrap; gap: .25rem 1.5rem; align-items: baseline; max-width: 72rem; margin: 0 auto; padding: 2rem 1.25rem 0 }
header h1 { font-size: 1.3rem; margin: 0; letter-spacing: -.01em } header h1 a { color: inherit; text-decoration: none }
header p { margin: 0; color: var(--soft) }
main { max-width: 72rem; margin: 0 auto; padding: 1rem 1.25rem 4rem }
h2 { font-size: 1rem; margin: 2rem 0 .6rem } h2 small { color: var(--soft); font-weight: 400; margin-left: .5rem }
a { color: var(--accent) } code, .mono { font: 12.5px/1.5 ui-monospace, monospace }
.card { background: var(--card); border: 1px solid var(--line); border-radius: 12px; box-shadow: var(--shadow); overflow-x: auto }
table { border-collapse: collapse; width: 100% } th, td { text-align: left; padding: .65rem .9rem; vertical-align: top }
th { font-size: .78rem; font-weight: 500; color: var(--soft) } tbody tr { border-top: 1px solid var(--line) }
td.tight { white-space: nowrap } .soft { color: var(--soft) } .small { font-size: .85rem }
.name { font-weight: 600 } .why { min-width: 11rem; max-width: 26rem }
.pill { display: inline-block; border-radius: 99px; padding: .05rem .65rem; font-size: .82rem; font-weight: 600; white-space: nowrap }
.awake { color: var(--awake); background: var(--awake-bg) } .waking, .falling { color: var(--waking); background: var(--waking-bg) }
.asleep { color: var(--asleep); background: var(--asleep-bg) } .trouble { color: var(--bad); background: var(--bad-bg) }
.waking::before { content: ''; display: inline-block; width: .5em; height: .5em; margin-right: .45em; border-radius: 50%;
  background: currentColor; animation: breathe 1.2s infinite alternate ease-in-out }
@keyframes breathe { from { opacity: .25 } } @media (prefers-reduced-motion: reduce) { .waking::before { animation: none } }
form { display: inline-flex; gap: .5rem; flex-wrap: wrap; align-items: center; margin: 0 }
button, input, select { font: inherit; color: inherit; border: 1px solid var(--line); background: var(--card); border-radius: 8px; padding: .3rem .75rem }
button { cursor: pointer } button:hover { border-color: var(--accent) } button.main { background: var(--accent); border-color: var(--accent); color: var(--accent-ink); font-weight: 600 }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px }
.request { padding: .9rem } .said { border-left: 3px solid var(--accent); padding: .4rem .9rem; margin: 1rem 0; background: var(--card) }
.said.bad { border-color: var(--bad) }
.answer { font-variant-numeric: tabular-nums } .ok { color: var(--awake) } .no { color: var(--bad) }
details summary { cursor: pointer } pre { white-space: pre-wrap; overflow-wrap: anywhere; margin: .4rem 0 0; font: 12.5px/1.5 ui-monospace, monospace }
details.inline { display: inline-block } details.inline[open] summary { display: none }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .35rem 1.5rem; margin: 0; padding: 1rem } dt { color: var(--soft) } dd { margin: 0; overflow-wrap: anywhere }
.empty { padding: 1.2rem; color: var(--soft) }
@media (max-width: 46rem) { th:nth-child(n+4), td.wide { display: none } }
`
