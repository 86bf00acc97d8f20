import type { Database } from '../database/database.js'
import { toFleetError } from '../database/failure.js'
import { type Statement, statement } from '../database/statement.js'
import { FleetError } from '../errors.js'
import { Operator } from '../maintenance/operator.js'
import type { Candidate, Knob, RunText, Target } from './knob.js'
import type { Trial, TrialState } from './trial.js'
import type { Decision, Effect, Window } from './verdict.js'

interface Row {
  readonly trial_id: string
  readonly knob: string
  readonly place: Trial['place']
  readonly target: Target
  readonly scope: string
  readonly setting: string
  readonly old_value: string | null
  readonly new_value: string
  readonly apply_statement: string
  readonly undo_statement: string
  readonly reason: string
  readonly metric: string
  readonly guard: string
  readonly window_ms: number
  readonly login: string
  readonly holder: string
  readonly state: TrialState
  readonly started_at: Date
  readonly applied_at: Date | null
  readonly ended_at: Date | null
  readonly decision: Decision | null
  readonly explanation: string | null
  readonly windows: readonly (Omit<Window, 'startedAt'> & { readonly startedAt: string })[]
  readonly effect: number | null
  readonly effect_low: number | null
  readonly effect_high: number | null
  readonly undone_at: Date | null
  readonly undone_by: string | null
}

const COLUMNS = `t.trial_id, t.knob, t.place, t.target, t.scope, t.setting, t.old_value, t.new_value, t.apply_statement, t.undo_statement,
    t.reason, t.metric, t.guard, t.window_ms, t.login, t.holder, t.state, t.started_at, t.applied_at, t.ended_at, t.decision,
    t.explanation, t.windows, t.effect, t.effect_low, t.effect_high, t.undone_at, t.undone_by`

const BEGIN = statement<{ token: number | null; holder: string; held_until: Date }>(
  'platform.begin_tuning_trial',
  'select b.token, b.holder, b.held_until from platform.begin_tuning_trial($1::uuid, $2::text, $3::jsonb, $4::integer) b',
)
const HOLD = statement<unknown>(
  'platform.hold_tuning_trial',
  'select platform.hold_tuning_trial($1::uuid, $2::bigint, $3::text, $4::integer)',
)
const END = statement<unknown>(
  'platform.end_tuning_trial',
  'select platform.end_tuning_trial($1::uuid, $2::bigint, $3::jsonb)',
)
const CLAIM = statement<{ trial_id: string; token: number }>(
  'platform.claim_tuning_trial',
  'select c.trial_id, c.token from platform.claim_tuning_trial($1::text, $2::integer) c',
)
const UNDO = statement<{ undone: boolean }>(
  'platform.undo_tuning_trial',
  'select platform.undo_tuning_trial($1::uuid) as undone',
)
const LIST = statement<Row>(
  'platform.list_tuning_trials',
  `select ${COLUMNS}
  from platform.tuning_trials t
  where ($1::text is null or t.knob = $1::text) and ($2::uuid is null or t.trial_id < $2::uuid)
  order by t.trial_id desc
  limit $3::integer`,
)
const FIND = statement<Row>(
  'platform.find_tuning_trial',
  `select ${COLUMNS} from platform.tuning_trials t where t.trial_id = $1::uuid`,
)
const OPEN = statement<{ holder: string; held_until: Date }>(
  'platform.open_tuning_trial',
  'select t.holder, t.held_until from platform.tuning_trials t where t.ended_at is null',
)
const KEPT = statement<{ new_value: string }>(
  'platform.kept_tuning_value',
  `select t.new_value from platform.tuning_trials t
  where t.knob = $1::text and t.scope = $2::text and t.state = 'kept'
  order by t.trial_id desc
  limit 1`,
)
const LATELY = statement<{ ended_at: Date; decision: Decision }>(
  'platform.late_tuning_trial',
  `select t.ended_at, t.decision from platform.tuning_trials t
  where t.knob = $1::text and t.scope = $2::text and t.ended_at > clock_timestamp() - $3::float8 * interval '1 millisecond'
    and t.decision <> 'interrupted'
  order by t.trial_id desc
  limit 1`,
)

