import { createRequire } from 'node:module'
import { join } from 'node:path'
import { SurroundingError } from '../errors.js'

/** As much of the generator as is used. */
interface Generator {
  readonly default: (document: unknown) => Promise<unknown>
  readonly astToString: (ast: unknown) => string
}

const folderOfItsOwn = '.tidemark/openapi'

/**
 * A typed client of an API: the types by openapi-typescript, and openapi-fetch that works with them.
 *
 * The generator needs the JavaScript interface of TypeScript 5, which a project with a newer compiler does not have. So it is looked for in the project
 * first, and then in a folder of its own, where it has the compiler that it brings.
 *
 * @throws {SurroundingError} it is not installed; the message says how.
 */
export async function typedClient(document: unknown, projectFolder: string): Promise<string> {
  const { default: generate, astToString } = loadGenerator(projectFolder)
  const types = astToString(await generate(withoutStreams(document)))
  return `// Written by \`tidemark openapi --client ts\`.
import createFetchClient, { type ClientOptions } from 'openapi-fetch'

${types}
/** A client of the API: \`createClient({ baseUrl: 'http://127.0.0.1:4400' })\`. */
export function createClient(options: ClientOptions) {
  return createFetchClient<paths>(options)
}
`
}

/** A copy without the streams of live rows: the client cannot read them, and would say of every row that it may be a text. */
function withoutStreams(document: unknown): unknown {
  return JSON.parse(JSON.stringify(document), (_key, value: unknown) => {
    if (typeof value === 'object' && value !== null && 'application/json' in value && 'text/event-stream' in value)
      delete value['text/event-stream']
    return value
  })
}

function loadGenerator(projectFolder: string): Generator {
  const causes: unknown[] = []
  for (const folder of [projectFolder, join(projectFolder, folderOfItsOwn)])
    try {
      return createRequire(join(folder, 'package.json'))('openapi-typescript') as Generator
    } catch (cause) {
      causes.push(cause)
    }
  throw new SurroundingError(
    `a typed client is made by openapi-typescript, which is not installed: npm install --prefix ${folderOfItsOwn} openapi-typescript@7`,
    { cause: new AggregateError(causes) },
  )
}
