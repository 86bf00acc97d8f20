import type { Database } from '../../database/database.js'
import { type Statement, statement } from '../../database/statement.js'
import { type AlertStore, decodeAlerts, encodeAlerts } from '../alerts/open-alert.js'
import { explained } from './database-writer.js'

const LOAD = statement<{ alerts: unknown }>(
  'monitor.load_alerts',
  'select a.alerts from platform.open_alerts a where a.watched = $1::text',
)
const SAVE = statement<unknown>('platform.save_open_alerts', 'select platform.save_open_alerts($1::text, $2::jsonb)')

/** The statements of this file, for the test that prepares them. */
export const ALERT_STATEMENTS: readonly Statement<unknown>[] = [LOAD, SAVE]

/**
 * Keeps the alerts of a database that is watched, known by its address, in a database of pgfleet. Errors: ALERTS_UNREADABLE,
 * SCHEMA_MISSING, PERMISSION_DENIED, those of the database.
 */
export function createDatabaseAlertStore(database: Database, watched: string): AlertStore {
  return {
    async load() {
      try {
        const [row] = await database.run(LOAD, [watched], { reads: true, idempotent: true })
        return row === undefined ? [] : decodeAlerts(row.alerts, `platform.open_alerts of ${watched}`)
      } catch (error) {
        throw explained(error)
      }
    },
    async save(alerts) {
      try {
        await database.run(SAVE, [watched, encodeAlerts(alerts)], { idempotent: true })
      } catch (error) {
        throw explained(error)
      }
    },
  }
}
