import type { AnyOperation } from './batch.js'

/** The bytes that travel with the items, where the operation has any; only there the items are asked for. */
export function attached(operation: AnyOperation, itemsOf: () => readonly unknown[]): Uint8Array | undefined {
  if (operation.attach === undefined) return undefined
  const parts = itemsOf().map((item) => operation.attach?.(item) as Uint8Array)
  const head = operation.attachHead?.(parts.reduce((sum, part) => sum + part.byteLength, 0))
  return parts.length === 1 && head === undefined
    ? parts[0]
    : Buffer.concat(head === undefined ? parts : [head, ...parts])
}
