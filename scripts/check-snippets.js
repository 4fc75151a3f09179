// Type-checks every ```ts block of the README files and the docs against the sources, so that no example rots.
//
// A block stands alone, as a module. "```ts continue" adds to the block before it on the same page, as a tutorial does.
// "```ts ignore" is left out; use it for nothing that a reader could want to run.
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { codeBlocks, listPages } from './lib/code-blocks.js'
import { repositoryRoot } from './lint/workspaces.js'

const folder = join(repositoryRoot, '.cache/snippets')
rmSync(folder, { recursive: true, force: true })
mkdirSync(folder, { recursive: true })

/** Snippet file → the page, and for each of its lines the line of the page. */
const origins = new Map()

for (const page of listPages()) {
  let current
  for (const { language, words, line, code } of codeBlocks(readFileSync(join(repositoryRoot, page), 'utf8'))) {
    if (language !== 'ts' || words.includes('ignore')) continue
    const lines = code.split('\n')
    if (!words.includes('continue') || current === undefined) {
      const name = `${page.replaceAll(/[^\w]+/g, '-')}-${line}.ts`
      current = { page, lines: [], text: [] }
      origins.set(name, current)
    }
    current.text.push(...lines)
    current.lines.push(...lines.map((_, index) => line + 1 + index))
  }
}

for (const [name, { text }] of origins) writeFileSync(join(folder, name), `${text.join('\n')}\nexport {}\n`)
writeFileSync(
  join(folder, 'tsconfig.json'),
  JSON.stringify({
    extends: '../../tsconfig.base.json',
    // Zero unused names is a rule for programs; an example may end at the value it shows.
    compilerOptions: { noEmit: true, noUnusedLocals: false, noUnusedParameters: false },
    include: ['*.ts'],
  }),
)

if (origins.size === 0) process.exit(0)
const tsc = join(fileURLToPath(import.meta.resolve('typescript/package.json')), '../bin/tsc')
const { status, stdout } = spawnSync(process.execPath, [tsc, '-p', folder, '--pretty', 'false'], {
  cwd: folder,
  encoding: 'utf8',
})
for (const message of stdout.split('\n').filter(Boolean)) {
  const [, name, line, rest] = /^([^(]+)\((\d+),\d+\): (.*)$/.exec(message) ?? []
  const origin = origins.get(name)
  console.error(origin ? `${origin.page}:${origin.lines[line - 1] ?? '?'}: ${rest}` : message)
}
if (status === 0) console.log(`${origins.size} examples compile`)
process.exit(status ?? 1)
