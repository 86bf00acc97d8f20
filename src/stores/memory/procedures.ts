import { z } from 'zod'
import { toContent } from '../../content.js'
import type { CallOptions, Operation } from '../../database/batch.js'
import type { Session } from '../../database/session.js'
import { readStatement, type Statement, statement } from '../../database/statement.js'
import { check, text } from '../../input.js'

/** Where a value comes from: what may be followed. */
export interface TransitionSource {
  /** What the habit belongs to, like `user:7` or `agent:reviewer`: 1 to 500 characters. */
  readonly scope: string
  /** What changes, like `step` or `tool`: 1 to 500 characters. */
  readonly key: string
  /** The value before, at most 2000 characters. Without it: nothing came before. It is part of the transition. */
  readonly from?: string
}

/** One value following another. */
export interface Transition extends TransitionSource {
  /** The value after, at most 2000 characters. */
  readonly to: string
}

/** A transition that was seen often. */
export interface LearnedTransition {
  readonly scope: string
  readonly key: string
  readonly from: string | null
  readonly to: string
  readonly frequency: number
  readonly firstSeenAt: Date
  readonly lastSeenAt: Date
  /** Goes on behind this one: pass it as `after`. */
  readonly cursor: string
}

/** What may come next. */
export interface NextStep {
  readonly to: string
  readonly frequency: number
  /** Its share of all transitions that began there, (0, 1]. */
  readonly probability: number
}

/** Procedural patterns of one tenant: which step follows which, by count. */
export interface Procedures {
  /** Counts a transition; its frequency right after. Concurrent calls lose none. Errors: INPUT_INVALID. */
  recordTransition(transition: Transition, options?: CallOptions): Promise<number>
  recordTransition(transitions: readonly Transition[], options?: CallOptions): Promise<number[]>
  /** How often a transition was recorded; 0 for never. */
  frequency(transition: Transition, options?: CallOptions): Promise<number>
  frequency(transitions: readonly Transition[], options?: CallOptions): Promise<number[]>
  /** What follows, the most frequent first; `limit` 1 to 100. @default limit 10 */
  next(source: TransitionSource, options?: { limit?: number } & CallOptions): Promise<NextStep[]>
  /** Transitions recorded at least `min` times, the most frequent first. @default min 3, all scopes, limit 100 */
  learned(options?: { min?: number; scope?: string; after?: string; limit?: number }): Promise<LearnedTransition[]>
  /** Forgets the transitions of a scope, or of one key in it; how many there were. */
  forget(of: { scope: string; key?: string }): Promise<number>
}

const name = text(1, 500)
const value = text(0, 2000)
const source = z.strictObject({ scope: name, key: name, from: value.optional() })
const transitions = z.array(source.extend({ to: value }))
const learnedOptions = z.strictObject({
  min: z.int().min(1).default(3),
  scope: name.optional(),
  after: z
    .string()
    .regex(/^\d{1,16}:[0-9a-f-]{36}:[0-9a-f-]{36}$/, 'is no cursor')
    .optional(),
  limit: z.int().min(1).max(10_000).default(100),
})

/** Every text is bounded, so that none is refused for its length. */
const hashOf = (of: unknown) => toContent('transition', of, Number.POSITIVE_INFINITY).hash
const sourceHash = (of: z.output<typeof source>) => hashOf([of.scope, of.key, of.from ?? null])

export const RECORD_TRANSITIONS: Operation<string, { frequency: number }, number> = {
  name: 'memory.recordTransitions',
  statement: statement(
    'memory.record_transitions',
    'select ordinal, frequency from memory.record_transitions($1::text, $2::jsonb)',
  ),
  writes: true,
  itemsMax: 1000,
  encode: (item) => item,
  decode: (row) => {
    if (row === undefined) throw new Error('memory.record_transitions returned no row for a transition')
    return row.frequency
  },
  isIdempotent: () => false,
}

export const TRANSITION_FREQUENCIES: Operation<string, { frequency: number }, number> = {
  name: 'memory.transitionFrequencies',
  statement: statement(
    'memory.transition_frequencies',
    'select ordinal, frequency from memory.transition_frequencies($1::text, $2::jsonb)',
  ),
  writes: false,
  itemsMax: 1000,
  encode: (item) => item,
  decode: (row) => row?.frequency ?? 0,
  isIdempotent: () => true,
}

export const NEXT_STEPS: Operation<string, { steps: NextStep[] }, NextStep[]> = {
  name: 'memory.nextSteps',
  statement: statement('memory.next_steps', 'select ordinal, steps from memory.next_steps($1::text, $2::jsonb)'),
  writes: false,
  itemsMax: 1000,
  encode: (item) => item,
  decode: (row) => row?.steps ?? [],
  isIdempotent: () => true,
}

