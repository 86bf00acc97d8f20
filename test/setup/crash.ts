import { execFile } from 'node:child_process'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { isFleetError } from 'pgfleet'
import { engine } from './engine.js'

const { PGFLEET_SERVICES, TEST_CRASH } = process.env

/** True where a test may end the server under all who use it: on services of its own, and when asked for. */
export const mayCrash = engine === 'direct' && TEST_CRASH === '1' && Boolean(PGFLEET_SERVICES)

/** The name of such a group of tests; where they are skipped, with the reason. */
export function crashing(name: string): string {
  return mayCrash ? name : `${name} [not on ${engine}: it needs TEST_CRASH=1 and services of its own]`
}

/**
 * Kills the server, starts it again on the same data, and returns when it was killed (as Date.now()). With `ended`, only
 * once that has settled: a call that waits to be sent would land on the new server, were it there soon enough.
 */
export async function crash(ended?: Promise<unknown>): Promise<number> {
  const services = (command: string) => promisify(execFile)('bash', [PGFLEET_SERVICES as string, command])
  // Asked each time: whoever crashed it before has started another process.
  const { stdout } = await services('up')
  const postmaster = Number(/^SERVICES_PID_POSTGRES=(\d+)$/m.exec(stdout)?.[1])
  // 0 would be this process and its group.
  if (!(postmaster > 0)) throw new Error('the services do not tell the process of PostgreSQL')
  process.kill(postmaster, 'SIGKILL')
  const at = Date.now()
  await ended
  await services('restart-postgres')
  return at
}

/** Repeats a call that ends with an error of the fleet, for a minute at most: until the server is back. */
export async function patiently<T>(call: () => Promise<T>): Promise<T> {
  for (let end = Date.now() + 60_000; ; ) {
    try {
      return await call()
    } catch (error) {
      if (!isFleetError(error) || Date.now() > end) throw error
      await sleep(100)
    }
  }
}