/** Every statement of tuning, for the test that prepares them all. */
export const TUNING_STATEMENTS: readonly Statement<unknown>[] = [
  BEGIN,
  HOLD,
  END,
  CLAIM,
  UNDO,
  LIST,
  FIND,
  OPEN,
  KEPT,
  LATELY,
]

/** How a trial ends. */
export interface Ending {
  readonly state: 'kept' | 'rolled-back'
  readonly decision: Decision
  readonly explanation: string
  readonly windows: readonly Window[]
  readonly effect: Effect | undefined
}

/** A trial that this process holds. */
export interface HeldTrial {
  readonly id: string
  readonly token: number
}

/** Longest wait for a lock of a statement that changes a setting, in milliseconds: others would wait behind it. */
const LOCK_MS = 2000

/** The table of trials, which is also what keeps two from running at once. */
export class TrialRecords {
  readonly #database: Database
  readonly #operator: Operator
  readonly #holder: string
  readonly #holdMs: number

  constructor(database: Database, holder: string, holdMs: number) {
    this.#database = database
    this.#operator = new Operator(database)
    this.#holder = holder
    this.#holdMs = holdMs
  }

  /** Opens a trial. Errors: TUNING_TRIAL_OPEN, PERMISSION_DENIED. */
  async begin(id: string, knob: Knob, candidate: Candidate, windowMs: number): Promise<HeldTrial> {
    const { target, scope, setting, oldValue, newValue, apply, undo, reason } = candidate
    const { metric, guard } = { ...knob, ...candidate }
    const trial = {
      ...{ knob: knob.id, place: knob.place, target, scope, setting, old_value: oldValue, new_value: newValue },
      ...{ apply, undo, reason, metric, guard, window_ms: windowMs },
    }
    const [row] = await this.#operator.run(BEGIN, [id, this.#holder, JSON.stringify(trial), this.#holdMs])
    if (row?.token == null) throw heldBy(row?.holder ?? 'another process', row?.held_until ?? new Date())
    return { id, token: row.token }
  }

  /** Goes on holding it. Errors: TUNING_TRIAL_LOST. */
  async hold({ id, token }: HeldTrial, state: 'measuring' | 'applied' | null = null): Promise<void> {
    await this.#operator.run(HOLD, [id, token, state, this.#holdMs])
  }

  /** Changes something while nobody else may; returns the server's time when it has. Errors: TUNING_TRIAL_LOST, and those of the work. */
  async change({ id, token }: HeldTrial, work: (run: RunText) => Promise<void>): Promise<Date> {
    return await this.#asLogin(HOLD, [id, token, null, this.#holdMs], work)
  }

  /** Closes it. Errors: TUNING_TRIAL_LOST. */
  async end({ id, token }: HeldTrial, { state, decision, explanation, windows, effect }: Ending): Promise<void> {
    const ending = {
      ...{ state, decision, explanation, windows, effect: effect?.factor },
      // JSON knows no infinity.
      effect_low: effect?.low,
      effect_high: effect === undefined || effect.high === Number.POSITIVE_INFINITY ? undefined : effect.high,
    }
    await this.#operator.run(END, [id, token, JSON.stringify(ending)])
  }

  /** Takes over the open trial of a process that was lost; undefined when there is none. Errors: TUNING_TRIAL_OPEN: it is held. */
  async claim(): Promise<{ held: HeldTrial; trial: Trial } | undefined> {
    const [row] = await this.#operator.run(CLAIM, [this.#holder, this.#holdMs])
    if (row === undefined) {
      const [open] = await this.#operator.run(OPEN, [])
      if (open !== undefined) throw heldBy(open.holder, open.held_until)
      return undefined
    }
    return { held: { id: row.trial_id, token: row.token }, trial: await this.find(row.trial_id) }
  }

