import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { tmpdir } from 'node:os'
import type { Experiment } from '../experiment.js'
import { withApiServers } from '../workload/api-servers.js'
import { demand } from '../workload/demand.js'
import { fuzzDocument, schemathesis } from '../workload/schemathesis.js'

const examples = { short: 25, full: 500, hunt: 10 } as const

/** The OpenAPI document against the server that gives it, by a fuzzer that knows nothing of this project. */
export const fuzzedDocument: Experiment = {
  name: 'fuzzed-document',
  group: 'api',
  summary: 'schemathesis asks all that the OpenAPI document describes: no 5xx, and every answer is as it says',
  checks: ['requirements'],

  async run(context) {
    const { history, size, random } = context
    const program = await schemathesis()
    await withApiServers(context, async (servers) => {
      const { url } = await servers.start()
      const seed = random.integer(1, 1_000_000)
      const { passed, text } = await fuzzDocument(program, {
        url,
        token: servers.token,
        examples: examples[size],
        seed,
      })
      const tested = Number(/Tested: (\d+)/.exec(text)?.[1] ?? 0)
      const report = join(tmpdir(), `tidemark-schemathesis-${seed}.txt`)
      if (!passed) await writeFile(report, text)
      const failures = /Failures:[\s\S]*?(?=\n\n)/.exec(text)?.[0].replaceAll(/\s+/g, ' ') ?? text.slice(-500)
      demand(
        history,
        `faults of the document (seed ${seed})`,
        'none',
        passed ? 'none' : `${failures}: see ${report}`,
        passed,
      )
      demand(history, 'operations that were tested', '10 at least', tested, tested >= 10)
    })
  },
}
