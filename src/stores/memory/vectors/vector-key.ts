import { z } from 'zod'
import { text } from '../../../input.js'
import { DIMENSIONS_MAX } from './embedding.js'

/** The scope of vectors that name none. */
export const DEFAULT_SCOPE = 'default'

/** A named collection of vectors, 1 to 200 characters. It is there as soon as a vector is in it. */
export const scope = text(1, 200)
export const dimensions = z.int().min(1).max(DIMENSIONS_MAX)

/** Which vector is meant. */
export interface VectorKey {
  /** A UUID. */
  readonly id: string
  /** @default 'default' */
  readonly scope?: string
  /** Needed only where one scope holds vectors of several dimensions under one id. @default whatever has the id */
  readonly dimensions?: number
}

export const vectorKey = z.strictObject({
  id: z.uuid(),
  scope: scope.default(DEFAULT_SCOPE),
  dimensions: dimensions.optional(),
})

/** A date, as a moment that PostgreSQL can hold: of the years 1 to 9999. */
export const moment = z
  .date()
  .refine((date) => date.getTime() >= -62_135_596_800_000 && date.getTime() <= 253_402_300_799_999, 'is out of range')
