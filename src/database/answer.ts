import type { AnyOperation } from './batch.js'

/** What a statement answered, at the places of its items; nothing where it told nothing of one. */
export function answerOf(operation: AnyOperation, returned: readonly object[]): unknown[] {
  const rows = operation.unpack?.(returned[0] as object) ?? returned
  const answer: unknown[] = []
  for (const row of rows as readonly { readonly ordinal: number }[]) answer[row.ordinal - 1] = row
  return answer
}
