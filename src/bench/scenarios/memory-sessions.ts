import { v7 as uuidv7 } from 'uuid'
import type { Fleet, Tenant } from '../../fleet.js'
import { loadContestant } from '../contestant.js'
import { pgbenchContestant } from '../pgbench.js'
import type { Scenario } from '../scenario.js'
import type { Target } from '../target.js'
import { rivalUrl } from './rival.js'
import type { BenchSubject } from './subject.js'

const TENANT = 'bench-sessions'
const RIVAL = 'bench-sessions-rival'
const CALLERS = 18
/** What one life of a session is: created, read, updated, deleted. */
const STEPS = 4
const SOURCE = 'speed list of the memory store'

interface State {
  readonly fleet: Fleet
  readonly tenant: Tenant
  /** Sessions that are there all the time. */
  readonly ids: readonly string[]
}

/** One life of a session, a statement a step, each committed by itself. */
const LIFE = `\\set low random(0, 2147483647)
\\set high random(0, 2147483647)
insert into memory.sessions (tenant_id, session_id, data, content_hash, expires_at)
values ('${RIVAL}', md5((:low)::text || '-' || (:high)::text)::uuid, '{"goal": "answer", "turns": 0, "notes": "kept between calls"}',
  md5('content')::uuid, date_trunc('day', now(), 'UTC') + interval '31 days');
select session_id, state, data, version, expires_at from memory.sessions
where tenant_id = '${RIVAL}' and session_id = md5((:low)::text || '-' || (:high)::text)::uuid and expires_at > now();
update memory.sessions set data = data || '{"turns": 1}', version = version + 1, updated_at = now(), last_accessed_at = now()
where tenant_id = '${RIVAL}' and session_id = md5((:low)::text || '-' || (:high)::text)::uuid and expires_at > now()
returning session_id, state, data, version, expires_at;
delete from memory.sessions where tenant_id = '${RIVAL}' and session_id = md5((:low)::text || '-' || (:high)::text)::uuid;
`

const rate = (contestant: string, value: number): Target => ({
  id: `${contestant.split(',')[0]}-rate`,
  what: `${contestant}: operations a second`,
  source: SOURCE,
  metric: { kind: 'median', of: 'throughput', contestant },
  op: '>=',
  value,
})

/** Sessions created, read, updated and deleted by single calls, durable commits, beside pgbench on the same table. */
export const memorySessions: Scenario<BenchSubject, State> = {
  name: 'memory-sessions',
  title: 'Memory store: sessions',
  description:
    'Single calls of 18 callers on a table of 10,000 sessions, every commit durable. A life is create, read, update and delete of one ' +
    'session, four operations. pgbench sends the four statements, each a transaction, to the same table under the same policies.',
  options: { rows: 10_000, durationMs: 4000, warmUpMs: 1000, rounds: 5 },
  targets: [
    rate(`lives, ${CALLERS} callers`, 1500),
    {
      id: 'lives-pgbench',
      what: `lives of sessions, against pgbench with ${CALLERS} clients`,
      source: 'ARCHITECTURE.md, promise 1',
      metric: {
        kind: 'ratio',
        of: 'throughput',
        contestant: `lives, ${CALLERS} callers`,
        to: `pgbench lives, ${CALLERS} clients`,
      },
      op: '>=',
      value: 1,
    },
    rate(`get, ${CALLERS} callers`, 1500),
    rate(`update, ${CALLERS} callers`, 1500),
    {
      id: 'life-p50',
      what: 'one operation at one caller, median of a life divided by four',
      source: 'targets of the origin: 0.5 ms',
      metric: { kind: 'median', of: 'figure.stepP50', contestant: 'lives, 1 caller' },
      op: '<=',
      value: 0.5,
      unit: 'ms',
    },
  ],

  async setUp({ subject, options, progress }) {
    const fleet = await subject.open()
    for (const id of [TENANT, RIVAL]) await fleet.tenants.create({ id }, { ifNotExists: true })
    const tenant = fleet.tenant(TENANT)
    progress(`creating ${options.rows} sessions`)
    const ids: string[] = []
    for (let i = 0; i < options.rows; i += 1000) {
      const page = Array.from({ length: Math.min(1000, options.rows - i) }, () => ({ data: dataOf(0) }))
      for (const { id } of await tenant.memory.sessions.create(page)) ids.push(id)
    }
    await fleet.database.lend((connection) => connection.query('vacuum (analyze) memory.sessions'))
    return { fleet, tenant, ids }
  },

  contestants({ subject }, { tenant, ids }) {
    const { sessions } = tenant.memory
    const any = () => ids[Math.floor(Math.random() * ids.length)] as string
    const life = (times: number[] | undefined) => async (_: number, signal: AbortSignal) => {
      const started = performance.now()
      const id = uuidv7()
      await sessions.create({ id, data: dataOf(0) }, { signal })
      await sessions.get(id, { signal })
      await sessions.update({ id, patch: { turns: 1 } }, { signal })
      await sessions.delete(id, { signal })
      times?.push((performance.now() - started) / STEPS)
    }
    let times: number[] = []
    return [
      loadContestant({
        name: `lives, ${CALLERS} callers`,
        callers: CALLERS,
        itemsPerOperation: STEPS,
        rival: `pgbench lives, ${CALLERS} clients`,
        operation: life(undefined),
      }),
      pgbenchContestant({
        name: `pgbench lives, ${CALLERS} clients`,
        callers: CALLERS,
        itemsPerOperation: STEPS,
        url: rivalUrl(subject.url, RIVAL),
        script: LIFE,
        variables: {},
      }),
      loadContestant({
        name: 'lives, 1 caller',
        callers: 1,
        itemsPerOperation: STEPS,
        operation: (caller, signal) => life(times)(caller, signal),
        async before() {
          times = []
        },
        async figures() {
          times.sort((a, b) => a - b)
          return { stepP50: times[times.length >> 1] ?? 0 }
        },
      }),
      loadContestant({
        name: `get, ${CALLERS} callers`,
        callers: CALLERS,
        operation: (_, signal) => sessions.get(any(), { signal }),
      }),
      loadContestant({
        name: `update, ${CALLERS} callers`,
        callers: CALLERS,
        operation: (caller, signal) => sessions.update({ id: any(), patch: { turns: caller } }, { signal }),
      }),
    ]
  },

  async tearDown(_, state) {
    if (state === undefined) return
    for (let i = 0; i < state.ids.length; i += 1000) {
      await state.tenant.memory.sessions.delete(state.ids.slice(i, i + 1000))
    }
    await state.fleet.close()
  },
}

const dataOf = (turns: number) => ({ goal: 'answer', turns, notes: 'kept between calls' })
