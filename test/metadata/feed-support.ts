import type { Fleet, Tenant } from 'pgfleet'
import type { ChangeMessage, Subscription } from 'pgfleet/metadata'
import { expect } from 'vitest'
import { sql } from '../setup/index.js'

const seen = new WeakMap<Subscription, Set<string>>()

/**
 * The next so many messages; fails after half a minute. One that says the same again is left out: a value that was told
 * together with an earlier change of its key comes once more with its own.
 */
export async function take(subscription: Subscription, count: number): Promise<ChangeMessage[]> {
  const found: ChangeMessage[] = []
  while (found.length < count) {
    const { done, value } = await within(subscription.next())
    if (done) break
    const already = seen.get(subscription) ?? new Set()
    seen.set(subscription, already)
    const what = `${brief(value)} ${value.kind === 'left' ? value.cursor : value.version}`
    if (already.has(what)) continue
    already.add(what)
    found.push(value)
  }
  expect(found.length, 'messages that were expected').toBe(count)
  return found
}

/** A guard against a hang, no measure of speed. */
export async function within<T>(promise: Promise<T>, milliseconds = 30_000): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`nothing came for ${milliseconds} ms`)), milliseconds)
  })
  return await Promise.race([promise, late]).finally(() => clearTimeout(timer))
}

/** What a message says, without times and ids. */
export function brief(message: ChangeMessage): string {
  const where = message.channel === null ? message.entity : `${message.entity}@${message.channel}`
  if (message.kind === 'set')
    return `${where}.${message.key}=${typeof message.value === 'bigint' ? `${message.value}n` : JSON.stringify(message.value)}`
  return message.kind === 'deleted' ? `${where}.${message.key} deleted` : `${where} left`
}

/**
 * Waits until what was written before can be read: an older transaction anywhere on the server holds it back, and then it
 * would count as new.
 */
export async function passed(fleet: Fleet, { metadata }: Tenant, group = 'NORMAL'): Promise<void> {
  const [row] = await sql<{ id: string }>(fleet, 'select pg_current_xact_id()::text as id')
  for (let i = 0; i < 3000; i++) {
    const { cursor } = await metadata.changesSince('now', { group })
    if (BigInt(cursor.split(':')[1] as string) > BigInt(row?.id as string)) return
    await pause(10)
  }
  throw new Error('a transaction on the server stays open')
}

export const pause = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds))
