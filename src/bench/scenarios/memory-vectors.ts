import type { Fleet, Tenant } from '../../fleet.js'
import { encodeDirection } from '../../stores/memory/vectors/embedding.js'
import { type Contestant, loadContestant } from '../contestant.js'
import { pgbenchContestant } from '../pgbench.js'
import type { Scenario } from '../scenario.js'
import type { Target } from '../target.js'
import { fillVectors, GENERATOR, vectorGenerator } from './memory-vectors-data.js'
import { rivalUrl } from './rival.js'
import type { BenchSubject } from './subject.js'

const TENANT = 'bench-vectors'
const DIMENSIONS = 768
const K = 10
const QUERIES = 100
const SOURCE = 'the memory store, speed'

interface State {
  readonly fleet: Fleet
  readonly tenant: Tenant
  readonly make: (n: number) => Float32Array
  readonly queries: readonly Float32Array[]
  /** The ids of each query's nearest vectors. */
  readonly truth: readonly ReadonlySet<string>[]
  readonly rows: number
  readonly efSearch: number
  readonly build: { readonly buildSeconds: number; readonly indexMb: number; readonly tableMb: number }
}

/** One of sixteen queries, by the number of its variable. */
const oneOf = (query: (variable: string) => string) => `\\set q random(0, 15)
${Array.from({ length: 16 }, (_, i) => `\\${i === 0 ? 'if' : 'elif'} :q = ${i}\n${query(`q${i}`)}`).join('\n')}
\\endif
`

/** The statement that the library sends, with one search. */
const SEARCH = oneOf(
  (variable) => `select ordinal, vectors from memory.search_vectors('${TENANT}', :${variable}::jsonb);`,
)

/** The index scan inside it: without the function, and without entering the tenant. */
const BARE_SEARCH = oneOf(
  (
    variable,
  ) => `select v.vector_id, v.scope, v.metadata, v.content, v.event_time, v.expires_at, v.created_at, v.updated_at,
  1 - (v.embedding <=> :${variable}::vector) as similarity
from memory.vectors_${DIMENSIONS} v
where v.tenant_id = '${TENANT}' and v.expires_at > statement_timestamp()
order by v.embedding <=> :${variable}::vector
limit ${K};`,
)

/** Sixteen values for the variables of `oneOf`. */
const variables = (queries: readonly Float32Array[], encode: (query: Float32Array) => string) =>
  Object.fromEntries(queries.slice(0, 16).map((query, i) => [`q${i}`, encode(query)]))

const target = (
  id: string,
  what: string,
  op: Target['op'],
  value: number,
  metric: Target['metric'],
  unit?: string,
): Target => ({ id, what, source: SOURCE, metric, op, value, ...(unit === undefined ? {} : { unit }) })

