import { existsSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { createJiti } from 'jiti'
import type { TidemarkConfig } from '../define-config.js'
import { ConfigError } from '../errors.js'

/** The configuration, and where it was found. */
export interface LoadedConfig {
  readonly config: TidemarkConfig
  readonly path: string
  /** The folder of the file, beside which `.tidemark/` lives. */
  readonly folder: string
}

const fileNames = ['tidemark.config.ts', 'tidemark.config.js', 'tidemark.config.mjs']

/**
 * Loads `tidemark.config.ts` from the working folder or the nearest folder above it, or the file that was named.
 *
 * @throws {ConfigError} there is none, it fails when it is loaded, or its default export is no configuration.
 */
export async function loadConfig(cwd: string, named?: string): Promise<LoadedConfig> {
  const path = named === undefined ? findConfig(cwd) : resolve(cwd, named)
  if (!existsSync(path)) throw new ConfigError(`there is no configuration file ${path}: see --config`)
  const config = checkConfig(await importConfig(path), path)
  return { config, path, folder: dirname(path) }
}

function findConfig(cwd: string): string {
  for (let folder = resolve(cwd); ; folder = dirname(folder)) {
    const found = fileNames.map((name) => join(folder, name)).find((path) => existsSync(path))
    if (found !== undefined) return found
    if (folder === dirname(folder)) break
  }
  throw new ConfigError(
    `there is no tidemark.config.ts in ${resolve(cwd)} or above it: change to your project, or name the file with --config`,
  )
}

async function importConfig(path: string): Promise<unknown> {
  // Compiled again at every start, which takes milliseconds: a cache would be one more folder that several users write to.
  const jiti = createJiti(import.meta.url, { fsCache: false })
  try {
    return await jiti.import(path, { default: true })
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message.split('\n')[0] : String(cause)
    throw new ConfigError(`${path} could not be loaded: ${reason}`, { cause })
  }
}

function checkConfig(value: unknown, path: string): TidemarkConfig {
  const problem = problemOf(value)
  if (problem !== undefined) throw new ConfigError(`${path} ${problem}`)
  return value as TidemarkConfig
}

function problemOf(value: unknown): string | undefined {
  if (typeof value !== 'object' || value === null) {
    return 'has no default export: write `export default defineConfig({ … })`'
  }
  const { aggregates } = value as Partial<TidemarkConfig>
  if (!Array.isArray(aggregates)) return 'lists no aggregates: add `aggregates: [Order]` to its default export'
  for (const list of ['aggregates', 'projections', 'bridges', 'consumers'] as const) {
    const things: readonly unknown[] = (value as Partial<TidemarkConfig>)[list] ?? []
    const names = things.map((thing) => (thing as { name?: unknown } | undefined)?.name)
    const nameless = names.findIndex((name) => typeof name !== 'string')
    if (nameless >= 0) return `has something in \`${list}\` (number ${nameless + 1}) that is no definition`
    const twice = names.find((name, index): name is string => names.indexOf(name) !== index)
    if (twice !== undefined) return `lists "${twice}" twice in \`${list}\`: names are unique`
  }
  return undefined
}
