import type { Level } from './check.js'

/** Days until what is free is used up; undefined where it is not known how much that is, or where nothing grows. */
export function daysLeft(freeBytes: number | undefined, bytesPerDay: number): number | undefined {
  return freeBytes === undefined || bytesPerDay <= 0 ? undefined : freeBytes / bytesPerDay
}

/** How grave it is that a disk is full in so many days; undefined when there is time. */
export function filling(days: number | undefined, warningDays: number): Level | undefined {
  if (days === undefined || days >= warningDays) return undefined
  return days < 1 ? 'error' : 'warning'
}
