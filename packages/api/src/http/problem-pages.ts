import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { ProblemError } from '../errors.js'
import { refuseOtherMethods } from './method-not-allowed.js'
import { adviseName, quoted } from './nearest-name.js'
import { problemTypes, type ProblemName } from './problem-types.js'
import { undocumented } from './route-document.js'

/** The folder of the pages: the build puts it beside the code, and in the repository it is with the other documents. A bundler leaves it behind. */
function folderOfPages(): string | undefined {
  return ['../problems/', '../../../../docs/problems/']
    .map((path) => fileURLToPath(new URL(path, import.meta.url)))
    .find((folder) => existsSync(folder))
}

async function pageOf(name: ProblemName, folder: string | undefined): Promise<string> {
  if (folder !== undefined) return readFile(`${folder}${name}.md`, 'utf8')
  const { status, title } = problemTypes[name]
  return `# ${name}\n\n${title}: status ${status}.\n`
}

/** Serves what the `type` of a problem refers to, `problems/{name}`: as HTML to browsers, else as the Markdown that it is. */
export function serveProblemPages(app: FastifyInstance): void {
  const folder = folderOfPages()
  const names = Object.keys(problemTypes)
  const url = '/problems/:name'
  app.get<{ Params: { name: string } }>(url, { schema: undocumented }, async (request, reply) => {
    const { name } = request.params
    if (!isProblemName(name))
      throw new ProblemError('not-found', `there is no problem ${quoted(name)}: ${adviseName(name, names)}`)
    return sendPage(await pageOf(name, folder), name, request, reply)
  })
  refuseOtherMethods(app, url, ['GET'])
}

function isProblemName(name: string): name is ProblemName {
  return Object.hasOwn(problemTypes, name)
}

function sendPage(page: string, name: string, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  void reply.headers({ vary: 'accept', 'x-content-type-options': 'nosniff' }).serializer((text: string) => text)
  if (!request.headers.accept?.includes('text/html')) return reply.type('text/markdown; charset=utf-8').send(page)
  const text = page.replaceAll('&', '&amp;').replaceAll('<', '&lt;')
  return reply
    .type('text/html; charset=utf-8')
    .send(
      `<!doctype html>\n<html lang="en">\n<meta charset="utf-8">\n<title>${name}</title>\n<pre>${text}</pre>\n</html>\n`,
    )
}
