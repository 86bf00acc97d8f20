import { z } from 'zod'

/** A vector that stands for some content, as an embedding model makes it: 1 to 4000 finite components. */
export type Embedding = readonly number[] | Float32Array

/** Most dimensions of an embedding. Above 2000 a component is kept as a half-precision number (halfvec). */
export const DIMENSIONS_MAX = 4000
const FULL_PRECISION_MAX = 2000
/** The largest number of single, and of half precision. */
const SINGLE_MAX = 3.4028234663852886e38
const HALF_MAX = 65_504

/** Checked by hand: thousands of components a vector, and the first that is wrong is named. */
export const embedding = z.custom<Embedding>().superRefine((value, context) => {
  const problem = problemOf(value)
  if (problem !== undefined) context.addIssue({ code: 'custom', ...problem })
})

function problemOf(value: unknown): { message: string; path?: number[] } | undefined {
  if (!Array.isArray(value) && !(value instanceof Float32Array)) {
    return { message: 'an embedding is an array of numbers, or a Float32Array' }
  }
  if (value.length < 1 || value.length > DIMENSIONS_MAX) {
    return { message: `an embedding has 1 to ${DIMENSIONS_MAX} dimensions, not ${value.length}` }
  }
  const isHalf = value.length > FULL_PRECISION_MAX
  const most = isHalf ? HALF_MAX : SINGLE_MAX
  let squares = 0
  for (let i = 0; i < value.length; i++) {
    const component: unknown = value[i]
    if (typeof component !== 'number' || !Number.isFinite(component)) {
      return { message: 'a component is a finite number', path: [i] }
    }
    if (Math.abs(component) > most) return { message: `a component is at most ${most} in size`, path: [i] }
    squares += component * component
  }
  // Outside of these the distance would be computed from what single or half precision cannot hold. A vector of length 0
  // has no direction, so nothing is near to it.
  const [shortest, longest] = isHalf ? [0.01, 1e6] : [1e-14, 1e14]
  const length = Math.sqrt(squares)
  if (length < shortest || length > longest) {
    return { message: `the length of an embedding is ${shortest} to ${longest}; a vector of length 0 has no direction` }
  }
  return undefined
}

/** Bytes of a component in PostgreSQL's binary format: its length, and the number. */
export const COMPONENT_BYTES = 8

/**
 * The components as the elements of a `real[]` in PostgreSQL's binary format (array_send): each its length, 4, and the number,
 * big-endian. A fiftieth of the time that writing and reading them as text takes.
 */
export function encodeComponents(value: Embedding): Buffer {
  const bytes = Buffer.allocUnsafe(value.length * COMPONENT_BYTES)
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  for (let i = 0; i < value.length; i++) {
    view.setInt32(i * COMPONENT_BYTES, 4)
    view.setFloat32(i * COMPONENT_BYTES + 4, value[i] as number)
  }
  return bytes
}

/** The head of a `real[]` in binary format, of elements of so many bytes: one dimension from 1, no nulls. */
export function componentsHead(bytes: number): Buffer {
  const REAL_OID = 700
  const head = Buffer.alloc(20)
  for (const [i, value] of [1, 0, REAL_OID, bytes / COMPONENT_BYTES, 1].entries()) head.writeInt32BE(value, i * 4)
  return head
}

/**
 * The embedding of a search, scaled to whole numbers of up to seven digits, half-precision ones of five: a cosine does not change
 * with the length, and they are written and read in half the time. What is lost is below 1e-6 of the similarity.
 */
export function encodeDirection(value: Embedding): string {
  let most = 0
  for (let i = 0; i < value.length; i++) most = Math.max(most, Math.abs(value[i] as number))
  const scale = (value.length > FULL_PRECISION_MAX ? 6e4 : 1e7) / most
  const whole = new Int32Array(value.length)
  for (let i = 0; i < whole.length; i++) whole[i] = Math.round((value[i] as number) * scale)
  return `[${whole.join()}]`
}

/** What pgvector prints is JSON. */
export function decodeEmbedding(text: string): number[] {
  return JSON.parse(text) as number[]
}
