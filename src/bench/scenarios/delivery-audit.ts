import { v7 as uuidv7 } from 'uuid'
import { statement } from '../../database/statement.js'
import { FleetError } from '../../errors.js'
import type { Fleet } from '../../fleet.js'
import { loadContestant } from '../contestant.js'
import type { Scenario } from '../scenario.js'
import type { Target } from '../target.js'
import type { BenchSubject } from './subject.js'

const TENANT = 'bench-audit'
const SEALING = 'bench-audit-sealing'
const SEALED = 'bench-audit-sealed'
const CALLERS = 8
const BATCH = 500
const SESSIONS = 64
const SOURCE = 'delivery store, speed'

interface State {
  readonly fleet: Fleet
  readonly sessions: readonly string[]
}

const WITH = statement<{ ordinal: number }>(
  'bench.interactions_with_audit',
  'select ordinal from delivery.record_interactions($1::text, $2::jsonb)',
)
const WITHOUT = statement<{ ordinal: number }>(
  'bench.interactions_without_audit',
  'select ordinal from bench_audit.record_interactions($1::text, $2::jsonb)',
)

const names = {
  single: `interaction, audited, ${CALLERS} callers`,
  singleWithout: `interaction, not audited, ${CALLERS} callers`,
  batch: `${BATCH} interactions, audited, 2 callers`,
  batchWithout: `${BATCH} interactions, not audited, 2 callers`,
  seal: 'record 1,000 entries and seal them, 1 caller',
  verify: 'verify, 1 caller',
}

const costs = (id: string, what: string, contestant: string, to: string, value: number): Target => ({
  id,
  what,
  source: SOURCE,
  metric: { kind: 'ratio', of: 'throughput', contestant, to },
  op: '>=',
  value,
})

const entries = (count: number) =>
  Array.from({ length: count }, (_, n) => ({
    entityType: 'deployment',
    entityId: `d-${n}`,
    action: 'deploy' as const,
    changes: { status: ['pending', 'running'] },
  }))

/** Interactions of the sessions in turn, so many at a time, as the function takes them. */
function interactionsOf(sessions: readonly string[]): (count: number) => string {
  let n = 0
  return (count) =>
    JSON.stringify(
      Array.from({ length: count }, () => ({
        id: uuidv7(),
        session_id: sessions[n++ % sessions.length],
        type: 'testing',
        status: 'completed',
        tokens: 100,
        cost: 0.001,
        duration_us: 1000 + (n % 1000),
        request: { prompt: 'run the tests' },
        response: { passed: 12 },
        actor_type: 'agent',
        actor_id: 'agent-1',
        correlation_id: 'run-1',
      })),
    )
}

/** What an interaction has for the audit: its columns, and what is written into them. */
const AUDIT_COLUMNS = 'transaction_id, audit_sequence, actor_type, actor_id, correlation_id'
const AUDIT_VALUES = "v_transaction, nextval('delivery.audit_sequence'), x.actor_type, x.actor_id, x.correlation_id"

/**
 * The function without its audit, made of its own text: it writes the same interactions into a table without the columns and the
 * index that only the audit needs.
 */
function withoutAudit(text: string): string {
  const parts: [string, string][] = [
    [`,\n      ${AUDIT_COLUMNS})`, ')'],
    [`,\n      ${AUDIT_VALUES}\n`, '\n'],
    ['  v_transaction := platform.log_transaction(pg_current_xact_id());\n', ''],
    ['delivery.record_interactions', 'bench_audit.record_interactions'],
    ['delivery.agent_interactions', 'bench_audit.agent_interactions'],
  ]
  return parts.reduce((twin, [part, by]) => {
    if (twin.includes(part)) return twin.replaceAll(part, by)
    throw new FleetError('BENCH_FAILED', {
      message: 'delivery.record_interactions is not written as this scenario knows it',
    })
  }, text)
}

/** The table of `withoutAudit`, with partitions for this month and the next. */
const UNAUDITED_TABLE = `
  create table bench_audit.agent_interactions (like delivery.agent_interactions including all) partition by range (interaction_id);
  alter table bench_audit.agent_interactions drop constraint agent_interactions_place,
    ${AUDIT_COLUMNS.split(', ')
      .map((column) => `drop column ${column}`)
      .join(', ')};
  alter table bench_audit.agent_interactions enable row level security, force row level security;
  create policy tenant_isolation on bench_audit.agent_interactions
    using (tenant_id = (select current_setting('pgfleet.tenant', true))) with check (tenant_id = (select current_setting('pgfleet.tenant', true)));
  grant select, insert on bench_audit.agent_interactions to pgfleet_app;
  do $$
  declare
    v_month timestamptz;
  begin
    for v_month in select date_trunc('month', now(), 'UTC') + n * interval '1 month' from generate_series(0, 1) n loop
      execute format('create table bench_audit.agent_interactions_p%s partition of bench_audit.agent_interactions for values from (%L) to (%L)',
        to_char(v_month at time zone 'UTC', 'YYYYMM'), platform.uuid_floor(v_month), platform.uuid_floor(v_month + interval '1 month'));
    end loop;
  end
  $$`

