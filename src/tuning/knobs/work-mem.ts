import { MEMORY, memoryOf } from '../../doctor/server.js'
import { THRESHOLDS } from '../../doctor/thresholds.js'
import { FleetError } from '../../errors.js'
import { type Bench, type Candidate, growth, type Knob, type LeftAlone } from '../knob.js'
import { handsOffRole, olderSessions, roleSetting, roleStatement, roleTarget, setRole } from '../role-setting.js'
import {
  costsOf,
  grownByRole,
  NO_STATISTICS,
  type RoleStatement,
  readStatements,
  roleStatements,
  statementStatistics,
} from '../role-statements.js'

const NAME = 'work_mem'
const MB = 1024 * 1024
/** In MB: more is a matter for the one statement that needs it. */
const BOUNDS = { min: 1, max: 256 }
const BLOCK = 8192
/** Sorted rows and hash tables take more room in memory than in a file. */
const ROOM = 3
/** Other statements of the role may take so much longer. */
const OTHERS_MAX = 1.5

interface ServerMemory {
  /** What the settings allow without the trial, as the doctor counts it, in bytes. */
  readonly allowed: number
  readonly hashMultiplier: number
}

const ALLOWED = `
  with settings as (
    select s.name, s.setting::float8 * case s.unit when '8kB' then 8192 when 'kB' then 1024 else 1 end as value
    from pg_settings s where s.name in ('shared_buffers', 'work_mem', 'maintenance_work_mem', 'autovacuum_work_mem', 'max_connections',
      'autovacuum_max_workers', 'hash_mem_multiplier')
  ), s as (select jsonb_object_agg(name, value) as v from settings)
  select (s.v ->> 'shared_buffers')::float8 + (s.v ->> 'max_connections')::float8 * (s.v ->> 'work_mem')::float8 * (s.v ->> 'hash_mem_multiplier')::float8
    + (s.v ->> 'maintenance_work_mem')::float8 + (s.v ->> 'autovacuum_max_workers')::float8
      * case when (s.v ->> 'autovacuum_work_mem')::float8 < 0 then (s.v ->> 'maintenance_work_mem')::float8 else (s.v ->> 'autovacuum_work_mem')::float8 end as allowed,
    (s.v ->> 'hash_mem_multiplier')::float8 as "hashMultiplier"
  from s`

/** Its sessions, or as many as it may have. */
const SESSIONS = `
  select greatest(count(*), 1)::int as sessions from pg_stat_activity a where a.usename = $1 and a.datname = current_database()`

/** Memory for the sorts and hashes of a role whose statements spill to files. */
export const workMem: Knob = {
  id: 'work-mem',
  title: 'work_mem of a role whose statements write temporary files',
  place: 'server',
  metric: 'time of the statements that spilled, as a part of what as many calls took at first',
  guard: `memory that the settings allow with the role's sessions, of ${THRESHOLDS.memoryShare.value * 100} % of the machine's; time of the role's other statements`,
  rounds: 2,
  bounds: `${BOUNDS.min} to ${BOUNDS.max} MB`,
  async look(bench) {
    const schema = await statementStatistics(bench)
    return schema === undefined ? undefined : await roleStatements(bench, schema, false)
  },
  async find(bench, since) {
    const schema = await statementStatistics(bench)
    if (since === undefined || schema === undefined)
      return { candidates: [], left: [{ scope: 'database', reason: NO_STATISTICS }] }
    const grown = grownByRole(since as Map<string, RoleStatement>, await roleStatements(bench, schema, false))
    const total = [...grown.values()].flat().reduce((sum, { milliseconds }) => sum + milliseconds, 0)
    const memory = await memoryBytes(bench)
    const candidates: Candidate[] = []
    const left: Omit<LeftAlone, 'knob'>[] = []
    for (const [role, statements] of grown) {
      const spilling = statements.filter(({ temporary }) => temporary > 0)
      if (spilling.length === 0) continue
      const found = await candidateOf(bench, role, spilling, statements, memory, total)
      if (typeof found === 'string') left.push({ scope: `role ${role}`, reason: found })
      else candidates.push(found)
    }
    return { candidates, left }
  },
  read: async (bench, { target, reference }) => {
    const { role } = roleTarget(target)
    const [row] = await bench.query<{ sessions: number }>(SESSIONS, [role])
    return { ...(await readStatements(bench, role, reference)), sessions: row?.sessions ?? 1 }
  },
  sample({ reference }, from, to) {
    const [calls, spent, expected] = [
      growth(from, to, 'calls'),
      growth(from, to, 'spent'),
      growth(from, to, 'expected'),
    ]
    const [otherCalls, otherSpent] = [growth(from, to, 'otherCalls'), growth(from, to, 'otherSpent')]
    const memory = (reference.allowed ?? 0) + (to.sessions ?? 1) * (reference.bytesMore ?? 0)
    return {
      calls,
      value: expected > 0 ? spent / expected : null,
      guards: [
        {
          name: 'memory that the settings allow, in MB,',
          value: Math.round(memory / MB),
          limit: Math.round((reference.memoryMax ?? 0) / MB),
          isFloor: false,
          isCertain: true,
        },
        // A few calls are told by their accidents.
        ...(otherCalls >= 10 && (reference.otherCost ?? 0) > 0
          ? [
              {
                name: "a call of the role's other statements, in ms,",
                value: otherSpent / otherCalls,
                limit: (reference.otherCost ?? 0) * OTHERS_MAX + 1,
                isFloor: false,
              },
            ]
          : []),
      ],
    }
  },
  unsettled: (bench, { target }, since) => olderSessions(bench, roleTarget(target).role, since),
  async current(bench, target) {
    return (await roleSetting(bench, roleTarget(target).role, NAME))?.own
  },
  async set(_, run, target, value) {
    if (value !== null && bytesOf(value) === undefined) {
      throw new FleetError('INPUT_INVALID', { message: `value: ${value} is no amount of memory`, field: 'value' })
    }
    await setRole(run, target, NAME, value)
  },
}

