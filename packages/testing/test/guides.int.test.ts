import { databaseTemplate } from '@tidemark/migrations'
import { createTestDatabase } from '@tidemark/test-servers'
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { format } from 'node:util'
import { afterAll, afterEach, expect, test, vi } from 'vitest'

const path = (relative: string) => fileURLToPath(new URL(relative, import.meta.url))
// Below the root, where the packages that a page imports are found.
const folder = path(`../../../.cache/guides-${process.pid}/`)

afterEach(() => {
  vi.restoreAllMocks()
  vi.unstubAllEnvs()
})
afterAll(() => rm(folder, { recursive: true, force: true }))

test.each(['aggregates', 'concurrency', 'idempotency', 'inline-projections', 'snapshots'])(
  'the guide on %s does what it says',
  async (page) => {
    const program = programOf(await readFile(path(`../../../docs/guides/${page}.md`), 'utf8'))
    const said = [...program.matchAll(/^ *console\.log\(.*\) \/\/ (.+)$/gm)].map(([, output]) => output)
    expect(said.length).toBeGreaterThan(0)
    const database = await createTestDatabase({ template: databaseTemplate })
    try {
      await mkdir(folder, { recursive: true })
      await writeFile(`${folder}${page}.ts`, program)
      vi.stubEnv('DATABASE_URL', database.url)
      const printed: string[] = []
      vi.spyOn(console, 'log').mockImplementation((...values: unknown[]) => void printed.push(format(...values)))
      await import(/* @vite-ignore */ `${folder}${page}.ts`)
      for (const output of said) expect(printed).toContain(output)
    } finally {
      await database.drop()
    }
  },
)

/** The blocks of a page, which continue each other, as one program. */
function programOf(markdown: string): string {
  return [...markdown.matchAll(/^```ts.*\n([\s\S]*?)^```$/gm)].map(([, code]) => code).join('\n')
}
