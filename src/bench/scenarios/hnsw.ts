import { writeFile } from 'node:fs/promises'
import type { Fleet, Tenant } from '../../fleet.js'
import { type Contestant, loadContestant } from '../contestant.js'
import { paretoFront, type Tradeoff } from '../pareto-front.js'
import { drawRecall } from '../recall-chart.js'
import type { Scenario } from '../scenario.js'
import {
  DOCUMENTS_PER_SUBJECT,
  documentAbout,
  fillVectors,
  GENERATOR,
  SUBJECTS,
  vectorGenerator,
} from './memory-vectors-data.js'
import type { BenchSubject } from './subject.js'

const TENANT = 'bench-hnsw'
/** A dimension of its own, so that the sweep builds no index that others use. */
const DIMENSIONS = 769
const TEXT_DIMENSIONS = 384
const K = 10
const QUERIES = 100
const BUILDS = [
  { m: 8, efConstruction: 64 },
  { m: 10, efConstruction: 64 },
  { m: 16, efConstruction: 64 },
  { m: 16, efConstruction: 128 },
  { m: 24, efConstruction: 200 },
] as const
const EF_SEARCH = [10, 20, 40, 100, 200] as const
const WEIGHTS = [0, 0.25, 0.5, 0.75, 1] as const
const CUTS = [5, 10, 20] as const
const HYBRID_QUERIES = 100

/** A measured setting of the index. */
interface HnswPoint extends Tradeoff {
  readonly m: number
  readonly efConstruction: number
  readonly efSearch: number
}

interface State {
  readonly fleet: Fleet
  readonly tenant: Tenant
  readonly queries: readonly Float32Array[]
  readonly truth: readonly ReadonlySet<string>[]
  readonly points: HnswPoint[]
  built: string
  builtIn: number
}

