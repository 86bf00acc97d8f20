import type { Check } from '../../doctor/check.js'
import { vectorRecall } from '../../doctor/checks/vectors/vector-recall.js'
import { connect } from '../../doctor/connection.js'
import { examine } from '../../doctor/examine.js'
import { resolveThresholds } from '../../doctor/thresholds.js'
import { FLEET_METRICS } from '../metrics/fleet.js'
import { samplesOf } from '../sources/source.js'
import type { Reader } from './reader.js'

interface Measured {
  readonly table: string
  readonly index: string
  readonly recall?: number | null
  readonly queries?: number
}

/** Longest that one measurement of all indexes may take, in milliseconds. */
const BUDGET_MS = 60_000

/**
 * The recall of indexes of vectors, measured as the doctor measures it, on a connection of its own. It compares with the exact
 * order, which reads whole tables: seldom, and only when asked for. The login needs to select from the tables.
 */
export function createRecallReader(url: string, everyMs: number): Reader {
  const groups = [FLEET_METRICS.recall]
  return {
    id: 'vector-recall',
    groups,
    everyMs,
    async read(signal) {
      let measured: readonly Measured[] = []
      const check: Check = {
        ...vectorRecall,
        evaluate: (rows) => {
          measured = rows as readonly Measured[]
          return []
        },
      }
      const timeoutMs = BUDGET_MS / 4
      const { results } = await examine(() => connect(url, BUDGET_MS + 10_000), {
        checks: [check],
        thresholds: resolveThresholds({}),
        levels: {},
        sampleMs: 0,
        budgetMs: BUDGET_MS,
        timeoutMs,
        signal,
      })
      const [result] = results
      if (result?.outcome === 'not-applicable') return undefined
      if (result?.outcome === 'could-not-look') throw new Error(result.reason)
      const seen = measured.filter(({ queries = 0 }) => queries > 0)
      if (seen.length === 0)
        throw new Error('no index of vectors could be measured: the login sees no row of their tables')
      return samplesOf(
        groups,
        seen.map(({ table, index, recall }) => {
          const [schemaname, relname] = namesOf(table)
          return { schemaname, relname, indexname: namesOf(index)[1], recall_ratio: recall }
        }),
      )
    },
    close: async () => {},
  }
}

/** Schema and name of what the server wrote as `schema.name`, quoted where it had to be. */
function namesOf(qualified: string): [string, string] {
  const [, schema = '', name = qualified] = /^("(?:[^"]|"")+"|[^.]+)\.(.+)$/.exec(qualified) ?? []
  const plain = (text: string) => (text.startsWith('"') ? text.slice(1, -1).replaceAll('""', '"') : text)
  return [plain(schema), plain(name)]
}
