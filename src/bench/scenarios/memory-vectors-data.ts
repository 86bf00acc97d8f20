import { uniformFloat64 } from 'pure-rand/distribution/uniformFloat64'
import { xorshift128plus } from 'pure-rand/generator/xorshift128plus'
import { v5 as uuidv5 } from 'uuid'
import type { Tenant } from '../../fleet.js'

/**
 * What the vectors are: points of 64 latent dimensions whose spread falls from one to the next as n to the power -0.75, as the
 * principal components of embedding models do. There is a cluster for each 100 vectors (at least 50); around its centre a vector
 * lies as far as the centres lie around the middle, so clusters overlap and the index has to choose among many that are nearly as
 * near. A fixed random map takes the latent dimensions into those of the embedding, noise of a tenth of the length is added,
 * and the length is made 1. Queries are further vectors of the same clusters.
 */
export const GENERATOR =
  'overlapping clusters in 64 latent dimensions of falling spread, one for each 100 vectors, mapped at random into those of the embedding, plus noise of a tenth; queries are further vectors of the same clusters'

const LATENT = 64
/** How fast the spread falls from one latent dimension to the next: the slower, the harder to search. */
const FALL = 0.75
/** The spread inside a cluster, that of the centres being 1. */
const SPREAD = 1
const NOISE = 0.1

/** Makes the vectors of one size: the same for the same number. */
export function vectorGenerator(dimensions: number, rows: number): (n: number) => Float32Array {
  const clusters = Math.max(50, Math.round(rows / 100))
  const map = Float64Array.from({ length: LATENT * dimensions }, normals(1))
  const spreads = Float64Array.from({ length: LATENT }, (_, i) => (i + 1) ** -FALL)
  const centre = (cluster: number) => Float64Array.from({ length: LATENT }, normals(1_000_000 + cluster))
  return (n) => {
    const normal = normals(2_000_000 + n)
    const latent = centre((Math.imul(n, 2_654_435_761) >>> 0) % clusters).map(
      (value, i) => (spreads[i] as number) * (value + SPREAD * normal()),
    )
    const vector = new Float32Array(dimensions)
    for (let i = 0; i < dimensions; i++) {
      let sum = 0
      for (let j = 0; j < LATENT; j++) sum += (latent[j] as number) * (map[i * LATENT + j] as number)
      vector[i] = sum
    }
    const noise = (NOISE * length(vector)) / Math.sqrt(dimensions)
    for (let i = 0; i < dimensions; i++) vector[i] = (vector[i] as number) + noise * normal()
    const size = length(vector)
    // Six digits: more than neighbours differ by, and what is sent is half as long.
    return vector.map((value) => Math.round((value / size) * 1e6) / 1e6)
  }
}

function length(vector: Float32Array): number {
  let sum = 0
  for (const value of vector) sum += value * value
  return Math.sqrt(sum)
}

/** Normally distributed numbers, always the same for the same seed (Box & Muller). */
function normals(seed: number): () => number {
  const random = xorshift128plus(Math.imul(seed + 1, 0x9e3779b1))
  let spare: number | undefined
  return () => {
    if (spare !== undefined) {
      const value = spare
      spare = undefined
      return value
    }
    const radius = Math.sqrt(-2 * Math.log(1 - uniformFloat64(random)))
    const angle = 2 * Math.PI * uniformFloat64(random)
    spare = radius * Math.sin(angle)
    return radius * Math.cos(angle)
  }
}

const NAMESPACE = '6f0f6a2e-5d0c-4a37-9c4b-0b9a6c1b7e11'

/** The id of a vector: the same for the same number. */
export function vectorId(n: number): string {
  return uuidv5(String(n), NAMESPACE)
}

/** Keeps `rows` vectors from number `from` on; a sixteenth of them each says `part` 0 to 15 in their metadata. */
export async function fillVectors(
  tenant: Tenant,
  make: (n: number) => Float32Array,
  rows: number,
  signal: AbortSignal,
  from = 0,
): Promise<void> {
  for (let first = from; first < from + rows; first += 250) {
    signal.throwIfAborted()
    await tenant.memory.vectors.upsert(
      Array.from({ length: Math.min(250, from + rows - first) }, (_, i) => ({
        id: vectorId(first + i),
        embedding: make(first + i),
        metadata: { part: (first + i) % 16 },
      })),
      { durability: 'async', signal },
    )
  }
}

/** Subjects of the texts, documents of each. */
export const SUBJECTS = 500
export const DOCUMENTS_PER_SUBJECT = 10

/** Dimensions of a document's embedding that its subject is in. */
const TOPICAL = 32

/** A made-up word, the same for the same number. */
const wordOf = (n: number) => {
  const letters = 'bcdfghjklmnprstvz'
  const vowels = 'aeiou'
  let rest = n + 1
  let word = ''
  for (let i = 0; i < 3; i++) {
    word += letters[rest % 17]
    rest = Math.floor(rest / 17)
    word += vowels[(rest + n) % 5]
    rest = Math.floor(rest / 5) + n * 7
  }
  return `${word}x`
}

/** The words of a subject: six, each shared with some five other subjects. */
const wordsOf = (subject: number) => Array.from({ length: 6 }, (_, i) => wordOf((subject * 31 + i * 97) % 600))

/** A document, or with `isQuery` a question, about a subject: an embedding that is often, and words that are partly, right. */
export function documentAbout(
  subject: number,
  n: number,
  dimensions: number,
  isQuery = false,
): { embedding: Float32Array; content: string } {
  const own = normals(5_000_000 + n + (isQuery ? 500_000 : 0))
  const centre = normals(4_000_000 + subject)
  const embedding = new Float32Array(dimensions)
  for (let i = 0; i < dimensions; i++) embedding[i] = i < TOPICAL ? centre() + 1.1 * own() : 0.05 * own()
  const pick = (below: number) => Math.floor(Math.abs(own()) * 1e6) % below
  const words = wordsOf(subject)
  const chosen = Array.from({ length: isQuery ? 2 : 3 }, () => words[pick(words.length)])
  const other = Array.from({ length: isQuery ? 0 : 8 }, () => wordOf(pick(600)))
  return { embedding, content: [...chosen, ...other].join(' ') }
}
