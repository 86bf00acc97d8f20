/**
 * What a counter has gained. Where it has fallen, it was reset in between, and what it has now is what it has gained since:
 * never negative, and never more than there was.
 */
export function gained(before: number | null | undefined, now: number | null): number {
  if (now === null || !Number.isFinite(now)) return 0
  const first = before ?? 0
  return now >= first ? now - first : Math.max(0, now)
}

/**
 * What a group of counters that are reset together has gained: when one of them has fallen, all begin at zero. `undefined`
 * before: they were not there, so all that they hold was gained.
 */
export function gainedTogether<Name extends string>(
  before: Readonly<Record<Name, number | null>> | undefined,
  now: Readonly<Record<Name, number | null>>,
  names: readonly Name[],
): Record<Name, number> {
  const isReset = before === undefined || names.some((name) => (now[name] ?? 0) < (before[name] ?? 0))
  return Object.fromEntries(names.map((name) => [name, gained(isReset ? 0 : before[name], now[name])])) as Record<
    Name,
    number
  >
}

/** So much a second; null where no time has passed. */
export function perSecond(amount: number, seconds: number): number | null {
  return seconds > 0 ? amount / seconds : null
}

/** A part of a whole, 0 to 1; null of nothing. */
export function shareOf(part: number, whole: number): number | null {
  return whole > 0 ? Math.min(1, Math.max(0, part / whole)) : null
}