/** Settings of the index against recall and latency; weights of the hybrid fusion against what is found. */
export const hnsw: Scenario<BenchSubject, State> = {
  name: 'hnsw',
  title: 'HNSW: m, ef_construction and ef_search; weights of the hybrid fusion',
  description:
    `${BUILDS.length} indexes over generated vectors of ${DIMENSIONS} dimensions (${GENERATOR}), each searched at ${EF_SEARCH.length} ef_search by one caller; ` +
    'the points are drawn in hnsw.svg of the current directory, with the Pareto front. Then ' +
    `${SUBJECTS * DOCUMENTS_PER_SUBJECT} documents of ${SUBJECTS} subjects, whose embedding is often and whose words are partly right, searched with five weights of the text: ` +
    'the share of a subject’s ten documents among the first k.',
  options: { rows: 10_000, durationMs: 1000, warmUpMs: 200, rounds: 1 },
  targets: [],

  async setUp({ subject, options, signal, progress }) {
    const fleet = await subject.open()
    await fleet.tenants.create({ id: TENANT }, { ifNotExists: true })
    await fleet.vectorDimensions.add(DIMENSIONS)
    const tenant = fleet.tenant(TENANT)
    const { vectors } = tenant.memory
    const make = vectorGenerator(DIMENSIONS, options.rows)
    if (((await vectors.stats({ scope: 'default' }))[0]?.vectors ?? 0) !== options.rows) {
      progress(`keeping ${options.rows} vectors`)
      await vectors.deleteScope('default')
      await fleet.database.lend((connection) =>
        connection.query(`drop index if exists memory.vectors_${DIMENSIONS}_embedding`),
      )
      await fillVectors(tenant, make, options.rows, signal)
    }
    progress('keeping documents')
    await vectors.deleteScope('hybrid')
    for (let subject = 0; subject < SUBJECTS; subject += 25) {
      signal.throwIfAborted()
      await vectors.upsert(
        Array.from({ length: 25 * DOCUMENTS_PER_SUBJECT }, (_, i) => {
          const about = subject + Math.floor(i / DOCUMENTS_PER_SUBJECT)
          const document = documentAbout(about, subject * DOCUMENTS_PER_SUBJECT + i, TEXT_DIMENSIONS)
          return { scope: 'hybrid', metadata: { subject: about }, ...document }
        }),
        { durability: 'async' },
      )
    }
    await fleet.database.lend((connection) =>
      connection.query(`vacuum (analyze) memory.vectors_${DIMENSIONS}, memory.vectors_${TEXT_DIMENSIONS}`),
    )
    progress('comparing exactly')
    const queries = Array.from({ length: QUERIES }, (_, i) => make(options.rows + i))
    const truth: Set<string>[] = []
    for (const embedding of queries) {
      truth.push(new Set((await vectors.search(embedding, { k: K, accuracy: 'exact' })).map(({ id }) => id)))
    }
    return { fleet, tenant, queries, truth, points: [], built: '', builtIn: 0 }
  },

  contestants({ signal }, state) {
    const { tenant, queries } = state
    const { vectors } = tenant.memory
    const sweep: Contestant[] = BUILDS.flatMap(({ m, efConstruction }) =>
      EF_SEARCH.map((efSearch): Contestant => {
        const contestant = loadContestant({
          name: `m ${m}, ef_construction ${efConstruction}, ef_search ${efSearch}`,
          callers: 1,
          operation: (_, signal) =>
            vectors.search(queries[Math.floor(Math.random() * QUERIES)] as Float32Array, { k: K, efSearch, signal }),
          async before() {
            if (state.built === `${m} ${efConstruction}`) return
            const startedAt = performance.now()
            await state.fleet.vectorDimensions.rebuild(DIMENSIONS, { m, efConstruction })
            state.built = `${m} ${efConstruction}`
            state.builtIn = (performance.now() - startedAt) / 1000
          },
        })
        return {
          ...contestant,
          async run(context) {
            const outcome = await contestant.run(context)
            if (!('sample' in outcome)) return outcome
            const recall = await recallOf(state, efSearch)
            state.points.push({ m, efConstruction, efSearch, recall, p50: outcome.sample.p50 ?? 0 })
            const size = (await state.fleet.vectorDimensions.list()).find(({ dimensions }) => dimensions === DIMENSIONS)
            const figures = { recall, buildSeconds: state.builtIn, indexMb: (size?.indexBytes ?? 0) / 1e6 }
            return { sample: { ...outcome.sample, figures } }
          },
        }
      }),
    )
    const weights = WEIGHTS.map((text) => {
      const search = (subject: number, k: number) => {
        const { embedding, content } = documentAbout(subject, subject, TEXT_DIMENSIONS, true)
        return {
          embedding,
          text: content,
          match: 'any' as const,
          scope: 'hybrid',
          k,
          weights: { text, vector: 1 - text },
        }
      }
      return loadContestant({
        name: `hybrid, weight of the text ${text}`,
        callers: 1,
        operation: (_, signal) => vectors.searchHybrid(search(Math.floor(Math.random() * SUBJECTS), K), { signal }),
        async figures() {
          const found = await vectors.searchHybrid(
            Array.from({ length: HYBRID_QUERIES }, (_, i) => search(i * 5, Math.max(...CUTS))),
            { signal },
          )
          return Object.fromEntries(
            CUTS.map((k) => {
              const right = found.map(
                (list, i) => list.slice(0, k).filter(({ metadata }) => metadata.subject === i * 5).length,
              )
              const share =
                right.reduce((sum, one) => sum + one, 0) / HYBRID_QUERIES / Math.min(k, DOCUMENTS_PER_SUBJECT)
              return [`foundAt${k}`, share]
            }),
          )
        },
      })
    })
    return [...sweep, ...weights]
  },

  tables(state) {
    return [
      {
        title: 'Pareto front: no other setting is both quicker and finds as much',
        head: ['m', 'ef_construction', 'ef_search', 'recall at 10', 'p50 ms'],
        rows: paretoFront(state.points).map((one) => [
          String(one.m),
          String(one.efConstruction),
          String(one.efSearch),
          one.recall.toFixed(4),
          one.p50.toFixed(2),
        ]),
      },
    ]
  },

  async tearDown({ options, progress }, state) {
    if (state !== undefined && state.points.length > 0) {
      const title = `HNSW, ${options.rows.toLocaleString('en')} vectors of ${DIMENSIONS} dimensions`
      const points = state.points.map(({ m, efConstruction, efSearch, recall, p50 }) => ({
        index: `m ${m}, ef_construction ${efConstruction}`,
        search: `ef_search ${efSearch}`,
        recall,
        p50,
      }))
      await writeFile('hnsw.svg', drawRecall(title, points, K))
      progress('drawn in hnsw.svg')
    }
    await state?.fleet.close()
  },
}

async function recallOf({ tenant, queries, truth }: State, efSearch: number): Promise<number> {
  const found = await tenant.memory.vectors.searchMany(queries.map((embedding) => ({ embedding, k: K, efSearch })))
  const hits = found.map((list, i) => list.filter(({ id }) => truth[i]?.has(id)).length)
  return hits.reduce((sum, one) => sum + one, 0) / (K * queries.length)
}
