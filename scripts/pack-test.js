// Tests what users get: packs every public package, installs the tarballs into an empty project, imports every entry
// point in plain Node.js, and runs the README's first example against a real Postgres.
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import ts from 'typescript'
import { codeBlocks } from './lib/code-blocks.js'
import { isPublic } from './lib/doc-examples.js'
import { listWorkspaces, repositoryRoot } from './lint/workspaces.js'

class PackTestError extends Error {}

/** Runs a command to its end, showing its output, and fails with it. */
function run(command, args, { cwd, env = {}, timeoutMs = 300_000, quiet = false }) {
  const { status, signal, error, stdout } = spawnSync(command, args, {
    cwd,
    env: { ...process.env, ...env },
    stdio: ['ignore', quiet ? 'pipe' : 'inherit', 'inherit'],
    encoding: 'utf8',
    timeout: timeoutMs,
    maxBuffer: 64 * 1024 * 1024,
  })
  if (status === 0) return stdout ?? ''
  const reason = error?.message ?? (signal ? `was ended by ${signal}` : `ended with code ${status}`)
  throw new PackTestError(`${command} ${args.join(' ')}: ${reason}\n${stdout ?? ''}`)
}

function readJson(path) {
  return JSON.parse(readFileSync(path, 'utf8'))
}

