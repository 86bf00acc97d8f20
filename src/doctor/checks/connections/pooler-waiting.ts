import { defineCheck, ORDER } from '../../check.js'
import { counted, duration } from '../../figures.js'

interface Row {
  readonly database: string
  readonly user: string
  readonly cl_waiting: string
  readonly maxwait: string
  readonly sv_active: string
  readonly sv_idle: string
}

/** M11: clients that wait for a connection of the pool. */
export const poolerWaiting = defineCheck<Row>({
  id: 'pooler-waiting',
  title: 'Clients that wait for the pool',
  area: 'connections',
  level: 'error',
  order: ORDER.blocking,
  source: 'pooler',
  scope: 'pools',
  absent: 'the pooler has no pools',
  why: 'A client that waits for a server connection adds the wait to every transaction. The pool is too small, or its connections are held by long transactions.',
  when: 'The client that has waited longest in a pool has done so for more than the thresholds.',
  advice:
    'Look for long and idle transactions first. Raise the pool while the server still has idle cores: more active connections than about two to three a core make it slower.',
  uses: ['poolWaitS', 'poolWaitErrorS'],
  sql: 'show pools',
  evaluate: (rows, { thresholds: { poolWaitS, poolWaitErrorS } }) =>
    rows
      .filter(({ cl_waiting, maxwait }) => Number(cl_waiting) > 0 && Number(maxwait) >= poolWaitS)
      .map(({ database, user, cl_waiting, maxwait, sv_active, sv_idle }) => ({
        object: `pool ${user}@${database}`,
        level: Number(maxwait) >= poolWaitErrorS ? ('error' as const) : ('warning' as const),
        summary: `${counted(Number(cl_waiting), 'client')} of ${user}@${database} wait${cl_waiting === '1' ? 's' : ''} for a connection, up to ${duration(Number(maxwait))}.`,
        evidence: [`${sv_active} server connections at work, ${sv_idle} idle`],
        remedy: {
          text: 'Find what holds the connections (long and idle transactions); then raise default_pool_size, or pool_size of this database.',
          lock: 'none; reload of the pooler',
          undo: 'set the old value and reload',
        },
      })),
})
