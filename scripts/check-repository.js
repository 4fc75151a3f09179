// Checks that no tool looks at: the lock files, machine-bound text, the list of decisions, the Node floor.
import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import semver from 'semver'
import { repositoryRoot } from './lint/workspaces.js'

/** The oldest Node.js that the packages promise to run on; `engines` of every package.json says the same. */
const nodeFloor = '20.19.0'

const problems = []
const read = (path) => readFileSync(join(repositoryRoot, path), 'utf8')

/** The peers of the benchmarks are installed apart from the workspaces, and so have a lock of their own. */
const lockFiles = ['package-lock.json', 'benchmarks/peers/package-lock.json']

for (const file of lockFiles) {
  const lock = JSON.parse(read(file))

  /** Whether the lock places a package where Node.js would find it from the given folder. */
  const isLocked = (path, name) => {
    if (lock.packages[`${path}${path ? '/' : ''}node_modules/${name}`] !== undefined) return true
    return path !== '' && isLocked(path.replace(/(^|\/)(node_modules\/(@[^/]+\/)?)?[^/]+$/, ''), name)
  }

  // A lock file that names its registry installs from there and nowhere else.
  for (const [path, { resolved, link }] of Object.entries(lock.packages)) {
    if (resolved !== undefined && !link) {
      problems.push(`${file}: ${path} has a download address: keep omit-lockfile-registry-resolved in .npmrc`)
    }
  }

  for (const [path, { engines, optional }] of Object.entries(lock.packages)) {
    // An optional package that does not fit is left out by npm, without an error.
    if (optional || engines?.node === undefined || semver.satisfies(nodeFloor, engines.node)) continue
    problems.push(`${file}: ${path} needs Node.js ${engines.node}, the floor is ${nodeFloor}: pin an older one`)
  }

  // npm leaves out the lock what a registry did not have for another platform, and then refuses `npm ci` everywhere.
  for (const [path, { optionalDependencies = {} }] of Object.entries(lock.packages)) {
    for (const name of Object.keys(optionalDependencies)) {
      if (!isLocked(path, name)) problems.push(`${file}: lacks ${name} of ${path}: pin a version that is complete`)
    }
  }
}

const machineBound = [
  { pattern: /(?<![\w.:}$/-])\/(?:home|Users|root|work)\/\w/, what: 'a path of one machine' },
  { pattern: /registry\.(?:npmjs|yarnpkg)\./, what: 'the address of a registry' },
]
const tracked = execFileSync('git', ['ls-files', '-z'], { cwd: repositoryRoot, encoding: 'utf8' })
  .split('\0')
  .filter((path) => path !== '' && existsSync(join(repositoryRoot, path)))
for (const path of tracked) {
  read(path)
    .split('\n')
    .forEach((line, index) => {
      for (const { pattern, what } of machineBound) {
        if (pattern.test(line)) problems.push(`${path}:${index + 1}: contains ${what}`)
      }
    })
}

const decisions = read('docs/adr/README.md').replaceAll(/^```[\s\S]*?^```/gm, '')
for (const name of readdirSync(join(repositoryRoot, 'docs/adr'))) {
  if (name.endsWith('.md') && name !== 'README.md' && !decisions.includes(`(${name})`)) {
    problems.push(`docs/adr/README.md: does not list ${name}`)
  }
}
for (const [, name] of decisions.matchAll(/\]\(([\w.-]+\.md)\)/g)) {
  if (!existsSync(join(repositoryRoot, 'docs/adr', name))) problems.push(`docs/adr/README.md: ${name} does not exist`)
}

for (const problem of problems) console.error(problem)
if (problems.length > 0) process.exit(1)
