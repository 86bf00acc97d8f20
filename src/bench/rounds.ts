import { throwIfAborted } from './abort.js'
import type { Contestant, RoundContext } from './contestant.js'
import type { BenchOptions } from './options.js'
import type { RunProgress } from './run.js'
import type { Sample } from './sample.js'

/** What the rounds brought: for each round the order, for each name a sample of every round or why there is none. */
export interface Rounds {
  readonly order: readonly (readonly string[])[]
  readonly samples: ReadonlyMap<string, readonly (Sample | null)[]>
  readonly absences: ReadonlyMap<string, string>
}

/**
 * Runs every contestant once in each round, every other round in reverse, each on a server that has `settled`. Whoever is
 * unavailable once is not asked again.
 */
export async function runRounds(
  contestants: readonly Contestant[],
  options: BenchOptions,
  signal: AbortSignal,
  tell: (progress: RunProgress) => void,
  settled: () => Promise<void>,
): Promise<Rounds> {
  const { rounds, warmUpMs, durationMs } = options
  const total = rounds * contestants.length
  const order: string[][] = []
  const samples = new Map<string, (Sample | null)[]>(contestants.map(({ name }) => [name, []]))
  const absences = new Map<string, string>()
  let done = 0
  for (let round = 0; round < rounds; round += 1) {
    const turn = round % 2 === 0 ? contestants : contestants.toReversed()
    order.push(turn.map(({ name }) => name))
    for (const contestant of turn) {
      throwIfAborted(signal)
      const { name } = contestant
      tell({ message: `round ${round + 1} of ${rounds}: ${name}`, done, total })
      await settled()
      const context = { round, warmUpMs, durationMs, signal }
      const sample = absences.has(name) ? null : await runOnce(contestant, context, absences)
      samples.get(name)?.push(sample)
      done += 1
    }
  }
  tell({ message: 'measured', done, total })
  return { order, samples, absences }
}

async function runOnce(
  contestant: Contestant,
  context: RoundContext,
  absences: Map<string, string>,
): Promise<Sample | null> {
  await contestant.before?.(context)
  const outcome = await contestant.run(context)
  if ('sample' in outcome) return outcome.sample
  absences.set(contestant.name, outcome.unavailable)
  return null
}
