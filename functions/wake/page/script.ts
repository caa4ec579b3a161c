// The page's own script, sent as it stands here but for its indentation: asks the door how far the wake is, reloads when it is open.
// A page that is looked at lets the door keep it waiting, so that it hears of the open door at once. In a hidden tab it asks less often and
// never wakes anybody; `reload` keeps the fragment of the address.
export const script = `(() => {
const clock = () => performance.now(), byId = id => document.getElementById(id)
const main = document.querySelector('main'), data = main.dataset, begun = clock() - data.elapsed * 1000
const steps = [...document.querySelectorAll('li')], note = byId('note'), time = byId('time')
const rest = byId('next'), again = document.querySelector('.again'), opened = clock()
const heard = byId('heard'), root = document.documentElement
let usual = Number(data.usual), start = begun, over = false, faults = 0, risen = 0
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
  if (passed > usual * 2.5 + 5 && !data.said) { data.said = '1'; note.textContent = data.slow }
}
const show = phase => {
  const at = { stopping: 0, requested: 0, accepted: 0, scheduled: 1, pulling: 1, starting: 2, database: 3, ready: 5 }[phase] ?? 0
  steps.forEach((step, i) => {
    step.className = i < at ? 'done' : i === at ? 'now' : ''
    if (i === at) { step.setAttribute('aria-current', 'step'); heard.textContent = step.textContent } else step.removeAttribute('aria-current')
  })
}
const ask = async () => {
  const asked = clock(), { hidden } = document
  let next = hidden ? 5000 : 700
  try {
    const answer = await fetch('/.platxa/wake' + (hidden ? '' : '?wait'), { cache: 'no-store', headers: { accept: 'application/json' } })
    const now = await answer.json()
    faults = 0
    if (now.typicalSeconds) usual = now.typicalSeconds
    if (now.state === 'ready') { over = true; show('ready'); root.style.setProperty('--p', 1); location.reload(); return }
    if (now.state !== data.state && (now.state !== 'asleep' || data.state === 'waking' && !document.hidden)) { over = true; location.reload(); return }
    if (now.state === 'waking') {
      start = clock() - now.seconds * 1000
      show(now.phase)
      now.stepSeconds.forEach((seconds, i) => { steps[i].dataset.took = seconds + ' s' })
      if (now.message && note.textContent !== now.message) { note.textContent = now.message; data.said = '1' }
    }
    if (data.state !== 'waking') next = 3000
  } catch { faults += 1; next = Math.min(10000, 700 * 2 ** faults) }
  if (!over) setTimeout(ask, next - (clock() - asked))
}
addEventListener('pageshow', event => { if (event.persisted) location.reload() })
setInterval(draw, 1000); draw(); ask()
})()`.replaceAll(/\n */g, '\n')
