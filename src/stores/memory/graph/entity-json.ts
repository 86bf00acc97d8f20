import type { Entity, EntityJson } from './entities.js'
import { type Instant, ofJson } from './instant.js'

export function entityOfJson(json: EntityJson): Entity {
  return {
    ...json,
    validFrom: ofJson(json.validFrom),
    validTo: ofJson(json.validTo),
    recordedAt: ofJson(json.recordedAt) as Instant,
    supersededAt: ofJson(json.supersededAt),
  }
}
