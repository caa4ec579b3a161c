// Behaves as an open tab of Odoo 19's web client was seen to: what it asks, when it tries again, what it tells the person.
const form = document.querySelector('#note')
const loading = document.querySelector('#loading')
const status = document.querySelector('#status')
const list = document.querySelector('#notes')
let offline = false
let callId = 0

async function call(path, params) {
  callId += 1
  const body = JSON.stringify({ jsonrpc: '2.0', method: 'call', id: callId, params })
  const headers = { 'content-type': 'application/json' }
  const response = await fetch(path, { method: 'POST', headers, body }).catch(() => undefined)
  // Any of these and the click is lost: Odoo's client does not ask again by itself.
  if (response === undefined || [502, 503, 504].includes(response.status)) throw new ConnectionLost()
  const { result, error } = await response.json()
  if (error) throw new Error(error.data?.message ?? error.message)
  return result
}

class ConnectionLost extends Error {}

form.addEventListener('submit', (event) => {
  event.preventDefault()
  void save()
})

async function save() {
  const text = form.elements.text.value
  loading.hidden = false
  try {
    const id = await call('/web/dataset/call_kw/standin.note/create', {
      model: 'standin.note',
      method: 'create',
      args: [{ text }],
      kwargs: {},
    })
    show({ id, text })
    form.reset()
  } catch (error) {
    if (error instanceof ConnectionLost) void lostConnection()
    else status.textContent = error.message
  } finally {
    loading.hidden = true
  }
}

function show({ id, text }) {
  if (list.querySelector(`[data-id="${id}"]`)) return
  const item = document.createElement('li')
  item.dataset.id = id
  item.textContent = text
  list.append(item)
}

async function lostConnection() {
  if (offline) return
  offline = true
  status.textContent = 'Connection lost. Trying to reconnect...'
  for (let delay = 2000; offline; delay = delay * 1.5 + 500 * Math.random()) {
    await new Promise((done) => setTimeout(done, delay))
    const version = await call('/web/webclient/version_info', {}).catch(() => undefined)
    offline = version === undefined
  }
  status.textContent = 'Connection restored. You are back online.'
}

// --- the bus

let attempts = 0

function connect() {
  const socket = new WebSocket(`${location.origin.replace('http', 'ws')}/websocket?version=19.0-2`)
  let signs
  socket.addEventListener('open', () => {
    socket.send(JSON.stringify({ event_name: 'subscribe', data: { channels: [], last: 0 } }))
    socket.send(
      JSON.stringify({ event_name: 'update_presence', data: { inactivity_period: 0, im_status_ids_by_model: {} } }),
    )
    if (attempts > 0) call('/bus/has_missed_notifications', { last_notification_id: 0 }).catch(lostConnection)
    attempts = 0
    signs = setInterval(() => socket.send(new Uint8Array([0])), 60_000)
  })
  socket.addEventListener('message', ({ data }) => {
    for (const { message } of JSON.parse(data)) if (message.type === 'standin.note') show(message.payload)
  })
  socket.addEventListener('close', ({ code }) => {
    clearInterval(signs)
    if (code === 1000) return
    const delay = Math.min(60_000, 1000 * 1.5 ** attempts) + 1000 * Math.random()
    attempts += 1
    setTimeout(connect, delay)
  })
}

connect()