  /** Takes the change of a kept trial back. Errors: TUNING_NOT_UNDONE, and those of the work. */
  async undo(id: string, work: (run: RunText) => Promise<void>): Promise<void> {
    await this.#asLogin(UNDO, [id], work, ([row]) => {
      if (!(row as { undone: boolean } | undefined)?.undone) {
        throw new FleetError('TUNING_NOT_UNDONE', { message: `the trial ${id} is not kept, or not any more` })
      }
    })
  }

  async list(knob: string | undefined, after: string | undefined, limit: number): Promise<Trial[]> {
    return (await this.#operator.run(LIST, [knob ?? null, after ?? null, limit])).map(trialOf)
  }

  /** Errors: TUNING_TRIAL_UNKNOWN. */
  async find(id: string): Promise<Trial> {
    const [row] = await this.#operator.run(FIND, [id])
    if (row === undefined) throw new FleetError('TUNING_TRIAL_UNKNOWN', { message: `there is no trial ${id}` })
    return trialOf(row)
  }

  /** What the newest trial that was kept has set there. */
  async kept(knob: string, scope: string): Promise<string | undefined> {
    return (await this.#operator.run(KEPT, [knob, scope]))[0]?.new_value
  }

  /** The last trial there that ended within so many milliseconds, those that were interrupted aside. */
  async lately(
    knob: string,
    scope: string,
    withinMs: number,
  ): Promise<{ endedAt: Date; decision: Decision } | undefined> {
    const [row] = await this.#operator.run(LATELY, [knob, scope, withinMs])
    return row && { endedAt: row.ended_at, decision: row.decision }
  }

  /** One transaction: the record as pgfleet_operator, then the work as the login itself, whose rights decide what it may change. */
  async #asLogin(
    record: Statement<unknown>,
    values: readonly unknown[],
    work: (run: RunText) => Promise<void>,
    judge: (rows: unknown[]) => void = () => {},
  ): Promise<Date> {
    return await this.#database.lend(async (connection) => {
      const run: RunText = async <R>(text: string, parameters: readonly unknown[] = []) => {
        try {
          return (await connection.query(text, [...parameters])).rows as R[]
        } catch (error) {
          throw toFleetError(error, false)
        }
      }
      await run('begin')
      try {
        await run(`select set_config('role', 'pgfleet_operator', true)`)
        judge(await run(record.text, values))
        await run(`select set_config('role', 'none', true), set_config('lock_timeout', $1::text, true)`, [
          String(LOCK_MS),
        ])
        await work(run)
        await run('commit')
      } catch (error) {
        await run('rollback').catch(() => {})
        throw error
      }
      // After the commit: who begins from now on has it.
      const [row] = await run<{ now: Date }>('select clock_timestamp() as now')
      return row?.now ?? new Date()
    })
  }
}

function heldBy(holder: string, until: Date): FleetError {
  return new FleetError('TUNING_TRIAL_OPEN', {
    message: `${holder} has a trial open, which it holds until ${until.toISOString()}`,
    details: { holder, until: until.toISOString() },
  })
}

function trialOf(row: Row): Trial {
  return {
    ...{
      id: row.trial_id,
      knob: row.knob,
      place: row.place,
      target: row.target,
      scope: row.scope,
      setting: row.setting,
    },
    ...{ oldValue: row.old_value, newValue: row.new_value, apply: row.apply_statement, undo: row.undo_statement },
    ...{ reason: row.reason, metric: row.metric, guard: row.guard, windowMs: row.window_ms, login: row.login },
    ...{
      holder: row.holder,
      state: row.state,
      startedAt: row.started_at,
      appliedAt: row.applied_at,
      endedAt: row.ended_at,
    },
    ...{ decision: row.decision, explanation: row.explanation },
    windows: row.windows.map((window) => ({ ...window, startedAt: new Date(window.startedAt) })),
    effect:
      row.effect === null
        ? null
        : {
            factor: row.effect,
            low: row.effect_low ?? 0,
            high: row.effect_high ?? Number.POSITIVE_INFINITY,
            confidence: 0.95,
          },
    ...{ undoneAt: row.undone_at, undoneBy: row.undone_by },
  }
}