interface Row {
  readonly source_hash: string
  readonly target_hash: string
  readonly scope: string
  readonly key: string
  readonly from_value: string | null
  readonly to_value: string
  readonly frequency: number
  readonly first_seen_at: Date
  readonly last_seen_at: Date
}

// Classes hold the frequencies between two powers of four, so ordering by class first changes nothing but the plan: the
// index gives the classes in order, and only within one is sorted. The cursor bounds the class for the same reason.
const learnedStatement = (name: string, scope: string) =>
  readStatement<Row>(
    name,
    `select t.source_hash, t.target_hash, t.scope, t.key, t.from_value, t.to_value, t.frequency, t.first_seen_at, t.last_seen_at
  from memory.transitions t
  where t.tenant_id = current_setting('pgfleet.tenant')${scope}
    and t.frequency_class >= (length(ltrim($1::bigint::bit(64)::text, '0')) + 1) / 2 and t.frequency >= $1::bigint
    and t.frequency_class <= (length(ltrim($2::bigint::bit(64)::text, '0')) + 1) / 2
    and (t.frequency < $2::bigint or (t.frequency = $2::bigint and (t.source_hash, t.target_hash) > ($3::uuid, $4::uuid)))
  order by t.frequency_class desc, t.frequency desc, t.source_hash, t.target_hash
  limit $5::integer`,
  )

const LEARNED = learnedStatement('memory.learned_transitions', '')
const LEARNED_IN_SCOPE = learnedStatement('memory.learned_transitions_in_scope', ' and t.scope = $6::text')

const FORGET = statement<{ deleted: number }>(
  'memory.forget_transitions',
  `with gone as (
    delete from memory.transitions t
    where t.tenant_id = current_setting('pgfleet.tenant') and t.scope = $1::text and t.key = coalesce($2::text, t.key)
    returning t.source_hash
  )
  select count(*) as deleted from gone`,
)

export const PROCEDURE_STATEMENTS: readonly Statement<unknown>[] = [
  RECORD_TRANSITIONS.statement,
  TRANSITION_FREQUENCIES.statement,
  NEXT_STEPS.statement,
  LEARNED,
  LEARNED_IN_SCOPE,
  FORGET,
]

/** Above every frequency and hash: where the first page begins. */
const FIRST = ['9007199254740991', '00000000-0000-0000-0000-000000000000', '00000000-0000-0000-0000-000000000000']

export function createProcedures(session: Session): Procedures {
  return {
    recordTransition: (async (input: Transition | readonly Transition[], options?: CallOptions) => {
      const { many, items } = checked(input)
      const encoded = items.map((item) =>
        JSON.stringify({
          scope: item.scope,
          key: item.key,
          from_value: item.from,
          to_value: item.to,
          source_hash: sourceHash(item),
          target_hash: hashOf(item.to),
        }),
      )
      const frequencies = await session.submit(RECORD_TRANSITIONS, encoded, options)
      return many ? frequencies : frequencies[0]
    }) as Procedures['recordTransition'],
    frequency: (async (input: Transition | readonly Transition[], options?: CallOptions) => {
      const { many, items } = checked(input)
      const encoded = items.map((item) =>
        JSON.stringify({ source_hash: sourceHash(item), target_hash: hashOf(item.to) }),
      )
      const frequencies = await session.submit(TRANSITION_FREQUENCIES, encoded, options)
      return many ? frequencies : frequencies[0]
    }) as Procedures['frequency'],
    async next(input, options = {}) {
      const { signal: _, durability: __, ...rest } = options
      const { limit } = check('options', z.strictObject({ limit: z.int().min(1).max(100).default(10) }), rest)
      const item = JSON.stringify({ source_hash: sourceHash(check('source', source, input)), most: limit })
      return (await session.submit(NEXT_STEPS, [item], options))[0] ?? []
    },
    async learned(options = {}) {
      const { min, scope, after, limit } = check('options', learnedOptions, options)
      const values = [min, ...(after?.split(':') ?? FIRST), limit]
      const rows =
        scope === undefined
          ? await session.query(LEARNED, values, { idempotent: true })
          : await session.query(LEARNED_IN_SCOPE, [...values, scope], { idempotent: true })
      return rows.map(toLearned)
    },
    async forget(input) {
      const { scope, key } = check('of', z.strictObject({ scope: name, key: name.optional() }), input)
      return (await session.query(FORGET, [scope, key ?? null], { idempotent: false }))[0]?.deleted ?? 0
    },
  }
}

function checked(input: Transition | readonly Transition[]) {
  const many = Array.isArray(input)
  return { many, items: check('transitions', transitions, many ? input : [input]) }
}

function toLearned(row: Row): LearnedTransition {
  return {
    scope: row.scope,
    key: row.key,
    from: row.from_value,
    to: row.to_value,
    frequency: row.frequency,
    firstSeenAt: row.first_seen_at,
    lastSeenAt: row.last_seen_at,
    cursor: `${row.frequency}:${row.source_hash}:${row.target_hash}`,
  }
}
