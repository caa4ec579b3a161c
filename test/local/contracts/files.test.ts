import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { contractFiles, schemaFolder, withEventTable } from '#local/contracts/files.ts'
import { repository } from '#local/world/layout.ts'

const files = contractFiles()
const remedy = 'is not what shared/events says: run `npm run contracts` and commit what it writes'

describe('the contracts in the repository', () => {
  it.each([...files])('%s is up to date', async (path, text) => {
    expect(await readFile(join(repository, path), 'utf8').catch(() => 'missing'), `${path} ${remedy}`).toBe(text)
  })

  it('have no schema of a type that is gone', async () => {
    const there = (await readdir(join(repository, schemaFolder))).map((name) => `${schemaFolder}/${name}`)
    expect(
      there.filter((path) => !files.has(path)),
      `${schemaFolder} ${remedy}`,
    ).toEqual([])
  })

  it('have their table of events in the README', async () => {
    const readme = await readFile(join(repository, 'README.md'), 'utf8')
    expect(withEventTable(readme), `README.md ${remedy}`).toBe(readme)
  })
})

describe('the table of events', () => {
  const readme = (table: string): string =>
    `# A\n\n<!-- events: npm run contracts -->\n${table}<!-- end of events -->\n\n# B\n`

  it('is written between its two comments and nowhere else', () => {
    const written = withEventTable(readme('old\n'))
    expect(written).toMatch(/^# A\n\n<!-- .+ -->\n\n\| type \|[^]+ \|\n\n<!-- .+ -->\n\n# B\n$/)
    expect(written).not.toContain('old')
  })

  it('stays as it is when only its cells are padded', () => {
    const padded = withEventTable(readme('')).replaceAll(' | ', '     | ').replaceAll('---', '------')
    expect(withEventTable(padded)).toBe(padded)
  })

  it('is missed when its comments are gone', () => {
    expect(() => withEventTable('# A\n')).toThrow('README.md has lost the comments')
  })
})
