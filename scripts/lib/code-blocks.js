import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { repositoryRoot } from '../lint/workspaces.js'

/** Every Markdown page that git tracks or would track. */
export function listPages() {
  const list = ['ls-files', '-z', '--cached', '--others', '--exclude-standard', '--', '*.md']
  return execFileSync('git', list, { cwd: repositoryRoot, encoding: 'utf8' })
    .split('\0')
    .filter((path) => path !== '' && existsSync(join(repositoryRoot, path)))
}

/**
 * The fenced code blocks of a page, in order. `line` is the fence's own, counted from 1; `words` are what follows the
 * language: "```ts continue" gives `{ language: 'ts', words: ['continue'] }`. Indented fences lose their indent.
 */
export function codeBlocks(markdown) {
  const blocks = []
  let open
  for (const [index, text] of markdown.split(/\r?\n/).entries()) {
    const fence = /^( *)(`{3,}|~{3,})\s*(.*)$/.exec(text)
    if (open === undefined) {
      if (fence === null) continue
      const [language = '', ...words] = fence[3].split(/\s+/)
      open = { indent: fence[1].length, fence: fence[2], block: { language, words, line: index + 1 }, lines: [] }
    } else if (fence !== null && fence[3] === '' && fence[2].startsWith(open.fence)) {
      blocks.push({ ...open.block, code: open.lines.join('\n') })
      open = undefined
    } else {
      open.lines.push(text.slice(Math.min(open.indent, text.length - text.trimStart().length)))
    }
  }
  return blocks
}
