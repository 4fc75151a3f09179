import { existsSync, readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { listWorkspaces, repositoryRoot } from '../lint/workspaces.js'

/** Whether users install this workspace. */
export function isPublic(workspace) {
  return JSON.parse(readFileSync(join(repositoryRoot, workspace, 'package.json'), 'utf8')).private !== true
}

/** The sources of the packages that users install, relative to the root. */
export function listPublicSources() {
  return listWorkspaces()
    .filter((path) => isPublic(path) && existsSync(join(repositoryRoot, path, 'src')))
    .flatMap((path) =>
      readdirSync(join(repositoryRoot, path, 'src'), { recursive: true, encoding: 'utf8' })
        .filter((name) => name.endsWith('.ts'))
        .map((name) => ({ workspace: path, file: `${path}/src/${name.replaceAll('\\', '/')}` })),
    )
}

/**
 * The `@example` blocks of the doc comments in a source text, in order, with or without a fence around them. `line` is
 * that of the first line of code, counted from 1.
 */
export function docExamples(source) {
  const examples = []
  let open
  let inComment = false
  const close = () => {
    if (open?.lines.some((text) => text.trim() !== '')) examples.push({ line: open.line, code: open.lines.join('\n') })
    open = undefined
  }
  for (const [index, raw] of source.split(/\r?\n/).entries()) {
    if (/^\s*\/\*\*/.test(raw)) inComment = true
    if (!inComment) continue
    const ends = raw.includes('*/')
    const text = raw.replace(/^\s*(?:\/\*\*|\*(?!\/)) ?/, '').replace(/\s*\*\/.*$/, '')
    const tag = /^@(\w+)\s*(.*)$/.exec(text)
    if (tag) close()
    if (tag?.[1] === 'example') open = { line: index + 1, lines: [tag[2]] }
    // A fence leaves an empty line, so that lines keep their numbers.
    else open?.lines.push(text.startsWith('```') ? '' : text)
    if (ends) {
      close()
      inComment = false
    }
  }
  return examples
}
