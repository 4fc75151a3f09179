// Type-checks every example against the sources, so that none rots: the ```ts blocks of the Markdown pages, and the
// `@example` blocks in the doc comments of the packages that users install.
//
// A block of a page stands alone, as a module. "```ts continue" adds to the block before it on the same page, as a tutorial
// does; "```ts ignore" is left out, for what no reader could want to run. An example in a doc comment, or on the page of a
// private workspace, may leave out its imports, and names that the text explains (`pool`, `Order`) without declaring them.
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import ts from 'typescript'
import { codeBlocks, listPages } from './lib/code-blocks.js'
import { docExamples, isPublic, listPublicSources } from './lib/doc-examples.js'
import { locate, repositoryRoot } from './lint/workspaces.js'

/** What every reader knows where to import from. */
const wellKnown = { pg: [`import pg from 'pg'`], z: [`import { z } from 'zod'`] }

const folder = join(repositoryRoot, '.cache/snippets')
const read = (path) => readFileSync(join(repositoryRoot, path), 'utf8')

/** Snippets of the pages: their text, and for each of its lines the line of the page. */
function snippetsOfPage(page) {
  const { workspace } = locate(join(repositoryRoot, page))
  const completeFrom = workspace !== '.' && !isPublic(workspace) ? [`${workspace}/src/index.ts`] : undefined
  const snippets = []
  for (const { language, words, line, code } of codeBlocks(read(page))) {
    if (language !== 'ts' || words.includes('ignore')) continue
    if (!words.includes('continue') || snippets.length === 0) {
      snippets.push({ origin: page, text: [], lines: [], completeFrom })
    }
    const lines = code.split('\n')
    snippets.at(-1).text.push(...lines)
    snippets.at(-1).lines.push(...lines.map((_, index) => line + 1 + index))
  }
  return snippets
}

function snippetsOfSource({ workspace, file }) {
  return docExamples(read(file)).map(({ line, code }) => {
    const text = code.split('\n')
    const completeFrom = [file, `${workspace}/src/index.ts`]
    return { origin: file, text, lines: text.map((_, index) => line + index), completeFrom }
  })
}

const snippets = [...listPages().flatMap(snippetsOfPage), ...listPublicSources().flatMap(snippetsOfSource)].map(
  (snippet, index) => ({ ...snippet, fileName: join(folder, `snippet-${index + 1}.ts`), head: 'export {}' }),
)

rmSync(folder, { recursive: true, force: true })
mkdirSync(folder, { recursive: true })

function compile() {
  // One line of head, so that line n of a snippet is line n + 1 of its file.
  for (const { fileName, head, text } of snippets) writeFileSync(fileName, `${head}\n${text.join('\n')}\n`)
  const config = {
    extends: '../../tsconfig.base.json',
    compilerOptions: { noEmit: true, noUnusedLocals: false, noUnusedParameters: false },
  }
  const files = snippets.flatMap(({ fileName, completeFrom = [] }) => [
    fileName,
    ...completeFrom.map((path) => join(repositoryRoot, path)),
  ])
  const { options } = ts.parseJsonConfigFileContent({ ...config, files }, ts.sys, folder)
  return ts.createProgram([...new Set(files)], options)
}

function diagnosticsOf(program, fileName) {
  const file = program.getSourceFile(fileName)
  return [...program.getSyntacticDiagnostics(file), ...program.getSemanticDiagnostics(file)]
}

/** Imports what an example names and the package exports; what nobody declares may be anything. */
function completeHead(program, { fileName, completeFrom }) {
  const checker = program.getTypeChecker()
  const unknown = new Set(
    diagnosticsOf(program, fileName)
      .filter(({ code }) => [2304, 2503, 2552, 18004].includes(code))
      .map(({ file, start, length }) => file.text.slice(start, start + length)),
  )
  const parts = ['export {}']
  for (const name of unknown) {
    const home = completeFrom.find((path) => {
      const module = checker.getSymbolAtLocation(program.getSourceFile(join(repositoryRoot, path)))
      return module && checker.getExportsOfModule(module).some((symbol) => symbol.name === name)
    })
    const specifier = home && relative(folder, join(repositoryRoot, home)).replace(/\.ts$/, '.js')
    if (specifier) parts.push(`import { ${name} } from '${specifier}'`)
    else parts.push(...(wellKnown[name] ?? [`declare const ${name}: any`, `type ${name} = any`]))
  }
  return parts.join('; ')
}

let program = compile()
for (const snippet of snippets) if (snippet.completeFrom) snippet.head = completeHead(program, snippet)
program = compile()

let failed = 0
for (const { fileName, origin, lines, head } of snippets) {
  for (const { file, start, messageText } of diagnosticsOf(program, fileName)) {
    const { line } = file.getLineAndCharacterOfPosition(start)
    const place = line === 0 ? `${origin}:${lines[0]} (${head})` : `${origin}:${lines[line - 1] ?? lines.at(-1)}`
    console.error(`${place}: ${ts.flattenDiagnosticMessageText(messageText, '\n')}`)
    failed++
  }
}
if (failed > 0) process.exit(1)
console.log(`${snippets.length} examples compile`)
