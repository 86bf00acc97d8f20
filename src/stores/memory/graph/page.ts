import { z } from 'zod'

/** A part of a list, and where it goes on. */
export interface GraphPage<Item> {
  readonly items: Item[]
  /** Pass it as `after` for what follows; undefined at the end. Opaque: it names the last row, so nothing is repeated or skipped. */
  readonly next: string | undefined
}

/** How much of a list to return. */
export interface GraphPageOptions {
  /** `next` of the page before. */
  readonly after?: string
  /** 1 to 1000. @default 100 */
  readonly limit?: number
}

/** The shape of those options, where a cursor holds these texts. */
export function pageShape<const Key extends readonly z.ZodType<string>[]>(...key: Key) {
  const texts = z.array(z.string()).length(key.length)
  const after = z
    .string()
    .max(4000)
    .transform((value, context): readonly string[] => {
      try {
        const parsed = texts.parse(JSON.parse(Buffer.from(value, 'base64url').toString('utf8')))
        if (parsed.every((part, i) => key[i]?.safeParse(part).success)) return parsed
      } catch {
        // Told below: it is no cursor of ours.
      }
      context.addIssue({ code: 'custom', message: 'is not a `next` of this list' })
      return z.NEVER
    })
  return { after: after.optional(), limit: z.int().min(1).max(1000).default(100) }
}

/** A page of the rows, of which one more than `limit` was asked for. */
export function page<Row, Item>(
  rows: readonly Row[],
  limit: number,
  toItem: (row: Row) => Item,
  keyOf: (row: Row) => readonly string[],
): GraphPage<Item> {
  const items = rows.slice(0, limit)
  const last = items.at(-1)
  const next =
    rows.length > limit && last !== undefined
      ? Buffer.from(JSON.stringify(keyOf(last))).toString('base64url')
      : undefined
  return { items: items.map(toItem), next }
}
