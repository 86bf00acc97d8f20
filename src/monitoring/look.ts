import { isLoss, reasonOf } from '../doctor/refusal.js'
import type { Sample, SourceFailure } from './snapshot.js'

/** What one source gave the last time. */
export interface Look {
  readonly samples: readonly Sample[]
  readonly seconds: number
  readonly failure?: string | undefined
  /** By this process's clock, in milliseconds. */
  readonly at: number
}

/** One that was not taken, and why. */
export function blindLook(failure: string): Look {
  return { samples: [], seconds: 0, failure, at: performance.now() }
}

/** Times a look; one that fails tells why. A lost connection is thrown where it ends all. */
export async function lookOf(
  read: () => Promise<readonly Sample[] | undefined>,
  { rights, endsByLoss = false }: { rights?: string | undefined; endsByLoss?: boolean } = {},
): Promise<Look | undefined> {
  const started = performance.now()
  const end = () => ({ seconds: (performance.now() - started) / 1000, at: performance.now() })
  try {
    const samples = await read()
    return samples && { samples, ...end() }
  } catch (error) {
    if (endsByLoss && isLoss(error)) throw error
    const needed = (error as { code?: string }).code === '42501' && rights !== undefined ? `; needs ${rights}` : ''
    return { samples: [], failure: `${reasonOf(error)}${needed}`, ...end() }
  }
}

/** What the looks could not see, the loss of the connection before all. */
export function failuresOf(looks: ReadonlyMap<string, Look>, lost: string | undefined): SourceFailure[] {
  const failures = [...looks].flatMap(([source, { failure }]) =>
    failure === undefined ? [] : [{ source, reason: failure }],
  )
  return lost === undefined ? failures : [{ source: 'connection', reason: lost }, ...failures]
}
