import type { Operation } from './batch.js'

/** The items of a call as they travel: JSON texts with commas between them. */
export function encodeItems<Item>(
  operation: Pick<Operation<Item, never, unknown>, 'encode' | 'encodeMany'>,
  items: readonly Item[],
): string {
  return operation.encodeMany?.(items) ?? items.map((item) => operation.encode(item)).join()
}