/** What the audit log costs: an interaction of an agent with its audit row, and without. */
export const deliveryAudit: Scenario<BenchSubject, State> = {
  name: 'delivery-audit',
  title: 'Delivery store: the cost of the audit log',
  description:
    `Interactions of ${SESSIONS} agent sessions, by delivery.record_interactions and by the same function on a table without the columns and the ` +
    'index that the audit needs, each commit durable, statement by statement past the gathering of calls. Then sealing, and verifying what was sealed ' +
    '(rows: entries that are there).',
  options: { rows: 100_000, durationMs: 4000, warmUpMs: 1000, rounds: 5 },
  targets: [
    costs('single', 'single operations a second, audited against not', names.single, names.singleWithout, 0.75),
    costs('batches', 'operations a second in batches, audited against not', names.batch, names.batchWithout, 0.85),
  ],

  async setUp({ subject, options, progress, signal }) {
    const fleet = await subject.open()
    for (const id of [TENANT, SEALED, SEALING]) await fleet.tenants.create({ id }, { ifNotExists: true })
    const tenant = fleet.tenant(TENANT)
    const sessions = await tenant.delivery.agentSessions.create(
      Array.from({ length: SESSIONS }, (_, n) => ({ agentName: `agent-${n}`, agentType: 'tester' as const })),
    )
    await fleet.database.lend(async (connection) => {
      const { rows } = await connection.query<{ text: string }>(
        `select pg_get_functiondef('delivery.record_interactions(text, jsonb)'::regprocedure) as text`,
      )
      await connection.query('drop schema if exists bench_audit cascade')
      await connection.query('create schema bench_audit')
      await connection.query(UNAUDITED_TABLE)
      await connection.query(withoutAudit(rows[0]?.text ?? ''))
      await connection.query('grant usage on schema bench_audit to pgfleet_app')
    })
    const items = interactionsOf(sessions.map(({ id }) => id))
    // What autovacuum does within a minute: plans made for empty tables would be measured otherwise.
    for (let n = 0; n < 10; n++) {
      for (const what of [WITH, WITHOUT]) await fleet.database.run(what, [TENANT, items(500)], { idempotent: true })
    }
    await fleet.database.lend((connection) =>
      connection.query(
        'vacuum (analyze) delivery.agent_sessions, delivery.agent_session_durations, delivery.agent_interactions, bench_audit.agent_interactions, delivery.audit_log',
      ),
    )
    progress('recording and sealing entries')
    const { audit } = fleet.tenant(SEALED).delivery
    for (let first = 0; first < options.rows; first += 1000) {
      signal.throwIfAborted()
      await audit.record(entries(Math.min(1000, options.rows - first)))
    }
    // A transaction elsewhere may hold the last of them back for a while.
    while ((await audit.verify()).unsealed !== 0) while ((await audit.seal()).more);
    return { fleet, sessions: sessions.map(({ id }) => id) }
  },

  contestants({ options }, { fleet, sessions }) {
    const { audit } = fleet.tenant(SEALED).delivery
    const sealing = fleet.tenant(SEALING).delivery.audit
    const items = interactionsOf(sessions)
    const record = (name: string, rival: string | undefined, what: typeof WITH, callers: number, count: number) =>
      loadContestant({
        name,
        callers,
        itemsPerOperation: count,
        ...(rival === undefined ? {} : { rival }),
        operation: () => fleet.database.run(what, [TENANT, items(count)], { durability: 'durable', idempotent: true }),
      })
    return [
      record(names.single, names.singleWithout, WITH, CALLERS, 1),
      record(names.singleWithout, undefined, WITHOUT, CALLERS, 1),
      record(names.batch, names.batchWithout, WITH, 2, BATCH),
      record(names.batchWithout, undefined, WITHOUT, 2, BATCH),
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
    await state.fleet.database.lend((connection) => connection.query('drop schema if exists bench_audit cascade'))
    await state.fleet.close()
  },
}
