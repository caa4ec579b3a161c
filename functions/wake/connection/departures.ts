type Departure = () => void

/** So many leave at once even while there is more to read: the first of a long turn does not wait for its last. */
const MOST = 32

let waiting: Departure[] = []

/**
 * Small writes leave together when everything that one turn of the event loop brought has been read. A write wakes its receiver, and
 * where that sleeps on another core the wake costs more than the write; woken once, it finds the others already there. Alone, a write
 * leaves as soon as it would have otherwise. `test/bench/forward.bench.ts` shows the difference.
 */
export function depart(departure: Departure): void {
  const number = waiting.push(departure)
  if (number === 1) setImmediate(departAll)
  else if (number === MOST) departAll()
}

function departAll(): void {
  const leaving = waiting
  waiting = []
  for (const departure of leaving) departure()
}
