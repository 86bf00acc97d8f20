import { z } from 'zod'
import { ACTION_LENGTH_MAX, type Json, STATE_LENGTH_MAX, toContent } from '../../content.js'
import type { CallOptions, Operation } from '../../database/batch.js'
import type { Session } from '../../database/session.js'
import { readStatement, type Statement, statement } from '../../database/statement.js'
import { FleetError } from '../../errors.js'
import { check, members, text } from '../../input.js'

/** A reward that says more than its number. */
export interface Reward {
  readonly reward: number
  /** @default 'immediate' */
  readonly type?: 'immediate' | 'delayed' | 'terminal'
  /** Who gave it, at most 100 characters. */
  readonly source?: string
  readonly state?: Json
  readonly action?: Json
}

/** What an agent did on one task. */
export interface Trajectory {
  /** A UUIDv7; recording it twice keeps the first. At most 100 days old. */
  readonly id: string
  readonly agentType: string
  readonly initialState: Json
  readonly finalState?: Json
  /** The states passed, at most 10000. */
  readonly states?: readonly Json[]
  /** The actions taken, at most 10000. */
  readonly actions?: readonly Json[]
  /** One a step, in order, at most 10000. */
  readonly rewards: readonly (number | Reward)[]
  readonly executionMs: number
  readonly succeeded: boolean
  readonly startedAt: Date
  readonly completedAt: Date
  readonly sessionId?: string
  readonly taskId?: string
  readonly errorMessage?: string
  /** Patterns that were applied. */
  readonly patternIds?: readonly string[]
  /** Weight in prioritised sampling, [1e-9, 1e9]. @default 1 */
  readonly priority?: number
  readonly metadata?: Record<string, Json>
}

/** What recording a trajectory computed. */
export interface RecordedTrajectory {
  readonly totalReward: number
  /** Sum of discountFactor^step times reward. */
  readonly discountedReturn: number
  /** The id was there before; nothing was written. */
  readonly replayed: boolean
}

/** A trajectory as it is kept. */
export interface StoredTrajectory extends RecordedTrajectory {
  readonly id: string
  readonly agentType: string
  readonly initialState: Json
  readonly finalState: Json | null
  readonly states: readonly Json[]
  readonly actions: readonly Json[]
  readonly rewards: readonly number[]
  readonly succeeded: boolean
  readonly priority: number
  /** Prioritised sampling: (n * chance)^-importance, scaled so that the largest is 1; 1 when uniform. */
  readonly weight: number
}

/** How trajectories are sampled for replay. */
export interface SampleOptions {
  /** How many, 1 to 1000; fewer when there are fewer. @default 32 */
  readonly size?: number
  /** @default 'uniform' */
  readonly mode?: 'uniform' | 'prioritised'
  /** The newest so many are sampled from, 1 to 100000: each is read, so it is what a sample costs. @default 10000 */
  readonly bufferSize?: number
  /** Prioritised: chance in proportion to priority^exponent, [0, 1]. @default 0.6 */
  readonly exponent?: number
  /** Prioritised: how far the weights undo the bias, [0, 1]. @default 0.4 */
  readonly importance?: number
  /** An integer; the same seed and trajectories give the same sample. @default random */
  readonly seed?: number
}

const finite = z.number().min(-1e100).max(1e100)
const moment = z.date().min(new Date(0)).max(new Date('9999-12-31T23:59:59.999Z'))
const reward = z.union([
  finite,
  z.strictObject({
    reward: finite,
    type: z.enum(['immediate', 'delayed', 'terminal']).optional(),
    source: text(0, 100).optional(),
    state: z.unknown().optional(),
    action: z.unknown().optional(),
  }),
])
const trajectories = z.array(
  z
    .strictObject({
      id: z.uuidv7(),
      agentType: text(1, 50),
      initialState: z.unknown().refine((state) => state !== undefined, 'is missing'),
      finalState: z.unknown().optional(),
      states: z.array(z.unknown()).max(10_000).optional(),
      actions: z.array(z.unknown()).max(10_000).optional(),
      rewards: z.array(reward).max(10_000),
      executionMs: finite.min(0),
      succeeded: z.boolean(),
      startedAt: moment,
      completedAt: moment,
      sessionId: z.uuid().optional(),
      taskId: text(0, 200).optional(),
      errorMessage: text(0, 10_000).optional(),
      patternIds: z.array(z.uuid()).max(1000).optional(),
      priority: finite.min(1e-9).max(1e9).optional(),
      metadata: members.optional(),
    })
    .refine((trajectory) => trajectory.completedAt >= trajectory.startedAt, {
      path: ['completedAt'],
      message: 'must not be before startedAt',
    }),
)

