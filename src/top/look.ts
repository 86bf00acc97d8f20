/** What one reading of a panel found. */
export interface Look<Row = unknown> {
  /** By the clock of the server, in seconds since 1970: rates are made of it. */
  readonly at: number
  /** When the server started, in the same seconds: another one has counters of its own. */
  readonly startedAt: number
  readonly inRecovery: boolean
  readonly rows: readonly Row[]
  /** What could not be read, and why. */
  readonly refused: readonly string[]
}

/** Looks of how many seconds are kept, and how many at most. */
export const KEPT_SECONDS = 60
const KEPT_MAX = 300

/** Whether counters of the one may be compared with the other's: the same life of the same server, and time went on. */
export function isSameServer(before: Look, now: Look): boolean {
  return before.startedAt === now.startedAt && before.inRecovery === now.inRecovery && now.at > before.at
}

/** The looks to keep when another is added: of the last minute, and none of another server. */
export function withLook(kept: readonly Look[], look: Look): readonly Look[] {
  const last = kept.at(-1)
  if (last !== undefined && !isSameServer(last, look)) return [look]
  return [...kept, look].filter(({ at }) => look.at - at <= KEPT_SECONDS).slice(-KEPT_MAX)
}
