import { z } from 'zod'
import { ACTION_LENGTH_MAX, jsonProblem, STATE_LENGTH_MAX } from '../../../content.js'
import type { CallOptions, Operation } from '../../../database/batch.js'
import type { Session } from '../../../database/session.js'
import { statement } from '../../../database/statement.js'
import { FleetError } from '../../../errors.js'
import { newId, timeOfId } from '../../../id.js'
import { encodeIdentity, type Identity } from '../../../identity.js'
import { check, isStorable, members, text } from '../../../input.js'
import { METRIC_CATEGORIES, METRIC_TYPES, type NewMetric } from './metric.js'

/** Most points of one call. */
export const METRICS_MAX = 5000

interface Item {
  readonly id: string
  readonly json: string
}

export const RECORD_METRICS: Operation<Item, object, string> = {
  name: 'delivery.metrics.record',
  statement: statement('delivery.record_metrics', 'select ordinal from delivery.record_metrics($1::text, $2::jsonb)'),
  writes: true,
  itemsMax: METRICS_MAX,
  encode: (item) => item.json,
  decode: (_, { id }) => id,
  isIdempotent: () => true,
}

/** One custom check instead of a record of a union: it is made for every point. */
export const dimensions = z.custom<Readonly<Record<string, string | number | boolean>>>((value) => {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false
  const entries = Object.entries(value)
  return (
    entries.length <= 20 &&
    entries.every(
      ([name, each]) =>
        name.length >= 1 &&
        name.length <= 64 &&
        isStorable(name) &&
        (typeof each === 'boolean' ||
          (typeof each === 'number' && Number.isFinite(each)) ||
          (typeof each === 'string' && each.length <= 200 && isStorable(each))),
    )
  )
}, 'is not an object of at most 20 members whose values are finite numbers, booleans or texts of at most 200 characters')

const VALUES = ['numericValue', 'stringValue', 'booleanValue', 'jsonValue'] as const

const metrics = z
  .array(
    z
      .strictObject({
        id: z.uuidv7().optional(),
        name: text(1, 100),
        category: z.enum(METRIC_CATEGORIES).default('performance'),
        type: z.enum(METRIC_TYPES).default('gauge'),
        measuredAt: z.date().min(new Date(0)).max(new Date('9999-12-31T23:59:59.999Z')).optional(),
        numericValue: z.number().min(-1e100).max(1e100).optional(),
        stringValue: text(0, 4096).optional(),
        booleanValue: z.boolean().optional(),
        jsonValue: z
          .unknown()
          .refine((value) => value !== null, 'must not be null')
          .optional(),
        dimensions: dimensions.optional(),
        metadata: members.optional(),
      })
      .superRefine((metric, context) => {
        const given = VALUES.filter((name) => metric[name] !== undefined)
        if (given.length === 1) return
        const [, second] = given
        context.addIssue(
          second === undefined
            ? { code: 'custom', message: `has no value; exactly one of ${VALUES.join(', ')} is needed` }
            : {
                code: 'custom',
                path: [second],
                message: `is a second value beside ${given[0]}; exactly one is allowed`,
              },
        )
      }),
  )
  .max(METRICS_MAX)

/** Records points, all of a call or none. Errors: INPUT_INVALID, ID_OUT_OF_WINDOW. */
export async function recordMetrics(
  session: Session,
  identity: Identity,
  input: readonly NewMetric[],
  options?: CallOptions,
): Promise<string[]> {
  const who = JSON.stringify(encodeIdentity(identity)).slice(1, -1)
  const items = check('metrics', metrics, input).map((metric, index) => encode(metric, index, who))
  return await session.submit(RECORD_METRICS, items, options)
}

function encode(metric: z.output<typeof metrics>[number], index: number, who: string): Item {
  const { measuredAt, dimensions } = metric
  const field = `metrics[${index}]`
  const id = metric.id?.toLowerCase() ?? newId(measuredAt?.getTime())
  if (measuredAt !== undefined && timeOfId(id) !== measuredAt.getTime()) {
    throw new FleetError('INPUT_INVALID', {
      message: `${field}.measuredAt is not the time inside the id`,
      hint: 'Make the id of the time of the point, or leave either out.',
      field: `${field}.measuredAt`,
    })
  }
  // Written piece by piece: for a batch of thousands this is half of what this side costs.
  let json = `{"id":"${id}","name":${JSON.stringify(metric.name)},"category":"${metric.category}","type":"${metric.type}"`
  if (metric.numericValue !== undefined) json += `,"number":${metric.numericValue}`
  if (metric.stringValue !== undefined) json += `,"text":${JSON.stringify(metric.stringValue)}`
  if (metric.booleanValue !== undefined) json += `,"flag":${metric.booleanValue}`
  if (metric.jsonValue !== undefined)
    json += `,"json":${toJson(`${field}.jsonValue`, metric.jsonValue, STATE_LENGTH_MAX)}`
  if (dimensions !== undefined) json += `,"dimensions":${JSON.stringify(dimensions)}`
  if (metric.metadata !== undefined)
    json += `,"metadata":${toJson(`${field}.metadata`, metric.metadata, ACTION_LENGTH_MAX)}`
  if (who !== '') json += `,${who}`
  return { id, json: `${json}}` }
}

function toJson(field: string, value: unknown, lengthMax: number): string {
  const problem = jsonProblem(value)
  const json = problem === undefined ? JSON.stringify(value) : ''
  if (problem === undefined && json.length <= lengthMax) return json
  const [path, why] = problem?.split(/: (?=[^:]*$)/) ?? [
    '',
    `has ${json.length} characters of JSON, at most ${lengthMax} are allowed`,
  ]
  throw new FleetError('INPUT_INVALID', { message: `${field}${path?.slice(0, 100)} ${why}`, field })
}
