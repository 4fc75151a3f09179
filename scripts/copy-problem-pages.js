// Puts the pages of docs/problems into the built package, which serves them.
import { cpSync, rmSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const pathOf = (path) => fileURLToPath(new URL(path, import.meta.url))
const target = pathOf('../packages/api/dist/problems')
rmSync(target, { recursive: true, force: true })
cpSync(pathOf('../docs/problems'), target, { recursive: true })
