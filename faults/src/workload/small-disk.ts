import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chownSync, mkdtempSync, rmSync, statfsSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { FaultLabError } from '../fault-lab-error.js'

/** A disk of a size of its own, nearly full, that a server can keep a tablespace on. */
export interface SmallDisk {
  /** An empty folder on it, which belongs to the server's user. */
  readonly folder: string
  /** Fills it until `leftBytes` are free; what was filled before is freed first. */
  fill(leftBytes: number): Promise<void>
  /** Frees what {@link fill} took. */
  free(): Promise<void>
  close(): void
}

export interface SmallDiskOptions {
  readonly sizeBytes: number
  /** A process of the server, whose user the disk belongs to. */
  readonly serverPid: number
}

/**
 * Makes a disk in memory, in a mount namespace of a child process: it needs no privilege, and the server gets at it through that process.
 *
 * @throws {FaultLabError} this machine lets its users make no namespaces.
 */
export async function createSmallDisk({ sizeBytes, serverPid }: SmallDiskOptions): Promise<SmallDisk> {
  const { uid, gid } = statSync(`/proc/${serverPid}`)
  const mountPoint = mkdtempSync(join(tmpdir(), 'tidemark-disk-'))
  chownSync(mountPoint, uid, gid)
  // Only the disk's own user may write there, so the child does: it makes ballast of the sizes that it reads. It ends with its input.
  const script = `mount -t tmpfs -o "size=$1,mode=700" tmpfs "$2" && mkdir "$2/data" && echo mounted &&
    while read -r bytes; do rm -f "$2/ballast"; [ "$bytes" = 0 ] || head -c "$bytes" /dev/zero > "$2/ballast"; echo done; done`
  const args = ['-Urm', 'sh', '-c', script, 'sh', String(sizeBytes), mountPoint]
  const child = spawn('unshare', args, { uid, gid, stdio: ['pipe', 'pipe', 'ignore'] })
  const mounted = await new Promise<boolean>((resolve) => {
    child.stdout.once('data', () => resolve(true))
    child.once('exit', () => resolve(false))
    child.once('error', () => resolve(false))
  })
  if (!mounted || child.pid === undefined) {
    rmSync(mountPoint, { recursive: true })
    throw new FaultLabError('no small disk can be made here: `unshare -Urm` and a mount in it must be allowed')
  }
  const root = `/proc/${child.pid}/root${mountPoint}`
  const weigh = async (bytes: number) => {
    const done = once(child.stdout, 'data')
    child.stdin.write(`${bytes}\n`)
    await done
  }
  return {
    folder: join(root, 'data'),
    async fill(leftBytes) {
      await weigh(0)
      const { bavail, bsize } = statfsSync(root)
      await weigh(Math.max(0, bavail * bsize - leftBytes))
    },
    free: () => weigh(0),
    close() {
      child.stdin.end()
      child.kill('SIGKILL')
      rmSync(mountPoint, { recursive: true, force: true })
    },
  }
}
