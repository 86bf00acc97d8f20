import { randomUUID } from 'node:crypto'
import { link, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { FleetError } from '../errors.js'

/** A directory held by this process until released. */
export interface DirectoryLock {
  release(): Promise<void>
}

/**
 * Takes a data directory for this process: two processes on one folder lose rows. The lock is a file with the process
 * id, made at once or not at all; one whose process is gone is taken over. Errors: DATABASE_LOCKED.
 */
export async function lockDirectory(directory: string): Promise<DirectoryLock> {
  await mkdir(directory, { recursive: true, mode: 0o700 })
  const path = join(directory, 'lock')
  const mine = JSON.stringify({ pid: process.pid, token: randomUUID() })
  for (let attempt = 0; attempt < 10; attempt++) {
    const draft = `${path}.${randomUUID()}`
    await writeFile(draft, mine, { mode: 0o600 })
    try {
      await link(draft, path)
      return { release: () => release(path, mine) }
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
    } finally {
      await rm(draft, { force: true })
    }
    const held = await readFile(path, 'utf8').catch(() => undefined)
    if (held === undefined) continue
    const holder = pidOf(held)
    if (holder !== undefined && isAlive(holder)) {
      throw new FleetError('DATABASE_LOCKED', {
        message: `${holder === process.pid ? 'this process' : `process ${holder}`} uses the data directory already`,
        details: { directory, pid: holder },
      })
    }
    // Moved aside before it is judged: whoever moved it decides, and puts back a lock that is not the dead one.
    const aside = `${path}.${randomUUID()}`
    if (
      !(await rename(path, aside).then(
        () => true,
        () => false,
      ))
    )
      continue
    if ((await readFile(aside, 'utf8')) !== held) await link(aside, path).catch(() => {})
    await rm(aside, { force: true })
  }
  throw new FleetError('DATABASE_LOCKED', {
    message: 'the data directory changes hands too fast',
    details: { directory },
  })
}

async function release(path: string, mine: string): Promise<void> {
  if ((await readFile(path, 'utf8').catch(() => undefined)) === mine) await rm(path, { force: true })
}

function pidOf(text: string): number | undefined {
  try {
    const { pid } = JSON.parse(text) as { pid?: unknown }
    return typeof pid === 'number' ? pid : undefined
  } catch {
    return undefined
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}