/** Packs one workspace and refuses a tarball that lacks what its package.json promises. */
function pack(workspace, destination) {
  const output = run('npm', ['pack', '--json', '--pack-destination', destination], {
    cwd: join(repositoryRoot, workspace),
    quiet: true,
  })
  // npm 11 prints an array, later ones an object by name.
  const [{ name, filename, files }] = Object.values(JSON.parse(output))
  const packed = new Set(files.map(({ path }) => path))
  const { exports = {}, bin = {} } = readJson(join(repositoryRoot, workspace, 'package.json'))
  const targets = Object.values(exports).flatMap((target) =>
    typeof target === 'string'
      ? [target]
      : Object.entries(target)
          .filter(([condition]) => condition !== '@tidemark/source')
          .map(([, path]) => path),
  )
  const wanted = [...targets, ...Object.values(bin)].filter((path) => !path.includes('*'))
  const missing = ['LICENSE', ...wanted.map((path) => path.replace(/^\.\//, ''))].filter((path) => !packed.has(path))
  if (missing.length > 0) throw new PackTestError(`the tarball of ${name} lacks ${missing.join(', ')}`)
  const strays = [...packed].filter((path) => /^(src|test)\/|\.tsbuildinfo$/.test(path))
  if (strays.length > 0) throw new PackTestError(`the tarball of ${name} should not hold ${strays.join(', ')}`)
  return { name, tarball: join(destination, filename) }
}

/** The entry points of an installed package, as a user would write them, and whether they run under vitest only. */
function entryPoints(project, name) {
  const { exports = {}, peerDependencies = {} } = readJson(join(project, 'node_modules', name, 'package.json'))
  return Object.entries(exports)
    .filter(([subpath, target]) => !subpath.includes('*') && !subpath.endsWith('.json') && typeof target !== 'string')
    .map(([subpath]) => ({ specifier: name + subpath.slice(1), inVitest: 'vitest' in peerDependencies }))
}

function importEntryPoints(project, names) {
  const entries = names.flatMap((name) => entryPoints(project, name))
  const load = ({ specifier }) => {
    const nothing = `throw new Error('${specifier} exports nothing')`
    return `if (Object.keys(await import('${specifier}')).length === 0) ${nothing}`
  }
  const plain = entries.filter(({ inVitest }) => !inVitest)
  writeFileSync(join(project, 'entries.mjs'), plain.map(load).join('\n'))
  run('node', ['entries.mjs'], { cwd: project, timeoutMs: 60_000 })

  const underVitest = entries.filter(({ inVitest }) => inVitest)
  if (underVitest.length > 0) {
    const body = underVitest.map(load).join('\n')
    const test = `import { test } from 'vitest'\ntest('imports', async () => {\n${body}\n})\n`
    writeFileSync(join(project, 'entries.test.mjs'), test)
    // Without colours, and not taken for the test run of the repository: its last line is what CI reports.
    run('npx', ['--no-install', 'vitest', 'run', '--reporter=dot'], { cwd: project, env: { NO_COLOR: '1' } })
  }
  console.log(`imported ${entries.map(({ specifier }) => specifier).join(', ')}`)
}

/** Takes the types off the README's first example, as Node.js 20 cannot. */
function firstExample() {
  const page = readFileSync(join(repositoryRoot, 'README.md'), 'utf8')
  const block = codeBlocks(page).find(({ language }) => language === 'ts')
  if (block === undefined) throw new PackTestError('README.md has no ```ts example to run: it must start with one')
  const { outputText } = ts.transpileModule(block.code, {
    compilerOptions: { module: ts.ModuleKind.ESNext, target: ts.ScriptTarget.ES2023, verbatimModuleSyntax: true },
  })
  return outputText
}

/** Makes a project by the command that `npm create` runs, in the folder whose packages it then finds above it. */
function runNewProject(project) {
  run('npx', ['--no-install', 'create-tidemark', 'shop'], { cwd: project })
  const shop = join(project, 'shop')
  const { dependencies, devDependencies } = readJson(join(shop, 'package.json'))
  const versions = Object.entries({ ...dependencies, ...devDependencies }).filter(([name]) =>
    name.startsWith('@tidemark/'),
  )
  for (const [name, range] of versions) {
    const { version } = readJson(join(project, 'node_modules', name, 'package.json'))
    if (range !== `^${version}`) throw new PackTestError(`a new project wants ${name} ${range}, there is ${version}`)
  }
  run('npx', ['--no-install', 'vitest', 'run', '--reporter=dot'], { cwd: shop, env: { NO_COLOR: '1' } })
  run('npx', ['--no-install', 'tidemark', 'config', 'print'], { cwd: shop, quiet: true })
}

async function runExample(project) {
  writeFileSync(join(project, 'example.mjs'), firstExample())
  const { createTestDatabase, startPostgres } = await import('@tidemark/test-servers')
  const server = await startPostgres()
  try {
    const { url, directUrl } = server
    const database = await createTestDatabase({ server: { url, directUrl, runId: `pack${process.pid}` } })
    try {
      // The clock catches an example that forgets to end its pool.
      run('node', ['example.mjs'], { cwd: project, env: { DATABASE_URL: database.directUrl }, timeoutMs: 60_000 })
    } finally {
      await database.drop()
    }
  } finally {
    await server.close()
  }
}

const folder = mkdtempSync(join(tmpdir(), 'tidemark-pack-'))
try {
  run('node', ['scripts/turbo.js', 'run', 'build', '--output-logs=errors-only'], { cwd: repositoryRoot })
  const packed = listWorkspaces()
    .filter(isPublic)
    .map((workspace) => pack(workspace, folder))
  const project = join(folder, 'project')
  mkdirSync(project)
  run('npm', ['init', '-y'], { cwd: project, quiet: true })
  const tarballs = packed.map(({ tarball }) => tarball)
  run('npm', ['install', '--engine-strict', '--no-audit', '--no-fund', ...tarballs], { cwd: project })
  for (const { name } of packed) {
    const copies = join(project, 'node_modules', name, 'node_modules/@tidemark')
    if (existsSync(copies)) throw new PackTestError(`${name} asks for another version of our packages: see ${copies}`)
  }
  importEntryPoints(
    project,
    packed.map(({ name }) => name),
  )
  runNewProject(project)
  await runExample(project)
  console.log(`${packed.length} packages install, import and run`)
} catch (error) {
  if (!(error instanceof PackTestError)) throw error
  console.error(error.message)
  process.exitCode = 1
} finally {
  rmSync(folder, { recursive: true, force: true })
}
