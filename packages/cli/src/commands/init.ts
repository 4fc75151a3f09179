import { mkdir, readdir, rm, writeFile } from 'node:fs/promises'
import { basename, dirname, join, relative, resolve } from 'node:path'
import { CliError, UsageError } from '../errors.js'
import { packageManagerOf } from '../init/package-manager.js'
import { projectFiles } from '../init/project-files.js'
import type { ConfigureVerb } from '../verbs/verb.js'
import { versionOfPackage } from '../version.js'

export const configureInit: ConfigureVerb = (verb, { cwd, environment, output }) => {
  verb
    .argument('[folder]', 'where the project is made; this folder unless said. It has to be empty, or new', '.')
    .action(async (named: string) => {
      const folder = resolve(cwd, named)
      await refuseUnlessEmpty(folder)
      const manager = packageManagerOf(environment['npm_config_user_agent'])
      const files = projectFiles({ name: packageName(folder), version: versionOfPackage(), ...manager })
      await writeProject(folder, files)
      if (output.options.format !== 'table') return output.one({ folder, files: Object.keys(files) })
      output.text(Object.keys(files).join('\n'))
      const enter = relative(cwd, folder) === '' ? '' : `cd ${relative(cwd, folder)} && `
      output.note(`\nNext: ${enter}${manager.install} && ${manager.run} dev`)
    })
}

/** Writes all of the files, or leaves the folder as it was. @throws {CliError} */
async function writeProject(folder: string, files: Readonly<Record<string, string>>): Promise<void> {
  let made: string | undefined
  try {
    made = await mkdir(folder, { recursive: true })
    for (const [path, content] of Object.entries(files)) {
      const file = join(folder, path)
      await mkdir(dirname(file), { recursive: true })
      await writeFile(file, content, { flag: 'wx' })
    }
  } catch (cause) {
    const written =
      made === undefined ? Object.keys(files).map((path) => join(folder, path.split('/')[0] ?? path)) : [made]
    for (const path of written) await rm(path, { recursive: true, force: true }).catch(() => undefined)
    const { message } = cause as Error
    throw new CliError(`the project cannot be written, and nothing is left of it in ${folder}: ${message}`, { cause })
  }
}

/** A repository that has nothing in it yet is as good as empty. */
async function refuseUnlessEmpty(folder: string): Promise<void> {
  const names = await readdir(folder).catch((cause: unknown) => {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return []
    throw new UsageError(`${folder} cannot hold a project: ${String(cause)}`, { cause })
  })
  const found = names.filter((name) => name !== '.git')
  if (found.length > 0)
    throw new UsageError(
      `${folder} is not empty, it has ${found.slice(0, 3).join(', ')}: name a new folder, such as \`tidemark init my-shop\``,
    )
}

/** What npm takes for a name, made of the folder's. */
function packageName(folder: string): string {
  const name = basename(folder)
    .toLowerCase()
    .replaceAll(/[^a-z0-9._-]+/g, '-')
    .replaceAll(/^[._-]+|[._-]+$/g, '')
  return name === '' ? 'tidemark-project' : name
}
