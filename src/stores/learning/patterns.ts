import { v7 as uuidv7 } from 'uuid'
import { z } from 'zod'
import { type Condition, condition } from '../../condition.js'
import { type Json, STATE_LENGTH_MAX, toJson } from '../../content.js'
import type { CallOptions, Operation } from '../../database/batch.js'
import type { Session } from '../../database/session.js'
import { readStatement, type Statement, statement } from '../../database/statement.js'
import { FleetError } from '../../errors.js'
import { check, members, text } from '../../input.js'

/** Something that worked, to be found again by name or by what calls for it. */
export interface NewPattern {
  readonly agentType: string
  /** 1 to 200 characters; agent type, name and version identify it. */
  readonly name: string
  /** 1 or more. A higher version names the one below as its parent. @default 1 */
  readonly version?: number
  /** Like `test_template` or `coverage_strategy`, 1 to 100 characters. */
  readonly type: string
  readonly category?: string
  /** What to apply: any JSON, at most 65536 characters. */
  readonly data: Json
  /** When to apply it; see `matchPatterns`. */
  readonly triggerConditions?: Condition
  readonly expectedOutcome?: Json
  readonly metadata?: Record<string, Json>
}

/** A pattern as it is known. */
export interface Pattern {
  readonly id: string
  readonly agentType: string
  readonly name: string
  readonly version: number
  readonly type: string
  readonly category: string | null
  readonly data: Json
  readonly usageCount: number
  readonly averageReward: number
  /** Mean of Beta(1 + successes, 1 + failures). */
  readonly confidence: number
}

/** A pattern that a search found. */
export interface FoundPattern extends Pattern {
  /** Trigram similarity of the names, (0, 1]. */
  readonly similarity: number
}

export interface PatternSearch {
  /** What its name is like; typing errors are forgiven. 1 to 200 characters. */
  readonly name: string
  /** @default any */
  readonly agentType?: string
  /** Least similarity, [0.3, 1]. @default 0.3 */
  readonly threshold?: number
  /** 1 to 100. @default 10 */
  readonly limit?: number
}

/** How a pattern did, once. */
export interface PatternOutcome {
  readonly patternId: string
  /** Left out when it is not known. */
  readonly succeeded?: boolean
  /** @default 0 */
  readonly reward?: number
}

/** A pattern's counters. */
export interface PatternCounters {
  readonly usageCount: number
  readonly successCount: number
  readonly failureCount: number
  readonly averageReward: number
  readonly confidence: number
}

/** The patterns of one tenant. */
export interface Patterns {
  /**
   * Keeps patterns and returns their ids; one that is there already (agent type, name, version) gets the new content,
   * and keeps its counters. All of a call or none. Errors: INPUT_INVALID, AGENT_TYPE_UNKNOWN, QUOTA_EXCEEDED.
   */
  remember(pattern: NewPattern): Promise<string>
  remember(patterns: readonly NewPattern[]): Promise<string[]>
  /** Counts how patterns did. Errors: INPUT_INVALID, PATTERN_UNKNOWN. */
  recordOutcomes(outcomes: readonly PatternOutcome[], options?: CallOptions): Promise<PatternCounters[]>
  /** Patterns with a similar name, the most similar first. */
  search(search: PatternSearch, options?: CallOptions): Promise<FoundPattern[]>
  search(searches: readonly PatternSearch[], options?: CallOptions): Promise<FoundPattern[][]>
  /** An agent type's best patterns by average reward. */
  top(
    agentType: string,
    options?: { minReward?: number; minUsage?: number; type?: string; limit?: number },
  ): Promise<Pattern[]>
  /** The patterns of an agent type whose trigger conditions hold in the context, the most confident first. */
  match(agentType: string, context: Record<string, Json>, options?: { limit?: number }): Promise<Pattern[]>
}

interface Row {
  readonly pattern_id: string
  readonly agent_type: string
  readonly pattern_name: string
  readonly version: number
  readonly pattern_type: string
  readonly category: string | null
  readonly pattern_data: Json
  readonly usage_count: number
  readonly average_reward: number
  readonly confidence: number
}

const COLUMNS = `p.pattern_id, p.agent_type, p.pattern_name, p.version, p.pattern_type, p.category, p.pattern_data, p.usage_count,
    p.average_reward, p.confidence`

const REMEMBER = statement<{ ordinal: number; pattern_id: string }>(
  'learning.remember_patterns',
  'select ordinal, pattern_id from learning.remember_patterns($1::text, $2::jsonb)',
)

const TOP = readStatement<Row>(
  'learning.top_patterns',
  `select ${COLUMNS}
  from learning.patterns p
  where p.tenant_id = current_setting('pgfleet.tenant') and p.agent_type = $1::text and p.expires_at > now()
    and p.average_reward >= $2::double precision and p.usage_count >= $3::bigint
    and ($4::text is null or p.pattern_type = $4::text)
  order by p.average_reward desc, p.pattern_id
  limit $5::integer`,
)

const MATCH = readStatement<Row>(
  'learning.match_patterns',
  `select ${COLUMNS}
  from learning.patterns p
  where p.tenant_id = current_setting('pgfleet.tenant') and p.agent_type = $1::text and p.expires_at > now()
    and p.trigger_conditions is not null and learning.condition_holds(p.trigger_conditions, $2::jsonb)
  order by p.confidence desc, p.average_reward desc, p.pattern_id
  limit $3::integer`,
)

export const PATTERN_STATEMENTS: readonly Statement<unknown>[] = [REMEMBER, TOP, MATCH]

