import { FleetError } from '../errors.js'
import type { Check } from './check.js'
import type { ServerFacts } from './server.js'

/** Why a check has no findings to tell. */
export interface Refusal {
  readonly outcome: 'not-applicable' | 'could-not-look'
  readonly reason: string
}

/** Why a check need not be asked at all; undefined when it has to be. */
export function inapplicable(
  { versions, needs }: Check,
  server: ServerFacts,
  isBaselineGiven: boolean,
): Refusal | undefined {
  const not = (reason: string): Refusal => ({ outcome: 'not-applicable', reason })
  if (server.major < (versions?.from ?? 0)) return not(`PostgreSQL ${versions?.from} and newer have it`)
  if (server.major > (versions?.to ?? server.major)) return not(`PostgreSQL ${versions?.to} was the last to have it`)
  for (const extension of [needs?.extension, needs?.also]) {
    if (extension !== undefined && server.extensions[extension] === undefined)
      return not(`the extension ${extension} is not installed in this database`)
  }
  if (needs?.relation !== undefined && !server.relations.includes(needs.relation)) {
    return not(`there is no table ${needs.relation} in this database`)
  }
  if (needs?.fact === 'memory' && server.memoryBytes === undefined) {
    return { outcome: 'could-not-look', reason: 'the memory of the machine is not known: give it with --memory 16GB' }
  }
  if (needs?.fact === 'baseline' && !isBaselineGiven) {
    return not('there is nothing to compare with: give --baseline')
  }
  return undefined
}

/** Why a check that was asked could not look. Throws what ends the examination. */
export function blindness(check: Check, error: unknown): Refusal {
  if (isFatal(error)) throw error
  const { code } = error as { code?: string }
  const needed = code === '42501' ? check.needs?.rights : undefined
  return {
    outcome: 'could-not-look',
    reason: needed === undefined ? reasonOf(error) : `${reasonOf(error)}; needs ${needed}`,
  }
}

/** Errors that end the examination, and not one check. */
export const isFatal = (error: unknown) => error instanceof FleetError

/** The connection is gone, not the statement alone. */
export const isLoss = (error: unknown) => {
  const { code, message = '', severity } = error as { code?: string; message?: string; severity?: string }
  return (
    severity === 'FATAL' ||
    /^(08|57P0)/.test(code ?? '') ||
    /^E[A-Z]+$/.test(code ?? '') ||
    /terminated|not queryable|read timeout|closed/i.test(message)
  )
}

/** The server understood, and said no; not that the time was over or the connection lost. */
export const isRefused = (error: unknown) => {
  const { code = '' } = error as { code?: string }
  return /^[0-9A-Z]{5}$/.test(code) && code !== '57014' && !isLoss(error)
}

/** What came in between, in words. */
export function reasonOf(error: unknown): string {
  const { code, message } = error as { code?: string; message?: string }
  if (code === '57014') return 'it took too long and was given up: allow more with --timeout'
  if (code === '55P03') return 'another session holds a lock on what it reads'
  if (isLoss(error)) return `the connection was lost: ${message || code}`
  return (message ?? String(error)).split('\n')[0] ?? ''
}
