import type { Fleet } from '../../fleet.js'
import { loadContestant } from '../contestant.js'
import type { Scenario } from '../scenario.js'
import { KINDS, type Mutation, Mutations } from './delivery-audit-mutations.js'
import { makeTwin, TWIN, TWIN_TABLES } from './delivery-audit-twin.js'
import type { BenchSubject } from './subject.js'

const AUDITED = 'bench-audit'
const BARE = 'bench-audit-bare'
const SEALING = 'bench-audit-sealing'
const SEALED = 'bench-audit-sealed'
const CALLERS = 8
const BATCH = 500
const SOURCE = 'delivery store, speed'

interface State {
  readonly fleet: Fleet
  readonly audited: Mutations
  readonly bare: Mutations
}

/** The tables that are written. */
const TABLES = `delivery.audit_log, delivery.agent_sessions, delivery.agent_session_durations, delivery.agent_interactions, delivery.pull_requests,
  delivery.workflows, delivery.workflow_details, delivery.workflow_tasks, delivery.workflow_history, delivery.jobs, delivery.metrics, ${TWIN_TABLES}`

const names = {
  seal: 'record 1,000 entries and seal them, 1 caller',
  verify: 'verify, 1 caller',
}

const entries = (count: number) =>
  Array.from({ length: count }, (_, n) => ({
    entityType: 'deployment',
    entityId: `d-${n}`,
    action: 'deploy' as const,
    changes: { status: ['pending', 'running'] },
  }))

/** A kind of mutation with and without its audit, one at a time and in batches. */
const measured = ({ one, many }: Pick<Mutation, 'one' | 'many'>) => [
  { id: one, what: `${one}, ${CALLERS} callers`, count: 1, callers: CALLERS, least: 0.75 },
  { id: `${one} batches`, what: `${BATCH} ${many}, 2 callers`, count: BATCH, callers: 2, least: 0.85 },
]

/** What the audit costs: each kind of change with it, and without. */
export const deliveryAudit: Scenario<BenchSubject, State> = {
  name: 'delivery-audit',
  title: 'Delivery store: the cost of the audit log',
  description:
    'Each kind of change, by the functions of the store and by the same functions without their audit, made of their own text: no row of the log, and tables ' +
    'without the columns and the index that only the audit needs. Each commit durable, statement by statement past the gathering of calls. ' +
    'A job is claimed and completed by two statements. Then sealing, and verifying what was sealed (rows: entries that are there).',
  options: { rows: 100_000, durationMs: 2000, warmUpMs: 500, rounds: 5 },
  targets: KINDS.flatMap(measured).map(({ id, what, least }) => ({
    id: id.replaceAll(' ', '-'),
    what: `${what}: a second, audited against not`,
    source: SOURCE,
    metric: { kind: 'ratio', of: 'throughput', contestant: `${what}, audited`, to: `${what}, not audited` },
    op: '>=',
    value: least,
  })),

  async setUp({ subject, options, progress, signal }) {
    const fleet = await subject.open()
    for (const id of [AUDITED, BARE, SEALED, SEALING]) await fleet.tenants.create({ id }, { ifNotExists: true })
    await fleet.database.lend(makeTwin)
    progress('making what is changed')
    const sides = {
      audited: new Mutations(fleet.database, AUDITED, { audited: true }),
      bare: new Mutations(fleet.database, BARE, { audited: false }),
    }
    for (const side of Object.values(sides)) {
      await side.setUp()
      for (const mutation of side.all) {
        await mutation.before?.(options.warmUpMs)
        for (let n = 0; n < 4; n++) await mutation.change(BATCH, n % 2, 2)
      }
    }
    // What autovacuum does within a minute: plans made for empty tables would be measured otherwise.
    await fleet.database.lend((connection) => connection.query(`vacuum (analyze) ${TABLES}`))
    progress('recording and sealing entries')
    const { audit } = fleet.tenant(SEALED).delivery
    for (let first = 0; first < options.rows; first += 1000) {
      signal.throwIfAborted()
      await audit.record(entries(Math.min(1000, options.rows - first)))
    }
    // A transaction elsewhere may hold the last of them back for a while.
    while ((await audit.verify()).unsealed !== 0) while ((await audit.seal()).more);
    return { fleet, ...sides }
  },

  contestants({ options }, { fleet, audited, bare }) {
    const { audit } = fleet.tenant(SEALED).delivery
    const sealing = fleet.tenant(SEALING).delivery.audit
    const changes = (mutation: Mutation, isAudited: boolean) =>
      measured(mutation).map(({ what, count, callers }) =>
        loadContestant({
          name: `${what}, ${isAudited ? '' : 'not '}audited`,
          callers,
          itemsPerOperation: count,
          ...(isAudited ? { rival: `${what}, not audited` } : {}),
          async before({ warmUpMs, durationMs }) {
            await mutation.before?.(warmUpMs + durationMs)
          },
          operation: (caller) => mutation.change(count, caller, callers),
        }),
      )
    return [
      ...audited.all.flatMap((mutation, n) => {
        const [one, many] = changes(mutation, true)
        const [oneBare, manyBare] = changes(bare.all[n] as Mutation, false)
        return [one, oneBare, many, manyBare].filter((contestant) => contestant !== undefined)
      }),
      loadContestant({
        name: names.seal,
        callers: 1,
        itemsPerOperation: 1000,
        async operation() {
          await sealing.record(entries(1000))
          return await sealing.seal()
        },
      }),
      loadContestant({
        name: names.verify,
        callers: 1,
        itemsPerOperation: options.rows,
        operation: () => audit.verify(),
      }),
    ]
  },

  async tearDown(_, state) {
    if (state === undefined) return
    await state.fleet.database.lend((connection) => connection.query(`drop schema if exists ${TWIN} cascade`))
    await state.fleet.close()
  },
}
