import { LinkedList } from './linked-list.js'

const waiting = new WeakMap<AbortSignal, LinkedList<() => void>>()

/**
 * Calls back when the signal fires; the returned function takes that back. However many wait for a signal, it has one
 * listener: many calls that share one would make Node warn of a leak.
 */
export function onAbort(signal: AbortSignal | undefined, callback: () => void): () => void {
  if (signal === undefined) return () => {}
  let callbacks = waiting.get(signal)
  if (callbacks === undefined) {
    const added = new LinkedList<() => void>()
    waiting.set(signal, added)
    signal.addEventListener('abort', () => {
      for (const each of added) each()
    })
    callbacks = added
  }
  return callbacks.add(callback)
}
