import { describe, test } from 'vitest'

/** What runs the database of this run. */
export type Engine = 'embedded' | 'direct' | 'pooled'

export const engine: Engine = engineOf(process.env.TEST_ENGINE)

function engineOf(name = 'embedded'): Engine {
  if (name === 'embedded' || name === 'direct' || name === 'pooled') return name
  throw new Error(`TEST_ENGINE is embedded, direct or pooled, not ${name}`)
}

/** The variable of the environment that a server engine needs. */
export function serverUrl(name: 'DATABASE_URL' | 'DATABASE_URL_POOLED'): URL {
  const url = process.env[name]
  if (!url) throw new Error(`TEST_ENGINE=${engine} needs ${name}: npm run services -- exec -- npm test`)
  return new URL(url)
}

type Body = () => unknown

interface Restricted {
  (name: string, body: Body, timeout?: number): void
  describe(name: string, body: Body): void
}

/** A `test` that only these engines run; the others skip it, with the reason in its name. */
export function onEngines(engines: readonly Engine[], reason: string): Restricted {
  const runs = engines.includes(engine)
  const label = (name: string) => `${name} [not on ${engine}: ${reason}]`
  const restricted = (name: string, body: Body, timeout?: number) =>
    runs
      ? test(name, { ...(timeout === undefined ? {} : { timeout }) }, async () => void (await body()))
      : test.skip(label(name), () => {})
  return Object.assign(restricted, {
    // The tests of a skipped group are listed too, so its body must not do anything but declare them.
    describe: (name: string, body: Body) =>
      runs ? describe(name, body as () => void) : describe.skip(label(name), body as () => void),
  })
}
