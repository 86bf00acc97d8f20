import { createHash } from 'node:crypto'
import type { Fleet } from '../../fleet.js'

/** Versions of each entity: one a year. */
export const VERSIONS = 10

/** Relationships for each entity, on the mean. */
const DEGREE = 10

/** The id of an entity by its number, as SQL's md5(n::text)::uuid makes it. */
export function entityId(n: number): string {
  const hex = createHash('md5').update(String(n)).digest('hex')
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`
}

const HEADS = `
  insert into memory.entities (tenant_id, entity_id, changed_at)
  select $1, md5(n::text)::uuid, '2025-01-01' from generate_series($2::integer, $3::integer) n
  on conflict do nothing`

/** A version a year from 2015 on, the first without a beginning, the last without an end, all recorded in 2024. */
const VERSIONS_OF = `
  insert into memory.entity_versions (tenant_id, entity_id, superseded_at, valid_from, valid_to, recorded_at, entity_type, entity_name, properties)
  select $1, md5(n::text)::uuid, 'infinity', case y when 0 then '-infinity' else make_timestamptz(2015 + y, 1, 1, 0, 0, 0, 'UTC') end,
    case y when ${VERSIONS - 1} then 'infinity' else make_timestamptz(2016 + y, 1, 1, 0, 0, 0, 'UTC') end, '2024-01-01',
    'service', 'entity ' || n, jsonb_build_object('year', 2015 + y, 'team', 'team ' || n % 100)
  from generate_series($2::integer, $3::integer) n cross join generate_series(0, ${VERSIONS - 1}) y
  on conflict do nothing`

/** What was believed of every second entity before, for all of the time. */
const SUPERSEDED = `
  insert into memory.entity_versions (tenant_id, entity_id, superseded_at, recorded_at, entity_type, entity_name, properties)
  select $1, md5(n::text)::uuid, '2024-01-01', '2023-01-01', 'service', 'entity ' || n, '{"year": 0}'
  from generate_series($2::integer, $3::integer) n
  where n % 2 = 0
  on conflict do nothing`

/** Both ends drawn by rank: rank r with a chance of 1 / r, by the inverse of the harmonic sum (exponent 1). */
const RELATIONSHIPS = `
  with drawn as (
    select distinct md5(floor(exp(random() * ln($3::integer + 1)))::integer - 1 || '')::uuid as subject_id,
      md5(((floor(exp(random() * ln($3::integer + 1)))::bigint * 7919) % $3::integer)::text)::uuid as object_id
    from generate_series(1, $2::integer)
  ),
  known as materialized (
    select d.*, memory.relationship_id(d.subject_id, 'calls', d.object_id) as relationship_id from drawn d
  ),
  head as (
    insert into memory.relationships (tenant_id, relationship_id, changed_at)
    select $1, k.relationship_id, '2024-01-01' from known k
    on conflict do nothing
    returning relationship_id
  )
  insert into memory.relationship_versions (tenant_id, relationship_id, recorded_at, subject_id, relationship_type, object_id)
  select $1, k.relationship_id, '2024-01-01', k.subject_id, 'calls', k.object_id
  from known k join head h on h.relationship_id = k.relationship_id`

/** Fills the graph by set-based statements, past the library, until it holds so many entities; leaves it alone when it does. */
export async function fillGraph(
  fleet: Fleet,
  tenant: string,
  entities: number,
  signal: AbortSignal,
  progress: (message: string) => void,
): Promise<void> {
  await fleet.database.lend(async (connection) => {
    const { rows } = await connection.query<{ held: boolean }>(
      'select count(*) >= $2::integer as held from memory.entities where tenant_id = $1',
      [tenant, entities],
    )
    if (rows[0]?.held) return
    for (let first = 0; first < entities; first += 10_000) {
      signal.throwIfAborted()
      progress(`${first} of ${entities} entities`)
      const last = Math.min(first + 10_000, entities) - 1
      for (const text of [HEADS, VERSIONS_OF, SUPERSEDED]) await connection.query(text, [tenant, first, last])
    }
    const wanted = entities * DEGREE
    for (let held = 0; held < wanted; ) {
      signal.throwIfAborted()
      progress(`${held} of ${wanted} relationships`)
      const { rowCount } = await connection.query(RELATIONSHIPS, [
        tenant,
        Math.min(100_000, (wanted - held) * 2),
        entities,
      ])
      held += rowCount ?? 0
    }
    progress('vacuuming')
    await connection.query(
      'vacuum (analyze) memory.entities, memory.entity_versions, memory.relationships, memory.relationship_versions',
    )
  })
}
