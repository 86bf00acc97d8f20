import { FleetError } from '../errors.js'
import { isSameValue } from './acceptance.js'
import type { Advice, AdvisedLine, RejectedLine } from './advice.js'
import { GROUPS, type GroupName } from './advised-setting.js'
import type { Booted } from './boot.js'
import { assignment } from './configuration-text.js'
import { SETTING_GROUPS } from './groups/index.js'
import { type Judgement, judge, type LoadRounds } from './judgement.js'
import type { ProofLoad } from './proof-load.js'
import type { ScratchCluster } from './scratch-cluster.js'

/** A value that lines are compared with. */
export type Value = Pick<AdvisedLine, 'name' | 'value'>

/** How a configuration is measured. */
export interface ProofOptions {
  /** What the server runs with before; what is missing has the default of the build. */
  readonly before: readonly Value[]
  /** How often each side is measured. ROUNDS_MIN to 99. */
  readonly rounds: number
  /** How long each load runs in a round, and uncounted before it, in milliseconds. */
  readonly durationMs: number
  readonly warmUpMs: number
  readonly signal: AbortSignal
  onProgress?(done: number, total: number, message: string): void
}

/** What was found of a group. */
export interface GroupProof extends Judgement {
  readonly group: GroupName
  readonly lines: readonly Value[]
}

/** What the measurement leaves of an advice. */
export interface Proof {
  /** Without the lines of groups that were rejected. */
  readonly advice: Advice
  readonly groups: readonly GroupProof[]
  /** All that was kept, against what was before; null when nothing was kept. */
  readonly overall: Judgement | null
  /** Lines that could not be measured on this machine. */
  readonly unproven: readonly (Value & { readonly reason: string })[]
}

/** Restarts and connections take about so long each time, in milliseconds. */
const RESTART_MS = 2500

/** About how long it takes, in milliseconds, by the number of loads; making their data aside. */
export function proofTime(loads: number, options: Pick<ProofOptions, 'rounds' | 'durationMs' | 'warmUpMs'>): number {
  const { rounds, durationMs, warmUpMs } = options
  return (GROUPS.length + 1) * rounds * 2 * (loads * (durationMs + warmUpMs) + RESTART_MS)
}

/**
 * Measures the groups of an advice one after the other on a scratch cluster: the loads run in rounds, before and after by turns,
 * each time on a freshly started server. What is kept stays for the groups behind it. Errors: SCRATCH_CLUSTER_FAILED,
 * BENCH_FAILED, ABORTED.
 */
export async function proveConfiguration(
  cluster: ScratchCluster,
  { advice, unbooted, settings }: Pick<Booted, 'advice' | 'unbooted' | 'settings'>,
  loads: readonly ProofLoad[],
  options: ProofOptions,
): Promise<Proof> {
  const { rounds, onProgress } = options
  const names = new Set(unbooted.map(({ name }) => name))
  const before = options.before.filter(({ name }) => !names.has(name))
  const differs = (line: AdvisedLine) => {
    const setting = settings.get(line.name)
    const now = before.find(({ name }) => name === line.name)?.value ?? setting?.bootValue ?? ''
    return setting !== undefined && !isSameValue(setting, now, line.value)
  }
  const candidates = SETTING_GROUPS.map((group) => ({
    ...group,
    lines: advice.lines.filter((line) => line.group === group.name && !names.has(line.name) && differs(line)),
  })).filter(({ lines }) => lines.length > 0)
  const total = (candidates.length + 1) * rounds * 2
  let done = 0
  const compare = async (message: string, sides: readonly [readonly Value[], readonly Value[]]) => {
    const samples = loads.map(({ name }) => ({ load: name, before: [] as number[], after: [] as number[] }))
    for (let round = 0; round < rounds; round++) {
      // Whoever comes second inherits the state of the first as often as the other way round.
      for (const side of round % 2 === 0 ? [0, 1] : [1, 0]) {
        onProgress?.(done++, total, `${message}, round ${round + 1} of ${rounds}`)
        await restart(cluster, sides[side] as readonly Value[])
        for (const [index, load] of loads.entries()) {
          const rate = await load.run(options)
          samples[index]?.[side === 0 ? 'before' : 'after'].push(rate)
        }
      }
    }
    return samples satisfies LoadRounds[]
  }
  let kept: readonly Value[] = before
  const groups: GroupProof[] = []
  for (const { name, title, purpose, lines } of candidates) {
    const after = merged(kept, lines)
    const judgement = judge(purpose, await compare(title, [kept, after]))
    groups.push({ ...judgement, group: name, lines: lines.map((line) => ({ name: line.name, value: line.value })) })
    if (judgement.kept) kept = after
  }
  const overall = groups.some((group) => group.kept)
    ? judge('safety', await compare('before and after', [before, kept]))
    : null
  onProgress?.(total, total, 'measured')
  return {
    advice: without(advice, groups),
    groups,
    overall,
    unproven: unbooted.map(({ name, value }) => ({ name, value, reason: 'too large for this machine: not measured' })),
  }
}

/** The lines with others in place of those of their names. */
function merged(lines: readonly Value[], more: readonly Value[]): readonly Value[] {
  return [...lines.filter(({ name }) => !more.some((line) => line.name === name)), ...more]
}

/** Moves the lines of rejected groups to what was rejected. */
function without(advice: Advice, groups: readonly GroupProof[]): Advice {
  const rejected: RejectedLine[] = groups
    .filter(({ kept }) => !kept)
    .flatMap(({ lines, reason }) => lines.map((line) => ({ ...line, by: 'measurement' as const, reason })))
  const lines = advice.lines.filter(({ name }) => !rejected.some((line) => line.name === name))
  return { ...advice, lines, rejected: [...advice.rejected, ...rejected] }
}

async function restart(cluster: ScratchCluster, lines: readonly Value[]): Promise<void> {
  const start = await cluster.start(lines.map(assignment).join('\n'))
  if (start.started) return
  throw new FleetError('SCRATCH_CLUSTER_FAILED', { message: `the scratch cluster does not start: ${start.said}` })
}
