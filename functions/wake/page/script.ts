// The page's own script, sent as it stands here but for its indentation: asks the door how far the wake is, reloads when it is open, or
// once a moment before: the browser makes its way to the door while the instance comes up, and is held there. Until it is answered, or if
// somebody stops it, the page is still there and goes on asking.
// A page that is looked at lets the door keep it waiting, so that it hears of the open door at once. In a hidden tab it asks less often and
// never wakes anybody; `reload` keeps the fragment of the address.
export const script = `(() => {
const clock = () => performance.now(), byId = id => document.getElementById(id)
const main = document.querySelector('main'), data = main.dataset, begun = clock() - data.elapsed * 1000
const steps = [...document.querySelectorAll('li')], note = byId('note'), time = byId('time')
const rest = byId('next'), again = document.querySelector('.again'), opened = clock()
const heard = byId('heard'), root = document.documentElement, early = steps[3]?.className !== 'now'
let usual = Number(data.usual), start = begun, over = false, faults = 0, risen = 0, gone
const far = () => (steps.filter(step => step.className === 'done').length + .8) / 5
const draw = () => {
  const passed = (clock() - start) / 1000
  if (rest) {
    const left = Math.ceil(data.retry - (clock() - opened) / 1000)
    rest.textContent = left > 0 ? data.next.replace('{n}', left < 100 ? left + ' s' : Math.ceil(left / 60) + ' min') : ''
    again.setAttribute('aria-disabled', left > 0)
  }
  if (data.state !== 'waking') return
  risen = Math.max(risen, Math.min(far(), 1 - Math.exp(-1.9 * passed / usual)))
  root.style.setProperty('--p', risen.toFixed(3))
  time.textContent = Math.max(1, Math.round(passed)) + ' s'
}
const show = phase => {
  const at = { scheduled: 1, pulling: 1, starting: 2, database: 3, ready: 5 }[phase] ?? 0
  steps.forEach((step, i) => {
    step.className = i < at ? 'done' : i === at ? 'now' : ''
    if (i === at) { step.setAttribute('aria-current', 'step'); heard.textContent = step.textContent } else step.removeAttribute('aria-current')
  })
}
const leave = () => { over = true; location.reload() }
const ask = async () => {
  const asked = clock(), { hidden } = document
  let next = hidden ? 5000 : 700
  try {
    const now = await (await fetch('/.platxa/wake' + (hidden ? '' : '?wait'), { cache: 'no-store' })).json()
    faults = 0
    if (now.typicalSeconds) usual = now.typicalSeconds
    if (now.state === 'ready') {
      show('ready'); root.style.setProperty('--p', 1)
      if (!(clock() - gone < 3000)) return leave()
    } else if (now.state !== data.state && (now.state !== 'asleep' || data.state === 'waking' && !document.hidden)) return leave()
    if (now.soon && early && !gone && !hidden) { gone = clock(); location.reload() }
    if (now.state === 'waking') {
      start = clock() - now.seconds * 1000
      show(now.phase)
      now.stepSeconds.forEach((seconds, i) => { steps[i].dataset.took = seconds + ' s' })
      if (note.textContent !== now.message) note.textContent = now.message
      main.toggleAttribute('data-said', now.unusual)
    }
    if (data.state !== 'waking') next = 3000
  } catch { faults += 1; next = Math.min(10000, 700 * 2 ** faults) }
  if (!over) setTimeout(ask, next - (clock() - asked))
}
addEventListener('pageshow', event => { if (event.persisted) location.reload() })
setInterval(draw, 1000); draw(); ask()
})()`.replaceAll(/\n */g, '\n')
