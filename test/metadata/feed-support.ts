import type { Tenant } from 'pgfleet'
import type { ChangeMessage, Subscription } from 'pgfleet/metadata'
import { expect } from 'vitest'

/** The next so many messages; fails after half a minute. */
export async function take(subscription: Subscription, count: number): Promise<ChangeMessage[]> {
  const found: ChangeMessage[] = []
  while (found.length < count) {
    const { done, value } = await within(subscription.next())
    if (done) break
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
  if (message.kind === 'set') return `${where}.${message.key}=${JSON.stringify(message.value)}`
  return message.kind === 'deleted' ? `${where}.${message.key} deleted` : `${where} left`
}

/**
 * Sets a key of an entity of its own and waits until the subscription tells of it: by then everything that was committed
 * before has been told, too.
 */
export async function settled(
  tenant: Tenant,
  subscription: Subscription,
  onMessage: (message: ChangeMessage) => void,
  mark: { entity: string; key: string },
): Promise<void> {
  const value = `mark ${Math.random()}`
  await tenant.metadata.set({ ...mark, value })
  for (;;) {
    const { done, value: message } = await within(subscription.next())
    if (done) throw new Error('the subscription ended')
    if (message.kind === 'set' && message.value === value) return
    onMessage(message)
  }
}

export const pause = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds))
