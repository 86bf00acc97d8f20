import { defineCheck, ORDER } from '../../check.js'

interface Row {
  readonly name: string
  readonly database: string
  readonly pool_size: string
  readonly reserve_pool_size?: string
  readonly reserve_pool?: string
  readonly max_connections: string
  readonly current_connections: string
}

/** M10: may the pools together open more connections than the server allows? */
export const poolerSum = defineCheck<Row>({
  id: 'pooler-sum',
  title: 'Pools larger than the server allows',
  area: 'connections',
  level: 'warning',
  order: ORDER.settings,
  source: 'pooler',
  scope: 'databases of the pooler',
  absent: 'the pooler knows no databases',
  why: 'A pool is for each pair of user and database. When their sum is more than the server has room for, logins of the pooler fail just when there is much to do, and others find no connection.',
  when: 'The sizes of pools with reserves, counting one user each, come to more than max_connections less those reserved. max_db_connections, where it is set, limits a database.',
  advice: 'Lower the pools, or set max_db_connections; count every pooler, and every user.',
  sql: 'show databases',
  evaluate: (rows, { server: { settings } }) => {
    const allowed =
      Number(settings.max_connections) -
      Number(settings.superuser_reserved_connections) -
      Number(settings.reserved_connections ?? 0)
    const pools = rows
      .filter(({ name }) => name !== 'pgbouncer')
      .map((row) => {
        const size = Number(row.pool_size) + Number(row.reserve_pool_size ?? row.reserve_pool ?? 0)
        return {
          name: row.name,
          size: Number(row.max_connections) > 0 ? Math.min(size, Number(row.max_connections)) : size,
        }
      })
    const sum = pools.reduce((total, { size }) => total + size, 0)
    if (sum <= allowed) return []
    return [
      {
        object: 'pools',
        summary: `The pools may open ${sum} connections, one user each; the server allows ${allowed}.`,
        evidence: [pools.map(({ name, size }) => `${name} ${size}`).join(', ')],
        remedy: {
          text: 'Lower pool_size, or set max_db_connections, so that the sum over databases, users and poolers fits.',
          lock: 'none; reload of the pooler',
          undo: 'set the old values and reload',
        },
      },
    ]
  },
})
