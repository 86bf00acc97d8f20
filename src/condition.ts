import { z } from 'zod'
import { type Json, jsonProblem } from './content.js'

/** What a value must be. All operators given must hold; values compare only with values of their JSON type. */
export interface Test {
  readonly $eq?: Json
  /** Holds for an absent value too. */
  readonly $ne?: Json
  readonly $lt?: number | string
  readonly $lte?: number | string
  readonly $gt?: number | string
  readonly $gte?: number | string
  readonly $in?: readonly Json[]
  /** Holds for an absent value too. */
  readonly $nin?: readonly Json[]
  readonly $exists?: boolean
}

/**
 * A condition on a JSON context: every member must hold. A key is a path with dots; its value is a test, or a plain
 * value that must be equal. `$and` and `$or` take arrays of conditions. Evaluated by
 * `learning.condition_holds`, and by what `memory.filter_expression` makes of it: the same answers.
 */
export type Condition = {
  readonly $and?: readonly Condition[]
  readonly $or?: readonly Condition[]
} & { readonly [path: string]: Test | Json | readonly Condition[] | undefined }

/** Checked by hand: zod's own follows a value that contains itself until the stack ends. */
const json = z.unknown().superRefine((value, context) => {
  const problem = jsonProblem(value)
  if (problem !== undefined) context.addIssue({ code: 'custom', message: problem.replace(/^[^:]*: /, '') })
})
const bound = z.union([z.number(), z.string()])
const test = z.strictObject({
  $eq: json.optional(),
  $ne: json.optional(),
  $lt: bound.optional(),
  $lte: bound.optional(),
  $gt: bound.optional(),
  $gte: bound.optional(),
  $in: z.array(json).optional(),
  $nin: z.array(json).optional(),
  $exists: z.boolean().optional(),
})

const isTest = (value: unknown) =>
  typeof value === 'object' &&
  value !== null &&
  !Array.isArray(value) &&
  Object.keys(value).some((key) => key.startsWith('$'))

/** The shape of a condition, at most 32 levels deep; an unknown operator is refused before it is kept. */
export const condition: z.ZodType<Condition> = z.unknown().superRefine((value, context) => {
  check(value, [], context, 0)
}) as unknown as z.ZodType<Condition>

function check(value: unknown, path: (string | number)[], context: z.core.$RefinementCtx, depth: number): void {
  const refuse = (message: string, at: (string | number)[] = path): void => {
    context.addIssue({ code: 'custom', message, path: at })
  }
  if (depth > 32) {
    refuse('a condition has at most 32 levels')
    return
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    refuse('a condition is an object')
    return
  }
  for (const [key, member] of Object.entries(value)) {
    const at = [...path, key]
    if (key === '$and' || key === '$or') {
      if (!Array.isArray(member)) refuse(`${key} takes an array of conditions`, at)
      else for (const [i, part] of member.entries()) check(part, [...at, i], context, depth + 1)
    } else if (key.startsWith('$')) {
      refuse(`there is no operator ${key.slice(0, 40)}`, at)
    } else {
      const parsed = (isTest(member) ? test : json).safeParse(member)
      if (!parsed.success) refuse(parsed.error.issues[0]?.message ?? 'is not a test', at)
    }
  }
}