export const SEARCH_PATTERNS: Operation<z.output<typeof search>, { patterns: FoundPattern[] }, FoundPattern[]> = {
  name: 'learning.searchPatterns',
  statement: statement(
    'learning.search_patterns',
    'select ordinal, patterns from learning.search_patterns($1::text, $2::jsonb)',
  ),
  writes: false,
  itemsMax: 200,
  encode: (item) =>
    JSON.stringify({ name: item.name, agent_type: item.agentType, threshold: item.threshold, max_results: item.limit }),
  decode: (row) => row?.patterns ?? [],
  isIdempotent: () => true,
}

export const RECORD_OUTCOMES: Operation<z.output<typeof outcome>, CountersRow, PatternCounters> = {
  name: 'learning.recordPatternOutcomes',
  statement: statement(
    'learning.record_pattern_outcomes',
    'select ordinal, usage_count, success_count, failure_count, average_reward, confidence from learning.record_pattern_outcomes($1::text, $2::jsonb)',
  ),
  writes: true,
  itemsMax: 1000,
  encode: (item) => JSON.stringify({ pattern_id: item.patternId, succeeded: item.succeeded, reward: item.reward }),
  decode: (row) => {
    if (row === undefined) throw new Error('learning.record_pattern_outcomes returned no row for an outcome')
    return {
      usageCount: row.usage_count,
      successCount: row.success_count,
      failureCount: row.failure_count,
      averageReward: row.average_reward,
      confidence: row.confidence,
    }
  },
  isIdempotent: () => false,
}

interface CountersRow {
  readonly usage_count: number
  readonly success_count: number
  readonly failure_count: number
  readonly average_reward: number
  readonly confidence: number
}

const agentType = text(1, 50)
const patterns = z
  .array(
    z.strictObject({
      agentType,
      name: text(1, 200),
      version: z.int().min(1).max(1_000_000).default(1),
      type: text(1, 100),
      category: text(0, 100).optional(),
      data: z.unknown(),
      triggerConditions: condition.optional(),
      expectedOutcome: z.unknown().optional(),
      metadata: members.default({}),
    }),
  )
  .max(1000)
const search = z.strictObject({
  name: text(1, 200),
  agentType: agentType.optional(),
  threshold: z.number().min(0.3).max(1).optional(),
  limit: z.int().min(1).max(100).optional(),
})
const outcome = z.strictObject({
  patternId: z.uuid(),
  succeeded: z.boolean().optional(),
  reward: z.number().min(-1e100).max(1e100).optional(),
})
const topOptions = z.strictObject({
  minReward: z.number().default(-Number.MAX_VALUE),
  minUsage: z.int().min(0).default(0),
  type: text(0, 200).optional(),
  limit: z.int().min(1).max(1000).default(20),
})

export function createPatterns(session: Session): Patterns {
  return {
    remember: (async (input: NewPattern | readonly NewPattern[]) => {
      const many = Array.isArray(input)
      const items = check('patterns', patterns, many ? input : [input]).map((item, i) => ({
        id: uuidv7(),
        agent_type: item.agentType,
        name: item.name,
        version: item.version,
        type: item.type,
        category: item.category,
        trigger_conditions: item.triggerConditions,
        ...contentOf(`patterns[${i}]`, item),
      }))
      if (items.length === 0) return []
      const ids = (await session.query(REMEMBER, [session.tenant, JSON.stringify(items)], { idempotent: true })).map(
        (row) => row.pattern_id,
      )
      return many ? ids : ids[0]
    }) as Patterns['remember'],
    async recordOutcomes(outcomes, options) {
      return await session.submit(RECORD_OUTCOMES, check('outcomes', z.array(outcome), outcomes), options)
    },
    search: (async (input: PatternSearch | readonly PatternSearch[], options?: CallOptions) => {
      const many = Array.isArray(input)
      const found = await session.submit(
        SEARCH_PATTERNS,
        check('searches', z.array(search), many ? input : [input]),
        options,
      )
      return many ? found : found[0]
    }) as Patterns['search'],
    async top(type, options = {}) {
      const { minReward, minUsage, type: patternType, limit } = check('options', topOptions, options)
      const values = [check('agentType', agentType, type), minReward, minUsage, patternType ?? null, limit]
      return (await session.query(TOP, values, { idempotent: true })).map(toPattern)
    },
    async match(type, context, options = {}) {
      const { limit } = check('options', z.strictObject({ limit: z.int().min(1).max(1000).default(20) }), options)
      if (typeof context !== 'object' || context === null || Array.isArray(context))
        throw new FleetError('INPUT_INVALID', { message: 'context is an object', field: 'context' })
      const values = [check('agentType', agentType, type), toJson('context', context, STATE_LENGTH_MAX), limit]
      return (await session.query(MATCH, values, { idempotent: true })).map(toPattern)
    },
  }
}

/** The parts of a pattern that are the caller's JSON, checked for what the database cannot hold. */
function contentOf(field: string, item: z.output<typeof patterns>[number]): Record<string, unknown> {
  const json = (name: string, value: unknown) =>
    JSON.parse(toJson(`${field}.${name}`, value, STATE_LENGTH_MAX)) as unknown
  return {
    data: json('data', item.data),
    metadata: json('metadata', item.metadata),
    ...(item.expectedOutcome === undefined ? {} : { expected_outcome: json('expectedOutcome', item.expectedOutcome) }),
  }
}

function toPattern(row: Row): Pattern {
  return {
    id: row.pattern_id,
    agentType: row.agent_type,
    name: row.pattern_name,
    version: row.version,
    type: row.pattern_type,
    category: row.category,
    data: row.pattern_data,
    usageCount: row.usage_count,
    averageReward: row.average_reward,
    confidence: row.confidence,
  }
}
