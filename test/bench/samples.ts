import type { Contestant, Run, Sample, Target } from 'pgfleet/bench'
import { runScenario, type Scenario } from 'pgfleet/bench'

/** A sample with figures that a test does not care about, unless it names them. */
export function sampleOf(given: Partial<Sample> = {}): Sample {
  return {
    operations: 1_000,
    itemsPerOperation: 1,
    seconds: 1,
    throughput: 1_000,
    mean: 1.5,
    p50: 1,
    p95: 2,
    p99: 3,
    max: 4,
    errors: 0,
    firstError: null,
    rss: null,
    figures: {},
    ...given,
  }
}

/** A contestant that plays back samples, one a round; a string is its reason not to take part. */
export function playback(
  name: string,
  rounds: readonly (Partial<Sample> | string)[],
  rest: Partial<Contestant> = {},
): Contestant {
  return {
    name,
    kind: 'pgfleet',
    callers: 18,
    async run({ round }) {
      const played = rounds[round] ?? {}
      return typeof played === 'string' ? { unavailable: played } : { sample: sampleOf(played) }
    },
    ...rest,
  }
}

/** A scenario that prepares nothing. */
export function scenarioOf(contestants: readonly Contestant[], targets: readonly Target[] = []): Scenario<null> {
  return {
    name: 'example',
    title: 'An example',
    description: 'Plays samples back.',
    targets,
    async setUp() {},
    contestants: () => contestants,
    async tearDown() {},
  }
}

/** Runs that scenario without warm-up. */
export function play(contestants: readonly Contestant[], targets: readonly Target[] = [], rounds = 3): Promise<Run> {
  return runScenario(scenarioOf(contestants, targets), { subject: null, options: { rounds } })
}

/** A target on the ratio of "ours" to "theirs". */
export function ratioTarget(value: number): Target {
  return {
    id: 'faster',
    what: 'twice as fast as pgbench',
    source: 'architecture.md, 1',
    metric: { kind: 'ratio', of: 'throughput', contestant: 'ours', to: 'theirs' },
    op: '>=',
    value,
  }
}
