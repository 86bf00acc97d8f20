import { join } from 'node:path'
import type { Database } from '../../database/database.js'
import { type Statement, statement } from '../../database/statement.js'
import { openDatabase } from '../../fleet.js'
import { createFileAlertStore } from '../alerts/file-alert-store.js'
import type { AlertStore } from '../alerts/open-alert.js'
import type { SnapshotObserver } from '../snapshot.js'
import { createDatabaseAlertStore } from './database-alert-store.js'
import { createDatabaseWriter } from './database-writer.js'
import { openFolderWriter } from './folder-writer.js'
import { createHistoryObserver } from './history-observer.js'
import type { HistoryWriter } from './history-writer.js'
import { isUrl } from './read-history.js'
import { readSettings } from './settings.js'

/** Whether a database keeps a history, and this login may write to it. */
const RIGHTS = statement<{ schema: boolean; execute: boolean | null; standby: boolean }>(
  'monitor.history_rights',
  `select f.oid is not null as schema, has_function_privilege(f.oid, 'execute') as execute,
    pg_is_in_recovery() as standby
  from (select (
    select p.oid from pg_catalog.pg_proc p join pg_catalog.pg_namespace n on n.oid = p.pronamespace
    where n.nspname = 'platform' and p.proname = 'append_metric_snapshot' and has_schema_privilege(n.oid, 'usage')
  ) as oid) f`,
)

/** The statements of this file, for the test that prepares them. */
export const PLACE_STATEMENTS: readonly Statement<unknown>[] = [RIGHTS]

/** What a monitor keeps, and where. */
export interface HistoryPlaceOptions {
  /** The url of the database that is watched. */
  readonly watchedUrl: string
  /** Its address, without a password. */
  readonly watched: string
  /** A postgres:// url or a folder. @default the watched database, if it keeps a history and the login may write to it */
  readonly place?: string
  readonly intervalMs: number
  readonly keepMs: number
  /** Told in one line what the reader of a log should know. */
  readonly onNotice: (text: string) => void
}

/** How a monitor that was lost is followed: so many intervals later. */
const LEASE_INTERVALS = 3

/** What keeps the snapshots of a monitor, and the alerts that it has open. */
export interface HistoryPlace {
  readonly observer: SnapshotObserver
  readonly alerts: AlertStore
}

/**
 * Opens the place where a monitor keeps its history. A folder is locked at once; a database is connected to when the first
 * snapshot comes. Errors: HISTORY_HELD, HISTORY_UNSUITABLE, OPTIONS_INVALID, those of the system.
 */
export async function openHistoryPlace(options: HistoryPlaceOptions): Promise<HistoryPlace> {
  const { place, watchedUrl, watched, keepMs, intervalMs, onNotice } = options
  // Two statements a minute: one connection, which is given back in between.
  const watchedDatabase = await openDatabase({ url: watchedUrl, poolMax: 1 })
  const more: Database[] = [watchedDatabase]
  const close = async () => {
    for (const database of more) await database.close()
  }
  const keptBy = (writer: HistoryWriter): SnapshotObserver => {
    const observer = createHistoryObserver({
      writer,
      intervalMs,
      readSettings: (signal) => readSettings(watchedDatabase, signal),
      onNotice: (text) => onNotice(`history: ${text}`),
    })
    return { ...bound(observer), close: () => observer.close().finally(close) }
  }
  const writerOf = (database: Database) =>
    createDatabaseWriter(database, { keepMs, leaseMs: intervalMs * LEASE_INTERVALS })
  try {
    if (place !== undefined && isUrl(place)) {
      const database = await openDatabase({ url: place, poolMax: 1 })
      more.push(database)
      return { observer: keptBy(writerOf(database)), alerts: createDatabaseAlertStore(database, watched) }
    }
    if (place !== undefined) {
      const writer = await openFolderWriter(place, { keepMs, onNotice: (text) => onNotice(`history: ${text}`) })
      return { observer: keptBy(writer), alerts: createFileAlertStore(join(place, 'alerts.json')) }
    }
    const kept = keptBy(writerOf(watchedDatabase))
    return {
      observer: whereAllowed(kept, watchedDatabase, onNotice),
      alerts: keptWhereAllowed(createDatabaseAlertStore(watchedDatabase, watched), watchedDatabase),
    }
  } catch (error) {
    await close()
    throw error
  }
}

function bound(observer: SnapshotObserver): SnapshotObserver {
  return {
    name: observer.name,
    observe: (snapshot, signal) => observer.observe(snapshot, signal),
    close: () => observer.close(),
  }
}

/** The observer, once the database has said that it keeps a history; says once why not. */
function whereAllowed(kept: SnapshotObserver, database: Database, onNotice: (text: string) => void): SnapshotObserver {
  let isAllowed: boolean | undefined
  return {
    ...kept,
    async observe(snapshot, signal) {
      if (isAllowed === undefined) {
        if (!snapshot.isUp) return
        const [rights] = await database.run(RIGHTS, [], { reads: true, idempotent: true, signal })
        isAllowed = rights?.execute === true && !rights.standby
        if (!isAllowed) onNotice(reasonOf(rights?.schema ?? false, rights?.standby ?? false))
      }
      if (isAllowed) await kept.observe(snapshot, signal)
    },
  }
}

/** The store, where the database keeps a history; else alerts are known as long as the monitor runs. */
function keptWhereAllowed(store: AlertStore, database: Database): AlertStore {
  let isAllowed = false
  return {
    async load() {
      const [rights] = await database.run(RIGHTS, [], { reads: true, idempotent: true })
      isAllowed = rights?.execute === true && !rights.standby
      return isAllowed ? await store.load() : []
    },
    save: async (alerts) => (isAllowed ? await store.save(alerts) : undefined),
  }
}

function reasonOf(hasSchema: boolean, inRecovery: boolean): string {
  if (inRecovery)
    return 'No history is kept: this is a standby. Keep it elsewhere: --history postgres://… or --history DIR.'
  return hasSchema
    ? 'No history is kept: the login may not. Grant it pgfleet_monitor, or keep it in a folder: --history DIR.'
    : 'No history is kept: this is no database of pgfleet. Keep it in a folder: --history DIR.'
}