/** All JSON of one trajectory together; its states may be many. */
const TRAJECTORY_LENGTH_MAX = 1024 * 1024

export const RECORD_TRAJECTORIES: Operation<
  string,
  { total_reward: number; discounted_return: number; replayed: boolean },
  RecordedTrajectory
> = {
  name: 'learning.recordTrajectories',
  statement: statement(
    'learning.record_trajectories',
    'select ordinal, total_reward, discounted_return, replayed from learning.record_trajectories($1::text, $2::jsonb)',
  ),
  writes: true,
  itemsMax: 500,
  encode: (item) => item,
  decode: (row) => {
    if (row === undefined) throw new Error('learning.record_trajectories returned no row for a trajectory')
    return { totalReward: row.total_reward, discountedReturn: row.discounted_return, replayed: row.replayed }
  },
  isIdempotent: () => true,
}

/**
 * Keeps trajectories with their rewards, all of a call or none. Errors: INPUT_INVALID, AGENT_TYPE_UNKNOWN,
 * ID_OUT_OF_WINDOW, SESSION_UNKNOWN, QUOTA_EXCEEDED.
 */
export async function recordTrajectories(
  session: Session,
  input: readonly Trajectory[],
  options?: CallOptions,
): Promise<RecordedTrajectory[]> {
  return await session.submit(RECORD_TRAJECTORIES, check('trajectories', trajectories, input).map(encode), options)
}

function encode(item: z.output<typeof trajectories>[number], index: number): string {
  const field = `trajectories[${index}]`
  const hashOf = (name: string, value: unknown, max: number) =>
    value === undefined ? undefined : toContent(`${field}.${name}`, value, max).hash
  // Checked as one value: what the database cannot hold is refused here, wherever in it it stands.
  return toContent(
    field,
    {
      id: item.id,
      agent_type: item.agentType,
      initial_state: item.initialState,
      ...(item.finalState === undefined ? {} : { final_state: item.finalState }),
      ...(item.states === undefined ? {} : { states: item.states }),
      ...(item.actions === undefined ? {} : { actions: item.actions }),
      rewards: item.rewards.map((entry, step) => {
        if (typeof entry === 'number') return entry
        const stateHash = hashOf(`rewards[${step}].state`, entry.state, STATE_LENGTH_MAX)
        const actionHash = hashOf(`rewards[${step}].action`, entry.action, ACTION_LENGTH_MAX)
        return {
          reward: entry.reward,
          ...(entry.type === undefined ? {} : { reward_type: entry.type }),
          ...(entry.source === undefined ? {} : { reward_source: entry.source }),
          ...(stateHash === undefined ? {} : { state_hash: stateHash }),
          ...(actionHash === undefined ? {} : { action_hash: actionHash }),
        }
      }),
      execution_ms: item.executionMs,
      succeeded: item.succeeded,
      started_at: item.startedAt.toISOString(),
      completed_at: item.completedAt.toISOString(),
      ...(item.sessionId === undefined ? {} : { session_id: item.sessionId }),
      ...(item.taskId === undefined ? {} : { task_id: item.taskId }),
      ...(item.errorMessage === undefined ? {} : { error_message: item.errorMessage }),
      ...(item.patternIds === undefined ? {} : { pattern_ids: item.patternIds }),
      ...(item.priority === undefined ? {} : { priority: item.priority }),
      ...(item.metadata === undefined ? {} : { metadata: item.metadata }),
    },
    TRAJECTORY_LENGTH_MAX,
  ).json
}

interface SampleRow {
  readonly trajectory_id: string
  readonly agent_type: string
  readonly initial_state: Json
  readonly final_state: Json | null
  readonly states: Json[]
  readonly actions: Json[]
  readonly rewards: number[]
  readonly total_reward: number
  readonly discounted_return: number
  readonly succeeded: boolean
  readonly priority: number
  readonly weight: number
}

/**
 * Weighted sampling without replacement by the keys of Efraimidis & Spirakis 2006: the k largest u^(1/w), here as the k
 * smallest -ln(u)/w. Prioritised replay and its weights: Schaul et al. 2016.
 */
