// The look of the pages: dawn over a horizon, the sun as high as the wake has come (`--p`, 0 to 1, moved by the script).
import type { Look } from './look.ts'

const plain = `
:root{color-scheme:light dark;--p:0;--ink:#1f2340;--soft:#5d6285;--faint:#686d90;--paper:#f6f5fb;--line:#dcdbe9;--go:#5b4bd6;--bad:#b3372f;
--sky1:#c9d4ff;--sky2:#ffe3c8;--hill:#8f86d8;--sun:#ffb347;--night:#2b2a5c}
@media (prefers-color-scheme:dark){:root{--ink:#eceafc;--soft:#a9acd0;--faint:#878bb5;--paper:#12122a;--line:#2b2c52;--go:#a79bff;--bad:#ff8f86;
--sky1:#3b3f8f;--sky2:#c9785f;--hill:#221f4d;--sun:#ffbf66;--night:#0b0b20}}
*,*::before{box-sizing:border-box}
html,body{height:100%;margin:0}
body{background:var(--paper);color:var(--ink);font:16px/1.55 system-ui,"Noto Sans","Noto Sans Arabic",sans-serif;display:grid;place-items:center;padding:24px}
main{width:100%;max-width:26rem;text-align:center;display:flex;flex-direction:column;align-items:center}
.brand{order:-4}h1{order:-2}.host{order:-1}
svg{order:-3;width:148px;height:148px;margin:0 0 28px}
.night{opacity:calc(1 - var(--p));transition:opacity 1s linear}
.sun{transform:translateY(calc((1 - var(--p)) * 58px));transition:transform 1s linear}
.stars circle{animation:twinkle 3.2s ease-in-out infinite}
.stars circle:nth-child(2n){animation-delay:1.1s}
.stars circle:nth-child(3n){animation-delay:2s}
@keyframes twinkle{50%{opacity:.25}}
h1{font-size:1.6rem;line-height:1.25;font-weight:650;letter-spacing:-.01em;margin:0 0 4px;text-wrap:balance}
.host{margin:0 0 14px;color:var(--faint);font-size:.9rem;overflow-wrap:anywhere;unicode-bidi:isolate}
p{margin:0 0 12px;color:var(--soft);text-wrap:pretty}
ol{list-style:none;margin:24px auto 20px;padding:0;width:max-content;max-width:100%;text-align:start}
li{display:flex;align-items:center;gap:12px;padding:4px 0;color:var(--faint)}
li::before{content:"";flex:none;width:14px;height:14px;margin:0 4px;border-radius:50%;border:2px solid var(--line)}
li.done{color:var(--soft)}
li.done::before{height:8px;margin-bottom:5px;border:solid var(--go);border-width:0 0 2px 2px;border-radius:0;transform:rotate(-45deg)}
li.now{color:var(--ink);font-weight:600}
li.now::before{border-color:var(--go);background:var(--go);animation:breathe 1.6s ease-in-out infinite}
li::after{content:attr(data-took);margin-inline-start:auto;padding-inline-start:12px;font-size:.875rem;font-weight:400;unicode-bidi:plaintext;font-variant-numeric:tabular-nums}
@keyframes breathe{50%{box-shadow:0 0 0 6px color-mix(in srgb,var(--go) 22%,transparent)}}
.bar{height:4px;border-radius:2px;background:var(--line);overflow:hidden;margin:0 auto 12px;width:100%;max-width:18rem}
.bar i{display:block;height:100%;width:calc(var(--p) * 100%);background:var(--go);border-radius:2px;transition:width 1s linear}
.small{font-size:.875rem;color:var(--faint);min-height:1.4em;font-variant-numeric:tabular-nums}
main[data-said] #note{color:var(--ink)}
.bad h1{color:var(--bad)}
.bad .sun{--p:.12}
a.again{display:inline-block;margin:10px 0 18px;padding:10px 22px;border-radius:999px;background:var(--go);color:var(--paper);font-weight:600;text-decoration:none}
a.again[aria-disabled=true]{background:none;color:var(--soft);box-shadow:inset 0 0 0 2px var(--line)}
a.again:focus-visible{outline:3px solid var(--ink);outline-offset:3px}
code{font:600 .875rem ui-monospace,SFMono-Regular,Menlo,monospace;color:var(--ink)}
.brand{display:flex;align-items:center;gap:10px;margin:0 0 28px;color:var(--ink);font-weight:600}
.brand img{height:28px;width:auto;max-width:160px}
.small a{color:var(--go)}
#heard{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%)}
@media (prefers-reduced-motion:reduce){*,*::before{animation:none!important;transition:none!important}}
`.replaceAll('\n', '')

export function styleOf({ color, colorOnDark }: Look): string {
  if (color === undefined && colorOnDark === undefined) return plain
  const light = color === undefined ? '' : `:root{--go:${color}}`
  const dark = colorOnDark === undefined ? '' : `@media (prefers-color-scheme:dark){:root{--go:${colorOnDark}}}`
  return `${plain}${light}${dark}`
}
