#!/usr/bin/env node
import { existsSync } from 'node:fs'

const program = new URL('../dist/main.js', import.meta.url)
if (!existsSync(program)) {
  process.stderr.write('error: tidemark is not built: run `npm run build` in the checkout first\n')
  process.exit(2)
}
const { main } = await import(program.href)
process.exitCode = await main(process.argv.slice(2))
