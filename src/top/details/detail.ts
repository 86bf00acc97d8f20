import type { Field, Target } from '../panel.js'
import type { Reader } from '../reader.js'

/** What a row leads to, as it is shown: fields, then sections of lines. */
export interface Detail {
  readonly title: string
  readonly fields: readonly Field[]
  readonly sections: readonly Section[]
}

/** A heading with its lines. */
export interface Section {
  readonly title: string
  readonly lines: readonly string[]
  /** Lines that are too long go on in the next one; else they are cut off. */
  readonly wraps: boolean
}

/** Reads what a row of a kind leads to. */
export type ReadDetail<Kind extends Target['kind']> = (
  reader: Reader,
  target: Extract<Target, { kind: Kind }>,
  width: number,
) => Promise<Detail>
