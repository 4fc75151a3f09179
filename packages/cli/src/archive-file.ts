import type { RecordedEvent } from '@tidemark/eventstore'
import { open, rm, type FileHandle } from 'node:fs/promises'
import { CliError } from './errors.js'
import { jsonText } from './output/json-text.js'

/** A new file for events that are about to be deleted, one JSON object a line. */
export class ArchiveFile {
  private constructor(
    private readonly path: string,
    private readonly file: FileHandle,
  ) {}

  /** @throws {CliError} there is such a file already, or it cannot be made. */
  static async create(path: string): Promise<ArchiveFile> {
    const file = await open(path, 'wx').catch((cause: unknown) => {
      throw new CliError(`the archive ${path} cannot be made, nothing was deleted: ${String(cause)}`, { cause })
    })
    return new ArchiveFile(path, file)
  }

  /** Returns when they are on the disk. */
  async write(events: readonly RecordedEvent[]): Promise<void> {
    await this.file.appendFile(events.map((event) => `${jsonText(event)}\n`).join(''))
    await this.file.sync()
  }

  /** Removes it, because nothing was deleted. */
  remove(): Promise<void> {
    return rm(this.path)
  }

  close(): Promise<void> {
    return this.file.close()
  }
}