export const SAMPLE = readStatement<SampleRow>(
  'learning.sample_trajectories',
  `with buffer as (
    select t.trajectory_id, power(t.priority, $4::double precision) as mass
    from learning.trajectories t
    where t.tenant_id = current_setting('pgfleet.tenant') and t.agent_type = $1::text
    order by t.trajectory_id desc
    limit $3::integer
  ),
  drawn as (
    select b.trajectory_id, b.mass, sum(b.mass) over () as total, count(*) over () as held
    from buffer b
    order by -ln(learning.draw($6::bigint, b.trajectory_id::text)) / b.mass
    limit $2::integer
  ),
  weighted as (
    select d.trajectory_id, power(d.held * d.mass / d.total, -$5::double precision) as weight from drawn d
  )
  select t.trajectory_id, t.agent_type, t.initial_state, t.final_state, t.states, t.actions, t.total_reward, t.discounted_return,
    t.succeeded, t.priority, w.weight / max(w.weight) over () as weight,
    array(
      select r.reward from learning.rewards r
      where r.tenant_id = t.tenant_id and r.trajectory_id = t.trajectory_id
      order by r.step
    ) as rewards
  from weighted w
  join learning.trajectories t on t.tenant_id = current_setting('pgfleet.tenant') and t.trajectory_id = w.trajectory_id
  order by t.trajectory_id`,
)

export const SET_PRIORITIES = statement<{ trajectory_id: string }>(
  'learning.set_priorities',
  `with locked as (
    select t.trajectory_id, x.priority
    from jsonb_to_recordset($1::jsonb) as x(id uuid, priority double precision)
    join learning.trajectories t on t.tenant_id = current_setting('pgfleet.tenant') and t.trajectory_id = x.id
    order by t.trajectory_id
    for update of t
  )
  update learning.trajectories t
  set priority = l.priority
  from locked l
  where t.tenant_id = current_setting('pgfleet.tenant') and t.trajectory_id = l.trajectory_id
  returning t.trajectory_id`,
)

export const TRAJECTORY_STATEMENTS: readonly Statement<unknown>[] = [SAMPLE, SET_PRIORITIES]

const sampleOptions = z.strictObject({
  size: z.int().min(1).max(1000).default(32),
  mode: z.enum(['uniform', 'prioritised']).default('uniform'),
  bufferSize: z.int().min(1).max(100_000).default(10_000),
  exponent: z.number().min(0).max(1).default(0.6),
  importance: z.number().min(0).max(1).default(0.4),
  seed: z.int().optional(),
})

/** Samples an agent type's newest trajectories without replacement. Errors: INPUT_INVALID. */
export async function sampleTrajectories(
  session: Session,
  agentType: string,
  input: SampleOptions = {},
): Promise<StoredTrajectory[]> {
  const { size, mode, bufferSize, exponent, importance, seed } = check('options', sampleOptions, input)
  const isUniform = mode === 'uniform'
  const rows = await session.query(
    SAMPLE,
    [
      check('agentType', text(1, 50), agentType),
      size,
      bufferSize,
      isUniform ? 0 : exponent,
      isUniform ? 0 : importance,
      seed ?? null,
    ],
    { idempotent: true },
  )
  return rows.map((row) => ({
    id: row.trajectory_id,
    agentType: row.agent_type,
    initialState: row.initial_state,
    finalState: row.final_state,
    states: row.states,
    actions: row.actions,
    rewards: row.rewards,
    totalReward: row.total_reward,
    discountedReturn: row.discounted_return,
    replayed: false,
    succeeded: row.succeeded,
    priority: row.priority,
    weight: row.weight,
  }))
}

const priorities = z.array(z.strictObject({ id: z.uuidv7(), priority: z.number().min(1e-9).max(1e9) })).max(2000)

/** Sets the weights of prioritised sampling. Errors: INPUT_INVALID; TRAJECTORY_UNKNOWN names those that are not there, the others are set. */
export async function setPriorities(
  session: Session,
  input: readonly { id: string; priority: number }[],
): Promise<void> {
  const wanted = check('priorities', priorities, input)
  const unique = new Map(wanted.map((entry) => [entry.id.toLowerCase(), entry]))
  const found = await session.query(SET_PRIORITIES, [JSON.stringify([...unique.values()])], { idempotent: true })
  const known = new Set(found.map((row) => row.trajectory_id))
  const missing = [...unique.keys()].filter((id) => !known.has(id))
  if (missing.length > 0) {
    throw new FleetError('TRAJECTORY_UNKNOWN', {
      message: `${missing.length} of ${unique.size} trajectories are not there; the others were set`,
      field: 'priorities',
      details: { missing },
    })
  }
}
