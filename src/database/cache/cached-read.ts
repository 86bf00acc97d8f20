/** How the results of an operation that reads may be kept. */
export interface CachedRead<Item, Result> {
  /** What is read: the text that `changes` of the same store's operations gives for a write of it. */
  subject(item: Item): string
  /** Who asks, or how, where the answers about one subject differ by that. @default ''  */
  reader?(item: Item): string
  /** The result as text; undefined for one that is not to be kept. */
  pack(result: Result): string | undefined
  /** A result of its own for each caller, who may change it. */
  unpack(text: string, item: Item): Result
}

/** The store of an operation or statement: what stands before the first dot of its name. */
export function storeOf(name: string): string {
  return name.slice(0, name.indexOf('.'))
}
