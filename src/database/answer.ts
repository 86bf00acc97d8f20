import type { Operation } from './batch.js'

/** What a statement answered, at the places of its items; undefined where it told nothing of one. */
export function answerOf<Row>(
  operation: Pick<Operation<never, Row, unknown>, 'unpack'>,
  returned: readonly object[],
): (Row | undefined)[] {
  const rows =
    operation.unpack?.(returned[0] as object) ?? (returned as readonly (Row & { readonly ordinal: number })[])
  const answer: (Row | undefined)[] = []
  for (const row of rows) answer[row.ordinal - 1] = row
  return answer
}
