import type { Connection } from '../connection.js'
import type { Target } from './target.js'

/** What row-level security costs on one query. */
export interface Overhead {
  readonly relation: string
  readonly rounds: number
  /** Milliseconds of one execution, the median of the rounds: as the administrator, and as the application. */
  readonly bypassed: number
  readonly enforced: number
  /** Enforced against bypassed, less 1: the median of the rounds, and the interval that holds it with 95 % confidence. */
  readonly share: number
  readonly low: number
  readonly high: number
}

/** Interleaved rounds: a single one says nothing, five may differ by a factor of four. */
const ROUNDS = 20
/** Executions of a round, of each side. */
const EXECUTIONS = 15
/** Resamplings of the rounds. */
const RESAMPLINGS = 2000

/**
 * Measures one query of the largest table as a login that policies do not hold, and as the application's role, in turns on one
 * connection. The administrator has to be able to take the application's role. Reads only.
 */
export async function measureOverhead(
  admin: Connection,
  targets: readonly Target[],
  login: string,
  tenant: string,
  enter: string | undefined,
): Promise<Overhead | { readonly reason: string }> {
  const target = targets.filter(({ kind }) => kind === 'table').toSorted((a, b) => b.pages - a.pages)[0]
  if (target === undefined) return { reason: 'there is no table to measure' }
  const { relation, column, setting } = target
  const text = `select count(*) from ${relation} t where t.${column} = $1`
  const measure = async (enforced: boolean) => {
    await admin.query('begin read only; set local statement_timeout = 20000')
    try {
      if (enforced) await admin.query(`set local role "${login.replaceAll('"', '""')}"`)
      if (enter === undefined) await admin.query('select set_config($1, $2, true)', [setting, tenant])
      else if (enforced) await admin.query(enter, [tenant])
      const times: number[] = []
      for (let execution = 0; execution < EXECUTIONS; execution++) {
        const started = performance.now()
        await admin.query(text, [tenant])
        times.push(performance.now() - started)
      }
      return median(times)
    } finally {
      await admin.query('rollback')
    }
  }
  try {
    await measure(false)
    await measure(true)
    const rounds: { bypassed: number; enforced: number }[] = []
    for (let round = 0; round < ROUNDS; round++) {
      // Each goes first in every other round.
      const [one, other] = [await measure(round % 2 === 0), await measure(round % 2 !== 0)]
      rounds.push(round % 2 === 0 ? { enforced: one, bypassed: other } : { enforced: other, bypassed: one })
    }
    const ratios = rounds.map(({ bypassed, enforced }) => enforced / bypassed - 1)
    const resampled = Array.from({ length: RESAMPLINGS }, () =>
      median(ratios.map(() => ratios[Math.floor(Math.random() * ratios.length)] as number)),
    ).toSorted((a, b) => a - b)
    return {
      relation,
      rounds: ROUNDS,
      bypassed: median(rounds.map(({ bypassed }) => bypassed)),
      enforced: median(rounds.map(({ enforced }) => enforced)),
      share: median(ratios),
      low: resampled[Math.floor(0.025 * RESAMPLINGS)] as number,
      high: resampled[Math.floor(0.975 * RESAMPLINGS)] as number,
    }
  } catch (error) {
    const { code, message } = error as { code?: string; message?: string }
    if (code === undefined) throw error
    return { reason: `the administrator could not measure as ${login}: ${message}` }
  }
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = sorted.length / 2
  return sorted.length % 2 === 1
    ? (sorted[Math.floor(middle)] as number)
    : ((sorted[middle - 1] as number) + (sorted[middle] as number)) / 2
}
