// The classes of fetch, for the image. `Response` is all that Hono needs of it, and @hono/node-server has one of its own that does without
// Node's for every plain answer. But it names Node's when it is loaded, and with that comes undici, 50 ms of a start, and it cannot be part of
// a snapshot. So esbuild puts this in the place of the globals: Node's own classes, loaded when the first object of one is made.
import { startupSnapshot } from 'node:v8'

type Class = new (...values: unknown[]) => object

function late(name: string): Class {
  let own: Class | undefined
  function load(): Class {
    if (own !== undefined) return own
    if (startupSnapshot.isBuildingSnapshot()) throw new Error(`a ${name} is made before the process is started`)
    own = Reflect.get(globalThis, name) as Class
    Object.setPrototypeOf(Late, own)
    Object.setPrototypeOf(Late.prototype, own.prototype)
    return own
  }
  class Late {
    constructor(...values: unknown[]) {
      return Reflect.construct(load(), values, new.target === Late ? load() : new.target)
    }
    static [Symbol.hasInstance](value: unknown): boolean {
      const is = Function.prototype[Symbol.hasInstance].bind(this)
      return is(value) || (this === Late && own !== undefined && value instanceof own)
    }
  }
  return Late
}

export const web = {
  Headers: late('Headers'),
  Request: late('Request'),
  Response: late('Response'),
  CloseEvent: late('CloseEvent'),
  ErrorEvent: late('ErrorEvent'),
}
