import { randomUUID } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { access, link, open, readdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { PassThrough, type Readable } from 'node:stream'
import { FleetError, isFleetError } from '../errors.js'
import type { ArchiveStore } from './archive-store.js'
import { storeFailure } from './store-failure.js'

/** What a file is called while it is written. */
const PARTIAL = '.partial'

/**
 * Archives in a folder, which has to be there: a disk that is not mounted must not be mistaken for an empty one. Files are readable by
 * their owner alone, written under a temporary name, synced, and linked to their own, which fails where that is taken.
 */
export function openFolderStore(folder: string): ArchiveStore {
  const sync = async () => {
    await using directory = await open(folder, 'r')
    await directory.sync()
  }
  return {
    async write(name, content, signal) {
      const temporary = join(folder, `.${name}.${randomUUID()}${PARTIAL}`)
      try {
        await using file = await open(temporary, 'wx', 0o600)
        await writeFile(file, content, signal === undefined ? {} : { signal })
        await file.sync()
        await link(temporary, join(folder, name)).catch((cause: NodeJS.ErrnoException) => {
          if (cause.code !== 'EEXIST') throw cause
          throw new FleetError('ARCHIVE_OBJECT_EXISTS', { message: `${join(folder, name)} is there already`, cause })
        })
        await sync()
      } catch (error) {
        content.destroy()
        throw storeFailure(`writing ${join(folder, name)}`, error, signal)
      } finally {
        await rm(temporary, { force: true }).catch(() => {})
      }
    },
    async read(name, signal) {
      const path = join(folder, name)
      const doing = `reading ${path}`
      try {
        const file = await open(path, 'r')
        return guarded(createReadStream(path, { fd: file, highWaterMark: 1_048_576 }), doing, signal)
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw storeFailure(doing, error, signal)
        // A disk that is not mounted is away; nothing is known of what is on it.
        await access(folder).catch((away: unknown) => {
          throw storeFailure(doing, away, signal)
        })
        throw new FleetError('ARCHIVE_UNKNOWN', { message: `there is no ${path}`, cause: error })
      }
    },
    async remove(name) {
      try {
        const left = (await readdir(folder)).filter((one) => one.startsWith(`.${name}.`) && one.endsWith(PARTIAL))
        for (const one of [name, ...left]) await rm(join(folder, one), { force: true })
      } catch (error) {
        throw storeFailure(`removing ${join(folder, name)}`, error)
      }
    },
    close() {},
  }
}

/** The same stream, whose errors are those of a store. */
export function guarded(source: Readable, doing: string, signal?: AbortSignal): Readable {
  const result = new PassThrough()
  source.once('error', (error) => result.destroy(isFleetError(error) ? error : storeFailure(doing, error, signal)))
  result.once('close', () => source.destroy())
  const abort = () => result.destroy(storeFailure(doing, signal?.reason, signal))
  signal?.addEventListener('abort', abort, { once: true })
  result.once('close', () => signal?.removeEventListener('abort', abort))
  return source.pipe(result)
}
