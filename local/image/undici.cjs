// What undici's own index does for the only things the functions use: Agent, `request` of it, errors. The index also loads a second fetch,
// WebSocket, caches and mocks, which is a quarter of a function's start.
const Dispatcher = require('undici/lib/dispatcher/dispatcher')
Object.assign(Dispatcher.prototype, require('undici/lib/api'))
exports.Agent = require('undici/lib/dispatcher/agent')
exports.errors = require('undici/lib/core/errors')
