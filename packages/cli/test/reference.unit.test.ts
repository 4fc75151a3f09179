import { fileURLToPath } from 'node:url'
import { format, resolveConfig } from 'prettier'
import { expect, it } from 'vitest'
import { Output } from '../src/output/output.js'
import { createProgram } from '../src/program.js'
import { renderReference } from './render-reference.js'

const page = fileURLToPath(new URL('../../../docs/reference/cli.md', import.meta.url))

// `npx vitest run --project @tidemark/cli reference -u` writes the page anew.
it('says of every verb what it takes', async () => {
  const output = new Output(process.stdout, process.stderr, { format: 'table', quiet: false, colours: false })
  const program = createProgram({ output, environment: {}, cwd: '/', ends: { code: 0 } })
  const text = await format(await renderReference(program), { ...(await resolveConfig(page)), filepath: page })
  await expect(text).toMatchFileSnapshot(page)
})