async function candidateOf(
  bench: Bench,
  role: string,
  spilling: readonly RoleStatement[],
  all: readonly RoleStatement[],
  memory: number | undefined,
  total: number,
): Promise<Candidate | string> {
  const setting = await roleSetting(bench, role, NAME)
  if (setting === undefined) return 'the role is gone'
  const off = await handsOffRole(bench, 'work-mem', role, setting, NAME)
  if (off !== undefined) return off
  const calls = spilling.reduce((sum, one) => sum + one.calls, 0)
  if (calls < bench.limits.callsMin) return `${calls} calls that spill are too few to judge by`
  if (memory === undefined) return 'nobody can tell the memory of the machine: give it'
  const now = bytesOf(setting.effective)
  if (now === undefined) return `its ${NAME}, ${setting.effective}, cannot be read`
  const most = Math.max(...spilling.map((one) => (one.temporary * BLOCK) / one.calls))
  const wanted = 2 ** Math.ceil(Math.log2((now + ROOM * most) / MB))
  const megabytes = Math.min(BOUNDS.max, Math.max(BOUNDS.min, wanted))
  if (megabytes * MB <= now) return `it has ${setting.effective} already, and more than ${BOUNDS.max} MB is not tried`
  const [server] = await bench.query<ServerMemory>(ALLOWED)
  const [row] = await bench.query<{ sessions: number }>(SESSIONS, [role])
  const bytesMore = (megabytes * MB - now) * (server?.hashMultiplier ?? 2)
  const memoryMax = THRESHOLDS.memoryShare.value * memory
  const allowed = server?.allowed ?? 0
  if (allowed + (row?.sessions ?? 1) * bytesMore > memoryMax)
    return `${megabytes} MB for ${row?.sessions ?? 1} sessions would allow more memory than there is`
  const [database] = await bench.query<{ name: string }>('select current_database() as name')
  const target = { role, database: database?.name ?? '' }
  const newValue = `${megabytes}MB`
  const others = all.filter(({ temporary }) => temporary === 0)
  const otherCalls = others.reduce((sum, one) => sum + one.calls, 0)
  const spent = spilling.reduce((sum, one) => sum + one.milliseconds, 0)
  return {
    target,
    scope: `role ${role}`,
    setting: NAME,
    oldValue: setting.own,
    newValue,
    reason: `${Math.round(calls)} calls wrote up to ${Math.ceil((most / MB) * 10) / 10} MB of temporary files each, with ${NAME} ${setting.effective}`,
    apply: roleStatement(target, NAME, newValue),
    undo: roleStatement(target, NAME, setting.own),
    weight: total > 0 ? spent / total : 0,
    reference: {
      ...costsOf(spilling),
      otherCost: otherCalls > 0 ? others.reduce((sum, one) => sum + one.milliseconds, 0) / otherCalls : 0,
      allowed,
      bytesMore,
      memoryMax,
    },
  }
}

/** Of the server's machine, as it is given or as the server's files tell it. */
async function memoryBytes({ limits, query }: Bench): Promise<number | undefined> {
  if (limits.memoryBytes !== undefined) return limits.memoryBytes
  const [files] = await query<Parameters<typeof memoryOf>[0]>(MEMORY).catch(() => [])
  return files === undefined ? undefined : memoryOf(files)
}

/** An amount of memory as PostgreSQL writes it, in bytes. */
function bytesOf(text: string): number | undefined {
  const [, amount, unit] = /^(\d{1,9})\s*(B|kB|MB|GB|TB)?$/.exec(text) ?? []
  const power = ['B', 'kB', 'MB', 'GB', 'TB'].indexOf(unit ?? 'kB')
  return amount === undefined ? undefined : Number(amount) * 1024 ** power
}
