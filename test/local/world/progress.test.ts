import { describe, expect, it, vi } from 'vitest'
import { createProgress } from '#local/world/progress.ts'

function screen(isTTY: boolean) {
  let text = ''
  return { isTTY, columns: 80, write: (more: string) => void (text += more), shown: () => text }
}

async function passing(ms: number): Promise<string> {
  await vi.advanceTimersByTimeAsync(ms)
  return 'done'
}

describe('progress', () => {
  it('says nothing of what takes less than a moment', async () => {
    vi.useFakeTimers()
    const quiet = screen(false)
    await createProgress(quiet).step('quick', () => passing(500))
    expect(quiet.shown()).toBe('')
    vi.useRealTimers()
  })

  it('says in a file what takes long, and how long it took', async () => {
    vi.useFakeTimers()
    const file = screen(false)
    await createProgress(file).step('building', async (tell) => {
      tell('kube-apiserver')
      return passing(40_000)
    })
    expect(file.shown().split('\n')).toEqual([
      'building: kube-apiserver: 2 s …',
      'building: kube-apiserver: 15 s …',
      'building: kube-apiserver: 30 s …',
      'building: 40 s',
      '',
    ])
    vi.useRealTimers()
  })

  it('renews one line on a terminal, with all steps that are under way', async () => {
    vi.useFakeTimers()
    const terminal = screen(true)
    const progress = createProgress(terminal)
    await Promise.all([progress.step('one', () => passing(3000)), progress.step('two', () => passing(3000))])
    expect(terminal.shown()).toContain('one: 3 s … · two: 3 s …')
    expect(terminal.shown()).not.toContain('…\n')
    vi.useRealTimers()
  })

  it('leaves no living line behind when a step fails', async () => {
    vi.useFakeTimers()
    const terminal = screen(true)
    const failing = createProgress(terminal).step('one', async () => {
      await passing(2000)
      throw new Error('no')
    })
    await expect(failing).rejects.toThrow('no')
    expect(terminal.shown().endsWith('\r\u001B[K')).toBe(true)
    vi.useRealTimers()
  })
})
