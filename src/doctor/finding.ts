import { createHash } from 'node:crypto'
import type { Area, Check, Draft, Level, Remedy } from './check.js'
import { type ProviderRole, remedyAt } from './provider.js'

/** Something that a check found wrong. */
export interface Finding {
  /** The id of the check. */
  readonly check: string
  /** What the check finds, in a few words. */
  readonly title: string
  readonly area: Area
  /** How grave it is, after the configuration has had its say. */
  readonly level: Level
  /** What it is about, such as a table, a role or a setting. */
  readonly object: string
  /** One sentence with the figures. */
  readonly summary: string
  /** Further facts, a line each; literals of SQL are struck out. */
  readonly evidence: readonly string[]
  /** How to be rid of it. */
  readonly remedy: Remedy
  /** When its fix has its turn: smaller is earlier. */
  readonly order: number
  /** The same from run to run, whatever the figures: the check's id and a hash of it and the object. */
  readonly fingerprint: string
}

/** How a check ended: with findings or without, without anything to look at, or without being able to look. */
export type Outcome = 'finding' | 'ok' | 'not-applicable' | 'could-not-look'

/** One check's result. */
export interface CheckResult {
  readonly check: string
  readonly outcome: Outcome
  /** How many of the things that it is about it could look at. */
  readonly examined: number
  /** How many there are; 0 where it could not look or does not apply. */
  readonly total: number
  /** What these things are, as a plural. */
  readonly scope: string
  /** Why it does not apply, or could not look; or what it could not see of the whole. */
  readonly reason?: string
  readonly findings: readonly Finding[]
  readonly milliseconds: number
}

/** Completes what a check drafted; its remedy becomes one that the server's provider allows. */
export function toFinding(
  check: Check,
  draft: Draft,
  level: Level | undefined,
  provider: ProviderRole | null = null,
): Finding {
  return {
    check: check.id,
    title: check.title,
    area: check.area,
    level: level ?? draft.level ?? check.level,
    object: draft.object,
    summary: draft.summary,
    evidence: draft.evidence ?? [],
    remedy: remedyAt(provider, draft.remedy),
    order: check.order,
    fingerprint: fingerprintOf(check.id, draft.object),
  }
}

/** `idle-in-transaction:1f0c…`: the id so that people recognise it, twelve digits of a hash so that it is one word. */
export function fingerprintOf(check: string, object: string): string {
  return `${check}:${createHash('sha256').update(`${check}\0${object}`).digest('hex').slice(0, 12)}`
}