/** A scenario of one size; those of two sizes are run, to see how search grows. */
function vectorScenario(
  name: string,
  rows: number,
  speedUp: number,
  insertRate?: number,
): Scenario<BenchSubject, State> {
  return {
    name,
    title: `Vector search, ${DIMENSIONS} dimensions, ${rows.toLocaleString('en')} rows`,
    description:
      `The ${K} nearest of ${rows.toLocaleString('en')} generated vectors (${GENERATOR}), one tenant, HNSW index as set for the dimension, recall over ` +
      `${QUERIES} queries against the exact comparison. pgbench sends the library’s statement with one search; bare, the index scan inside it to the same table under the same policies.`,
    options: { rows, durationMs: 4000, warmUpMs: 1000, rounds: 3 },
    targets: [
      target(
        'recall',
        'recall at 10, accuracy balanced',
        '>=',
        0.98,
        { kind: 'median', of: 'figure.recall', contestant: 'search, 1 caller' },
        '',
      ),
      target('p95', 'search, p95, one caller', '<=', 5, { kind: 'median', of: 'p95', contestant: 'search, 1 caller' }),
      target('throughput', 'searches of 18 callers, against pgbench with 18 clients', '>=', 0.95, {
        kind: 'ratio',
        of: 'throughput',
        contestant: 'search, 18 callers',
        to: 'pgbench search, 18 clients',
      }),
      target('speed-up', 'searches, against the exact comparison', '>=', speedUp, {
        kind: 'ratio',
        of: 'throughput',
        contestant: 'search, 1 caller',
        to: 'exact search, 1 caller',
      }),
      ...(insertRate === undefined
        ? []
        : [
            target('insert-rate', 'inserts a second into the indexed table', '>=', insertRate, {
              kind: 'median',
              of: 'throughput',
              contestant: 'insert, 18 callers',
            }),
          ]),
    ],

    async setUp({ subject, options, signal, progress }) {
      const fleet = await subject.open()
      await fleet.tenants.create({ id: TENANT }, { ifNotExists: true })
      const tenant = fleet.tenant(TENANT)
      const { vectors } = tenant.memory
      const make = vectorGenerator(DIMENSIONS, options.rows)
      await vectors.deleteScope('inserted')
      const held = (await vectors.stats({ scope: 'default' }))[0]?.vectors ?? 0
      let buildSeconds = 0
      if (held !== options.rows) {
        progress(`keeping ${options.rows} vectors`)
        // One build at the end costs a third of as many inserts into the index.
        await fleet.database.lend(async (connection) => {
          await connection.query(`drop index if exists memory.vectors_${DIMENSIONS}_embedding`)
        })
        if (held > 0) await vectors.deleteScope('default')
        await fillVectors(tenant, make, options.rows, signal)
        await fleet.database.lend((connection) => connection.query(`vacuum (analyze) memory.vectors_${DIMENSIONS}`))
        progress('building the index')
        const startedAt = performance.now()
        await fleet.vectorDimensions.rebuild(DIMENSIONS)
        buildSeconds = (performance.now() - startedAt) / 1000
      }
      await fleet.database.lend((connection) => connection.query(`vacuum (analyze) memory.vectors_${DIMENSIONS}`))
      progress('comparing exactly')
      const queries = Array.from({ length: QUERIES }, (_, i) => make(options.rows + i))
      const truth: Set<string>[] = []
      for (const embedding of queries) {
        signal.throwIfAborted()
        const exact = await vectors.search(embedding, { k: K, accuracy: 'exact' })
        truth.push(new Set(exact.map(({ id }) => id)))
      }
      const found = (await fleet.vectorDimensions.list()).find(({ dimensions }) => dimensions === DIMENSIONS)
      return {
        fleet,
        tenant,
        make,
        queries,
        truth,
        rows: options.rows,
        efSearch: found?.efSearch.balanced ?? 100,
        build: { buildSeconds, indexMb: (found?.indexBytes ?? 0) / 1e6, tableMb: (found?.tableBytes ?? 0) / 1e6 },
      }
    },

    contestants({ subject }, state) {
      const { tenant, queries, make, rows, build } = state
      const { vectors } = tenant.memory
      const some = () => queries[Math.floor(Math.random() * QUERIES)] as Float32Array
      const search = (contestant: string, callers: number, accuracy: 'fast' | 'balanced' | 'exact', rival?: string) =>
        loadContestant({
          name: contestant,
          callers,
          ...(rival === undefined ? {} : { rival }),
          operation: (_, signal) => vectors.search(some(), { k: K, accuracy, signal }),
          figures: async () => ({
            ...(callers === 1 ? { recall: await recallOf(state, accuracy) } : {}),
            ...(contestant === 'search, 1 caller' ? build : {}),
          }),
        })
      // Made beforehand: making them costs about as much as keeping them.
      const fresh = Array.from({ length: 4000 }, (_, i) => make(rows + 1000 + i))
      let inserted = 0
      const insert = loadContestant({
        name: 'insert, 18 callers',
        callers: 18,
        operation: (_, signal) =>
          vectors.upsert(
            { scope: 'inserted', embedding: fresh[inserted++ % fresh.length] as Float32Array },
            { signal },
          ),
        async figures() {
          // Gone before others search: they are nearer to some queries than what was there.
          await vectors.deleteScope('inserted')
          await state.fleet.database.lend((connection) => connection.query(`vacuum memory.vectors_${DIMENSIONS}`))
          return {}
        },
      })
      const contestants: Contestant[] = [
        search('search, 1 caller', 1, 'balanced', 'exact search, 1 caller'),
        search('exact search, 1 caller', 1, 'exact'),
        search('fast search, 1 caller', 1, 'fast'),
        search('search, 18 callers', 18, 'balanced', 'pgbench search, 18 clients'),
        pgbenchContestant({
          name: 'pgbench search, 18 clients',
          callers: 18,
          url: subject.url,
          script: SEARCH,
          variables: variables(queries, (query) =>
            JSON.stringify([{ embedding: encodeDirection(query), dimensions: DIMENSIONS, k: K, accuracy: 'balanced' }]),
          ),
        }),
        pgbenchContestant({
          name: 'pgbench bare search, 18 clients',
          callers: 18,
          url: rivalUrl(subject.url, TENANT, {
            search_path: 'extensions,public',
            'hnsw.ef_search': state.efSearch,
            'hnsw.iterative_scan': 'relaxed_order',
          }),
          script: BARE_SEARCH,
          variables: variables(queries, (query) => `[${query.join()}]`),
        }),
        insert,
      ]
      return contestants
    },

    async tearDown(_, state) {
      await state?.fleet.close()
    },
  }
}

/** The share of the nearest vectors that a search finds, mean over the queries. */
async function recallOf({ tenant, queries, truth }: State, accuracy: 'fast' | 'balanced' | 'exact'): Promise<number> {
  const found = await tenant.memory.vectors.searchMany(queries.map((embedding) => ({ embedding, k: K, accuracy })))
  const hits = found.map((list, i) => list.filter(({ id }) => truth[i]?.has(id)).length)
  return hits.reduce((sum, count) => sum + count, 0) / (K * queries.length)
}

export const memoryVectors = vectorScenario('memory-vectors', 100_000, 50)
export const memoryVectorsSmall = vectorScenario('memory-vectors-small', 10_000, 8.5, 800)
