import { parseArgs } from 'node:util'
import { measure, rateUnit, type Failure, type Figure, type PreparedSuite } from './harness.js'
import { PeersMissingError } from './peers/peer-packages.js'
import { printFigure } from './print-figure.js'
import { prepareAppend } from './suites/append.js'
import { prepareFanout } from './suites/fanout.js'
import { prepareHttp } from './suites/http.js'
import { prepareMemory } from './suites/memory.js'
import { preparePeers } from './suites/peers.js'
import { prepareProjections } from './suites/projections.js'
import { prepareRead } from './suites/read.js'
import { prepareTenancy } from './suites/tenancy.js'

const suites: Readonly<Record<string, (isShort: boolean) => Promise<PreparedSuite>>> = {
  append: prepareAppend,
  projections: prepareProjections,
  read: prepareRead,
  memory: prepareMemory,
  fanout: prepareFanout,
  http: prepareHttp,
  tenancy: prepareTenancy,
  peers: preparePeers,
}

const usage = `usage: npm run bench -- <${Object.keys(suites).join('|')}> [--json] [--rounds 3] [--seconds 5] [--short]`

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      json: { type: 'boolean', default: false },
      short: { type: 'boolean', default: false },
      rounds: { type: 'string', default: '3' },
      seconds: { type: 'string', default: '5' },
    },
  })
  const [name = ''] = positionals
  const prepare = Object.hasOwn(suites, name) ? suites[name] : undefined
  const [rounds, seconds] = [Number(values.rounds), Number(values.seconds)]
  if (!prepare || positionals.length !== 1 || !Number.isInteger(rounds) || rounds < 1 || !(seconds > 0)) {
    console.error(usage)
    return 2
  }
  const suite = await prepare(values.short)
  let figures: (Figure | Failure)[]
  try {
    figures = await measure(suite.contenders, {
      rounds,
      warmUpMs: Math.min(seconds, 2) * 1000,
      roundMs: seconds * 1000,
      onRound: (round, { name, unit }, rate) =>
        console.error(`round ${round}/${rounds}: ${name}: ${Math.round(rate)} ${rateUnit(unit)}`),
      onFailure: ({ name }, error) => console.error(`${name}:`, error),
    })
  } finally {
    await suite.close()
  }
  for (const figure of figures) console.log(values.json ? JSON.stringify(figure) : printFigure(figure))
  return figures.some((figure) => 'error' in figure) ? 1 : 0
}

try {
  process.exitCode = await main()
} catch (error) {
  console.error(error instanceof PeersMissingError ? error.message : error)
  process.exitCode = 1
}
