import { toFleetError } from '../database/failure.js'
import { type Connection, connect } from '../doctor/connection.js'
import type { Fleet } from '../fleet.js'
import type { Bench } from './knob.js'
import { statementStatistics } from './role-statements.js'
import type { TrialRecords } from './trial-records.js'
import type { ResolvedTunerOptions } from './tuner-options.js'

/** Longest time of a question about the server, and of one that reads tables, in milliseconds. */
const QUERY_MS = 10_000
const PROBE_MS = 60_000

/** What knobs work with, on the fleet's own connections; closed after use. */
export function openBench(
  fleet: Fleet,
  records: TrialRecords,
  options: ResolvedTunerOptions,
): { readonly bench: Bench; close(): Promise<void> } {
  const ask = async <Row>(
    text: string,
    values: readonly unknown[],
    settings: Readonly<Record<string, string>>,
    timeoutMs: number,
  ) =>
    await fleet.database.lend(async (connection) => {
      await connection.query('begin read only')
      try {
        const all = { statement_timeout: String(timeoutMs), ...settings }
        for (const [name, value] of Object.entries(all)) {
          await connection.query('select set_config($1, $2, true)', [name, value])
        }
        return (await connection.query(text, [...values])).rows as Row[]
      } catch (error) {
        throw toFleetError(error, false)
      } finally {
        await connection.query('rollback').catch(() => {})
      }
    })
  let connected: Promise<Connection> | undefined
  const { poolerUrl, keep, callsMin, recallMin, memoryBytes } = options
  const bench: Bench = {
    fleet,
    query: (text, values = []) => ask(text, values, {}, QUERY_MS),
    ask: (text, values, settings) => ask(text, values, settings, PROBE_MS),
    pooler:
      poolerUrl === undefined
        ? undefined
        : async (text) => {
            connected ??= connect(poolerUrl, QUERY_MS)
            try {
              return await (await connected).query(text)
            } catch (error) {
              // The next question connects anew.
              void connected.then((lost) => lost.close()).catch(() => {})
              connected = undefined
              throw error
            }
          },
    kept: (knob, scope) => records.kept(knob, scope),
    limits: { keep, callsMin, recallMin, memoryBytes },
  }
  return {
    bench,
    close: async () => {
      await connected?.then((open) => open.close()).catch(() => {})
    },
  }
}

/**
 * What is the same while a server goes on and its statistics do: another text after a restart, a promotion, on another server,
 * and when somebody resets them.
 */
export async function lifeOf(bench: Bench): Promise<string> {
  const schema = await statementStatistics(bench)
  const [row] = await bench.query<{ life: string }>(
    `select concat_ws(' ', (select c.system_identifier from pg_control_system() c), pg_postmaster_start_time(), pg_is_in_recovery(),
      (select d.stats_reset from pg_stat_database d where d.datname = current_database())
      ${schema === undefined ? '' : `, (select i.stats_reset from ${schema}.pg_stat_statements_info i)`}) as life`,
  )
  return row?.life ?? ''
}
