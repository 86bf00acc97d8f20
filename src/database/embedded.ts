import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { Worker } from 'node:worker_threads'
import { FleetError } from '../errors.js'
import { type DirectoryLock, lockDirectory } from './directory-lock.js'

/** A running embedded database. */
export interface Embedded {
  /** Directory of the Unix socket, or an address where there are none (Windows). */
  readonly host: string
  readonly port: number
  /** Ends the worker, after a clean shutdown where it still answers. Harmless to repeat. */
  stop(): Promise<void>
}

/** What the worker is told, and what it answers. */
export interface EmbeddedStart {
  readonly dataDir: string
  readonly socket: { readonly path: string } | { readonly host: string }
}
export type EmbeddedMessage =
  | { readonly ready: { readonly port: number } }
  | { readonly failed: string }
  | { readonly stopped: true }

const PORT = 5432

/**
 * Starts PGlite in a worker thread, behind a local socket that only this user can open. `dataDir` is a directory, held
 * by a lock file while it is in use, or `memory://`. What is committed survives the death of the process, not of the
 * machine: the engine does not wait for the disk. Errors: DATABASE_LOCKED; DATABASE_UNSUITABLE when it cannot start.
 */
export async function startEmbedded(dataDir: string): Promise<Embedded> {
  const inMemory = dataDir.startsWith('memory://')
  const directory = inMemory ? undefined : resolve(dataDir)
  const lock = directory === undefined ? undefined : await lockDirectory(directory)
  const socketDir = await mkdtemp(join(tmpdir(), 'pgfleet-'))
  const start: EmbeddedStart = {
    dataDir: directory === undefined ? dataDir : join(directory, 'data'),
    socket: process.platform === 'win32' ? { host: '127.0.0.1' } : { path: join(socketDir, `.s.PGSQL.${PORT}`) },
  }
  const worker = new Worker(new URL('./embedded-worker.js', import.meta.url), { workerData: start })
  try {
    const [message] = (await Promise.race([
      once(worker, 'message'),
      once(worker, 'exit').then(() => [{ failed: 'the worker ended' }]),
    ])) as [EmbeddedMessage]
    if ('failed' in message) {
      throw new FleetError('DATABASE_UNSUITABLE', {
        message: `the embedded database did not start: ${message.failed}`,
        hint: 'Is the data directory of this version? Remove it to begin anew, or use a server.',
      })
    }
    worker.unref()
    const port = 'ready' in message ? message.ready.port : PORT
    return 'path' in start.socket
      ? { host: socketDir, port: PORT, stop: stopper(worker, lock, socketDir) }
      : { host: start.socket.host, port, stop: stopper(worker, lock, socketDir) }
  } catch (error) {
    await stopper(worker, lock, socketDir)()
    throw error
  }
}

function stopper(worker: Worker, lock: DirectoryLock | undefined, socketDir: string): () => Promise<void> {
  let stopping: Promise<void> | undefined
  const stop = async () => {
    worker.ref()
    const gone = new Promise((done) => {
      worker.once('message', done)
      worker.once('exit', done)
      setTimeout(done, 5_000).unref()
    })
    worker.postMessage('stop')
    await gone
    await worker.terminate()
    await rm(socketDir, { recursive: true, force: true })
    await lock?.release()
  }
  return () => {
    stopping ??= stop()
    return stopping
  }
}
