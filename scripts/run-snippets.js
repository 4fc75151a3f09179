// Runs the ```ts blocks of the guides, each on a database of its own, and holds what they print against the comments that say
// it: `console.log(value) // 42`. A block with "continue" goes on where the one before it ended; "compile" is for blocks that need
// what only their readers have, and a comment with <…> for what differs each time. Needs the packages to be built.
import { spawnSync } from 'node:child_process'
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { migrate } from '@tidemark/migrations'
import { startEmbeddedPostgres } from '@tidemark/test-servers'
import pg from 'pg'
import ts from 'typescript'
import { codeBlocks, listPages } from './lib/code-blocks.js'
import { repositoryRoot } from './lint/workspaces.js'

const folder = join(repositoryRoot, '.cache/guides')
/** Pages whose store is made in another way, and whom they connect as. */
const stores = { tenancy: { tenancy: true, role: 'tidemark_writer' } }

function snippetsOf(page) {
  const snippets = []
  for (const { language, words, line, code } of codeBlocks(readFileSync(join(repositoryRoot, page), 'utf8'))) {
    if (language !== 'ts' || words.includes('ignore') || words.includes('compile')) continue
    if (words.includes('continue') && snippets.length > 0) snippets.at(-1).code += `\n${code}`
    else snippets.push({ page, line, code })
  }
  return snippets
}

/** What is printed, in order, as the comments say. */
const expectedOf = (code) =>
  [...code.matchAll(/console\.log\(.*\) \/\/ (.+)$/gm)].map(([, text]) => text).filter((text) => !text.includes('<'))

/** The first expected line that is not printed after the ones before it. */
function missingLine(expected, printed) {
  let from = 0
  for (const line of expected) {
    const at = printed.indexOf(line, from)
    if (at < 0) return line
    from = at + 1
  }
  return undefined
}

function run({ page, line, code }, url) {
  const file = join(folder, `${basename(page, '.md')}-${line}.mjs`)
  const options = { module: ts.ModuleKind.ESNext, target: ts.ScriptTarget.ES2022 }
  writeFileSync(file, ts.transpileModule(code, { compilerOptions: options }).outputText)
  const { hostname, port, username, pathname } = url
  const env = { ...process.env, PGHOST: hostname, PGPORT: port, PGUSER: username, PGDATABASE: pathname.slice(1) }
  const ended = spawnSync(process.execPath, [file], {
    encoding: 'utf8',
    timeout: 30_000,
    env: { ...env, DATABASE_URL: url.href },
  })
  if (ended.status !== 0) return `ended with ${ended.signal ?? ended.status}\n${ended.stderr}`
  const missing = missingLine(expectedOf(code), ended.stdout.split('\n'))
  return missing === undefined ? undefined : `did not print "${missing}" in its place, but\n${ended.stdout}`
}

rmSync(folder, { recursive: true, force: true })
mkdirSync(folder, { recursive: true })
const server = await startEmbeddedPostgres()
const admin = new pg.Client({ connectionString: server.directUrl })
await admin.connect()
const snippets = listPages()
  .filter((page) => page.startsWith('docs/guides/'))
  .flatMap(snippetsOf)
let failed = 0
for (const [index, snippet] of snippets.entries()) {
  const { role, ...store } = stores[basename(snippet.page, '.md')] ?? {}
  const url = new URL(server.directUrl)
  url.pathname = `/guide_${index}`
  await admin.query(`create database guide_${index}`)
  await migrate(url.href, store)
  if (role) url.searchParams.set('options', `-c role=${role}`)
  const problem = run(snippet, url)
  if (problem === undefined) continue
  console.error(`${snippet.page}:${snippet.line}: ${problem}`)
  failed++
}
await admin.end()
await server.close()
if (failed > 0) process.exit(1)
console.log(`${snippets.length} examples of the guides ran`)
