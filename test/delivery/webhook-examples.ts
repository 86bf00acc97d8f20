import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'

// biome-ignore lint/suspicious/noExplicitAny: payloads as they come; what is read of them is what is tested
export type AnyPayload = any

const path = createRequire(import.meta.url).resolve('@octokit/webhooks-examples/api.github.com/index.json')
const all = JSON.parse(readFileSync(path, 'utf8')) as readonly { name: string; examples: readonly AnyPayload[] }[]

/** The payloads of that event in @octokit/webhooks-examples. */
export const examplesOf = (event: string): readonly AnyPayload[] =>
  all.find(({ name }) => name === event)?.examples ?? []

/** A copy of an example, changed. */
export function changed(example: AnyPayload, change: (payload: AnyPayload) => void): AnyPayload {
  const copy = structuredClone(example)
  change(copy)
  return copy
}
