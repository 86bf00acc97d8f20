import type { AnyOperation } from './batch.js'

/** The bytes that travel with the items, where the operation has any. */
export function attached(operation: AnyOperation, items: readonly unknown[]): Uint8Array | undefined {
  if (operation.attach === undefined) return undefined
  const parts = items.map((item) => operation.attach?.(item) as Uint8Array)
  const head = operation.attachHead?.(parts.reduce((sum, part) => sum + part.byteLength, 0))
  return parts.length === 1 && head === undefined
    ? parts[0]
    : Buffer.concat(head === undefined ? parts : [head, ...parts])
}
