import { pageSample } from '../doctor/page-sample.js'
import type { Bench } from './knob.js'

/** Tenants whose vectors are searched for, vectors in all, and the fewest in a large table, where the exact order takes its time. */
const TENANTS = 3
const QUESTIONS = { max: 20, min: 5 }
/** Rows that are compared exactly for one measurement, about. */
const COMPARED = 2_000_000
const K = 10

/** How a search of the vectors store looks: by its accuracy, or by candidates of the index. */
export type SearchShape = { readonly accuracy: string } | { readonly ef_search: number }

interface Drawn {
  readonly tenant: string
  readonly scopes: string[]
  readonly ids: string[]
}

/** The tenants of a sample with the most rows, for it is they whose vectors are searched by the index. */
const DRAW = (dimensions: number, rows: number) => `
  with drawn as (
    select v.tenant_id, v.scope, v.vector_id from memory.vectors_${dimensions} v tablesample system (${pageSample(rows)})
    where v.expires_at > now() order by random() limit 1000
  ), tenants as (
    select d.tenant_id, count(*) as n from drawn d group by d.tenant_id order by count(*) desc, d.tenant_id limit ${TENANTS}
  ), ranked as (
    select d.*, row_number() over (order by random()) as place from drawn d join tenants t using (tenant_id)
  )
  select r.tenant_id as tenant, array_agg(r.scope) as scopes, array_agg(r.vector_id) as ids
  from ranked r where r.place <= $1::integer group by r.tenant_id`

/**
 * By the store's own function, on both sides. The vector itself, which a search surely finds, is no answer to its own question; what is as
 * near as the farthest of the exact answer is right.
 */
const MEASURE = (dimensions: number) => `
  with questions as materialized (
    select row_number() over (order by v.scope, v.vector_id)::int as ordinal, v.scope, v.vector_id,
      jsonb_build_object('dimensions', ${dimensions}, 'k', ${K + 1}, 'embedding', v.embedding::text) as search
    from memory.vectors_${dimensions} v
    join unnest($2::text[], $3::uuid[]) d(scope, vector_id) on v.scope = d.scope and v.vector_id = d.vector_id
    where v.tenant_id = $1::text
  ), answers as materialized (
    select a.shape, q.ordinal, f.value, f.place
    from (
      select w.shape, s.ordinal, s.vectors
      from (select '{"accuracy": "exact"}'::jsonb as shape union all select * from unnest($4::jsonb[])) w
      cross join lateral memory.search_vectors($1::text, (select jsonb_agg(q.search || w.shape order by q.ordinal) from questions q)) s
    ) a
    join questions q on q.ordinal = a.ordinal
    cross join lateral (
      select (x.value ->> 'similarity')::float8 as value, row_number() over (order by x.ordinality) as place
      from jsonb_array_elements(a.vectors) with ordinality x
      where x.value ->> 'scope' <> q.scope or (x.value ->> 'id')::uuid <> q.vector_id
    ) f
    where f.place <= ${K}
  ), exact as (
    select a.ordinal, min(a.value) as least, count(*) as n from answers a where a.shape = '{"accuracy": "exact"}' group by a.ordinal
  )
  select w.place::int as place, coalesce(sum(e.n), 0)::float8 as asked,
    coalesce(sum((select count(*) from answers a where a.shape = w.shape and a.ordinal = e.ordinal and a.value >= e.least - 1e-9)), 0)::float8 as found
  from unnest($4::jsonb[]) with ordinality w(shape, place) cross join exact e cross join pg_stat_force_next_flush()
  group by w.place`

/**
 * The recall at 10 of each shape of a search, against the exact order, over stored vectors of the tenants that have the most of that
 * dimension; undefined when there is none. The login acts as the roles of the store for it, and reads only.
 */
export async function storedRecall(
  bench: Bench,
  dimensions: number,
  rows: number,
  shapes: readonly SearchShape[],
): Promise<number[] | undefined> {
  const count = Math.max(QUESTIONS.min, Math.min(QUESTIONS.max, Math.floor(COMPARED / Math.max(1, rows))))
  const drawn = await bench.ask<Drawn>(DRAW(dimensions, rows), [count], { role: 'pgfleet_search' })
  const totals = shapes.map(() => ({ asked: 0, found: 0 }))
  for (const { tenant, scopes, ids } of drawn) {
    const values = [tenant, scopes, ids, shapes.map((shape) => JSON.stringify(shape))]
    const settings = { 'pgfleet.tenant': tenant, role: 'pgfleet_app' }
    for (const row of await bench.ask<{ place: number; asked: number; found: number }>(
      MEASURE(dimensions),
      values,
      settings,
    )) {
      const total = totals[row.place - 1]
      if (total === undefined) continue
      total.asked += row.asked
      total.found += row.found
    }
  }
  return totals.some(({ asked }) => asked === 0) ? undefined : totals.map(({ asked, found }) => found / asked)
}
