import { existsSync, readdirSync } from 'node:fs'
import { dirname, join, relative, resolve, sep } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The absolute path of the repository. */
export const repositoryRoot = resolve(dirname(fileURLToPath(import.meta.url)), '../..')

/** The folders whose every subfolder is a workspace, and the workspaces at the root. */
const parents = ['packages', 'examples']
const single = ['migrations', 'benchmarks', 'faults']

/** Every workspace as a path relative to the root, with forward slashes: `packages/eventstore`, `migrations`, … */
export function listWorkspaces() {
  const nested = parents.flatMap((parent) =>
    readdirSync(join(repositoryRoot, parent), { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map((entry) => `${parent}/${entry.name}`),
  )
  return [...nested, ...single].filter((path) => existsSync(join(repositoryRoot, path, 'package.json')))
}

/**
 * Splits an absolute file name into its workspace and the path inside it. A file of no workspace (scripts, docs,
 * configuration at the root) belongs to the workspace `.`.
 */
export function locate(fileName) {
  const path = relative(repositoryRoot, fileName).split(sep).join('/')
  const match = /^((?:packages|examples)\/[^/]+|migrations|benchmarks|faults)(?:\/(.*))?$/.exec(path)
  return match ? { workspace: match[1], inside: match[2] ?? '' } : { workspace: '.', inside: path }
}
