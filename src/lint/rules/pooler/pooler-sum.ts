import type { SettingsRule } from '../../rule.js'

export const poolerSum: SettingsRule = {
  on: 'pgbouncer.ini',
  id: 'pooler-sum',
  level: 'warning',
  summary: 'Pools whose sum nothing bounds, or that are larger than what bounds them.',
  why: 'default_pool_size and reserve_pool_size count for each pair of a user and a database, not for a database: ten users make ten pools, until the server has no connection left.',
  remedy:
    'Set max_db_connections to what the server gives this pooler: max_connections less what is reserved, divided by the poolers.',
  *check(file) {
    const number = (name: string) => {
      const entry = file.get(name, 'pgbouncer')
      const value = Number(entry?.value.split(/\s/)[0])
      return entry === undefined || Number.isNaN(value) ? undefined : { value, at: entry.at }
    }
    const pool = number('default_pool_size')
    const reserve = number('reserve_pool_size')
    const most = number('max_db_connections')
    const clients = number('max_client_conn')
    // One login for all makes one pool a database.
    const databases = file.entries.filter(({ section }) => section === 'databases')
    const isOneUser = databases.length > 0 && databases.every(({ value }) => /\buser\s*=/.test(value))
    if (
      pool !== undefined &&
      (most === undefined || most.value === 0) &&
      !isOneUser &&
      !file.partial &&
      number('max_user_connections') === undefined
    ) {
      yield {
        at: pool.at,
        message: `${pool.value}${reserve === undefined ? '' : ` + ${reserve.value}`} connections for each user of each database, and no max_db_connections`,
      }
    }
    if (pool !== undefined && most !== undefined && most.value > 0 && pool.value > most.value) {
      yield { at: pool.at, message: `one pool of ${pool.value} is more than max_db_connections = ${most.value}` }
    }
    if (pool !== undefined && clients !== undefined && clients.value < pool.value) {
      yield { at: clients.at, level: 'info', message: `${clients.value} clients never fill a pool of ${pool.value}` }
    }
  },
}
