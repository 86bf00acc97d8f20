import { randomFillSync } from 'node:crypto'
import { v7 } from 'uuid'

/** Random bytes are drawn for 512 ids at once: one by one they would be a third of what appending costs here. */
const random = new Uint8Array(16 * 512)
let drawn = random.length
let lastMs = 0
let sequence = 0

/** A UUIDv7 of this moment, greater than the last one; or of the given time, in milliseconds since 1970. */
export function newId(msecs?: number): string {
  if (drawn === random.length) {
    randomFillSync(random)
    drawn = 0
  }
  const bytes = random.subarray(drawn, drawn + 16)
  drawn += 16
  if (msecs !== undefined) return v7({ msecs, random: bytes })
  const now = Date.now()
  if (now > lastMs) {
    lastMs = now
    // Half of the range is left to count in.
    sequence =
      ((bytes[6] as number) << 23) | ((bytes[7] as number) << 16) | ((bytes[8] as number) << 8) | (bytes[9] as number)
  } else if (sequence === 0xffffffff) {
    lastMs += 1
    sequence = 0
  } else {
    sequence += 1
  }
  return v7({ msecs: lastMs, seq: sequence, random: bytes })
}

/** The time inside a UUIDv7, in milliseconds since 1970. */
export function timeOfId(id: string): number {
  return Number.parseInt(id.slice(0, 8) + id.slice(9, 13), 16)
}
