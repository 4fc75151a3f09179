import { decompress as decompressZstd } from 'fzstd'
import kafkajs from 'kafkajs'
import { compressFrame, decompressFrame } from 'lz4-napi'
import { createRequire } from 'node:module'

/** The package has no types. */
const { uncompress: decompressSnappy } = createRequire(import.meta.url)('snappyjs') as {
  readonly uncompress: (compressed: Buffer) => Uint8Array
}

/** What kafkajs calls for the record batches of one codec; `compress` gets its encoder. */
interface Codec {
  compress(encoder: { readonly buffer: Buffer }): Promise<Buffer>
  decompress(buffer: Buffer): Promise<Buffer>
}

/** Before the blocks of Java's Snappy streams: a magic number, then two version numbers. */
const snappyStreamMagic = Buffer.from([0x82, ...Buffer.from('SNAPPY'), 0])
const snappyStreamHeaderBytes = 16

const codecs: readonly (readonly [type: number, codec: Codec])[] = [
  [kafkajs.CompressionTypes.Snappy, { compress: onlyRead('Snappy'), decompress: async (bytes) => readSnappy(bytes) }],
  [kafkajs.CompressionTypes.LZ4, { compress: ({ buffer }) => compressFrame(buffer), decompress: decompressFrame }],
  [
    kafkajs.CompressionTypes.ZSTD,
    { compress: onlyRead('Zstandard'), decompress: async (bytes) => Buffer.from(decompressZstd(bytes)) },
  ],
]

/**
 * Teaches kafkajs to read Snappy, LZ4 and Zstandard, which it knows by name only; a codec that the program registered itself stays.
 *
 * Topics can be compressed by the broker, so a consumer does not know beforehand what it will need.
 */
export function registerCodecs(): void {
  const known: Record<number, () => unknown> = kafkajs.CompressionCodecs
  for (const [type, codec] of codecs) if (isMissing(known[type])) known[type] = () => codec
}

/** What stands for a codec that kafkajs does not have throws. */
function isMissing(codecOf: (() => unknown) | undefined): boolean {
  try {
    return codecOf?.() === undefined
  } catch {
    return true
  }
}

function onlyRead(name: string): () => Promise<never> {
  return async () => {
    throw new kafkajs.KafkaJSNonRetriableError(
      `${name} is only read here: let the topic compress it (compression.type)`,
    )
  }
}

/** Java's clients write a stream of blocks, others one block. */
export function readSnappy(bytes: Buffer): Buffer {
  if (!bytes.subarray(0, snappyStreamMagic.length).equals(snappyStreamMagic))
    return Buffer.from(decompressSnappy(bytes))
  const blocks: Buffer[] = []
  for (let at = snappyStreamHeaderBytes; at < bytes.length;) {
    const length = bytes.readInt32BE(at)
    blocks.push(Buffer.from(decompressSnappy(bytes.subarray(at + 4, at + 4 + length))))
    at += 4 + length
  }
  return Buffer.concat(blocks)
}
