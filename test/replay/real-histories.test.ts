import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { readHistory, replay } from 'pgfleet/replay'
import { describe, expect, test } from 'vitest'
import { createMemoryStore } from './memory-store.js'

const data = fileURLToPath(new URL('../../../shared/data/ci/', import.meta.url))
const absent = !existsSync(data)

/** Figures of `shared/data/README.md` for the metric, and limits that the agent must keep, at 50 % of the time. */
const HISTORIES = [
  { file: 'iofrol.csv', cycles: 320, runs: 32_260, random: 0.304, oracle: 0.602, learned: 0.45, lastThird: 0.51 },
  { file: 'dune-debian.csv', cycles: 221, runs: 35_140, random: 0.397, oracle: 0.993, learned: 0.93, lastThird: 0.94 },
]

describe.skipIf(absent)(`real histories${absent ? `: skipped, ${data} is absent` : ''}`, () => {
  test.each(HISTORIES)('$file', async ({ file, ...expected }) => {
    const history = await readHistory(data + file, { strict: true })
    const result = await replay(history, createMemoryStore())
    expect(result.overall.cycles).toBe(expected.cycles)
    expect(result.runs).toBe(expected.runs)
    const { napfd } = result.overall
    expect(napfd.oracle.at50).toBeCloseTo(expected.oracle, 2)
    expect(Math.abs((napfd.random.at50 as number) - expected.random)).toBeLessThan(0.025)
    expect(napfd.learned.at50).toBeGreaterThan(expected.learned)
    expect(result.lastThird.napfd.learned.at50).toBeGreaterThan(expected.lastThird)
    for (const scores of [result.overall, result.lastThird]) {
      for (const heuristic of ['given', 'random', 'recentFailures', 'recentVerdicts'] as const) {
        expect(scores.napfd.learned.at50).toBeGreaterThan(scores.napfd[heuristic].at50 as number)
        expect(scores.napfd.learned.at100).toBeGreaterThan(scores.napfd[heuristic].at100 as number)
      }
    }
  })
})
