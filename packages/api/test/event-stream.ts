import { get, type ClientRequest, type IncomingMessage } from 'node:http'

/** An event of a stream, as a browser sees it. */
export interface SentEvent {
  readonly event: string
  readonly id: string
  readonly data: Record<string, unknown>
}

/** A client of an event stream, which reads until it is told not to. */
export class EventStream {
  readonly events: SentEvent[] = []
  /** The id to come back with: of the last event, or of a block without one. */
  lastId = ''
  comments = 0
  ended = false
  private text = ''

  private constructor(
    private readonly request: ClientRequest,
    readonly response: IncomingMessage,
  ) {
    response.setEncoding('utf8')
    response.on('data', (chunk: string) => this.take(chunk))
    response.on('close', () => (this.ended = true))
    response.on('error', () => (this.ended = true))
  }

  static async open(url: string, headers: Record<string, string> = {}): Promise<EventStream> {
    return new Promise((resolve, reject) => {
      const request = get(url, { headers: { accept: 'text/event-stream', ...headers }, agent: false }, (response) => {
        resolve(new EventStream(request, response))
      })
      request.on('error', reject)
    })
  }

  of(event: string): SentEvent[] {
    return this.events.filter((each) => each.event === event)
  }

  close(): void {
    this.request.destroy()
  }

  private take(chunk: string): void {
    this.text += chunk
    const blocks = this.text.split('\n\n')
    this.text = blocks.pop() ?? ''
    for (const block of blocks) {
      const fields = new Map<string, string>()
      for (const line of block.split('\n')) {
        if (line.startsWith(':')) this.comments++
        else fields.set(line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 2))
      }
      this.lastId = fields.get('id') ?? this.lastId
      const data = fields.get('data')
      if (data !== undefined)
        this.events.push({
          event: fields.get('event') ?? 'message',
          id: this.lastId,
          data: JSON.parse(data) as Record<string, unknown>,
        })
    }
  }
}
