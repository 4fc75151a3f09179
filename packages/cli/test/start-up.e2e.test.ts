import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { runCli } from './run-cli.js'

/** The packages that a command loaded, by what the runtime writes of every script that it ran. */
async function packagesLoadedBy(args: readonly string[]): Promise<readonly string[]> {
  const folder = mkdtempSync(join(tmpdir(), 'tidemark-scripts-'))
  try {
    await runCli(args, { cwd: folder, env: { NODE_V8_COVERAGE: folder } })
    const scripts = readdirSync(folder).flatMap((file): string[] =>
      JSON.parse(readFileSync(join(folder, file), 'utf8')).result.map(({ url }: { url: string }) => url),
    )
    expect(scripts.some((url) => url.endsWith('packages/cli/dist/main.js'))).toBe(true)
    const names = scripts.map(
      (url) => /\/(?:node_modules|packages)\/((?:@[^/]+\/)?[^/]+)\/(?!.*node_modules)/.exec(url)?.[1],
    )
    return [...new Set(names.filter((name) => name !== undefined))].sort()
  } finally {
    rmSync(folder, { recursive: true })
  }
}

describe('what needs no store', () => {
  it.each([[['--help']], [['--version']], [['streamz']], [['streams', '--help']]])(
    '%j loads next to nothing',
    async (args) => {
      const allowed = ['cli', 'commander', 'picocolors']
      const loaded = await packagesLoadedBy(args)
      expect(loaded.filter((name) => !allowed.includes(name))).toEqual([])
    },
  )
})
