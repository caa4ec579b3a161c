import { readFileSync } from 'node:fs'

/** Of one process of Linux, in bytes. */
export interface Memory {
  readonly resident: number
  /** What is shared, divided by those who share it. */
  readonly proportional: number
  /** What nobody shares, without what could be read again from a file. */
  readonly own: number
}

/** proc_pid_smaps(5); throws when the process has ended. */
export function memoryOf(pid: number | string): Memory {
  const text = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8')
  const bytes = (what: string): number => Number(new RegExp(`^${what}:\\s+(\\d+)`, 'm').exec(text)?.[1] ?? NaN) * 1024
  return { resident: bytes('Rss'), proportional: bytes('Pss'), own: bytes('Private_Dirty') }
}
