import { randomBytes } from 'node:crypto'
import type { Socket } from 'node:net'
import { ProblemError } from '../errors.js'
import { problemMediaType } from './problem-media-type.js'
import { problemJson } from './problem-responses.js'
import { problemTypes, type ProblemName } from './problem-types.js'

const problemsByCode: Readonly<Record<string, ProblemName>> = {
  HPE_HEADER_OVERFLOW: 'headers-too-large',
  ERR_HTTP_REQUEST_TIMEOUT: 'request-timeout',
}

/** Answers what is no HTTP request, or too large or too slow a one, on its bare connection. */
export function answerBrokenRequest(error: Error & { code?: string }, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy()
    return
  }
  const name = problemsByCode[error.code ?? ''] ?? 'bad-request'
  const problem = new ProblemError(name, 'the server could not read the request', { cause: error })
  const body = JSON.stringify(
    problemJson(problem, { problemBase: '/problems/', instance: '/', traceId: randomBytes(16).toString('hex') }),
  )
  const { status, title } = problemTypes[name]
  const head = [
    `HTTP/1.1 ${status} ${title}`,
    'Connection: close',
    `Content-Type: ${problemMediaType}`,
    `Content-Length: ${Buffer.byteLength(body)}`,
  ]
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`)
}
