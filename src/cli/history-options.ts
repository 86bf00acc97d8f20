import type { Command } from 'commander'
import { FleetError } from '../errors.js'
import { type HistoryPlace, openHistoryPlace } from '../monitoring/history/history-place.js'
import type { Context } from './context.js'
import { duration } from './durations.js'
import { describeWhere, oneHost } from './where.js'

/** Options of `pgfleet monitor` about its history. */
export interface HistoryOptions {
  /** False: `--no-history`. */
  readonly history?: string | false
  readonly historyInterval?: number
  readonly historyRetention?: number
}

/** One snapshot a minute is kept, unless told otherwise. */
const INTERVAL_MS = 60_000

/** Fourteen days. */
const RETENTION_MS = 14 * 86_400_000

/** Least of both, in milliseconds. */
const INTERVAL_MIN_MS = 1000
const RETENTION_MIN_MS = 3_600_000

/** Adds where a history is kept, and how long. */
export function addHistoryOptions(command: Command): Command {
  return command
    .option(
      '--history <place>',
      'keep snapshots there: a postgres:// url of pgfleet, or a folder (default: the watched database, if it is one)',
    )
    .option('--no-history', 'keep none')
    .option('--history-interval <time>', 'from one snapshot that is kept to the next (default: 60s)', duration)
    .option('--history-retention <time>', 'how long snapshots are kept (default: 14d)', duration)
}

/** Opens the history that the options ask for; undefined: none. Errors: OPTIONS_INVALID, those of the place. */
export async function openHistory(
  { where, terminal }: Context,
  { history, historyInterval = INTERVAL_MS, historyRetention = RETENTION_MS }: HistoryOptions,
): Promise<HistoryPlace | undefined> {
  if (history === false || where.url === undefined) return undefined
  if (historyInterval < INTERVAL_MIN_MS || historyRetention < RETENTION_MIN_MS) {
    throw new FleetError('OPTIONS_INVALID', {
      message: 'a history has an interval of 1s and a retention of 1h at least',
      field: historyInterval < INTERVAL_MIN_MS ? 'historyInterval' : 'historyRetention',
    })
  }
  return await openHistoryPlace({
    watchedUrl: where.url,
    watched: watchedBy(where.url),
    ...(typeof history === 'string' ? { place: history } : {}),
    intervalMs: historyInterval,
    keepMs: historyRetention,
    onNotice: (text) => terminal.note(text),
  })
}

/** The address by which open alerts of a database are kept, without a login. */
export function watchedBy(url: string): string {
  const { host, pathname } = new URL(oneHost(url))
  return host === '' ? describeWhere({ url }) : `${host}${pathname}`
}
