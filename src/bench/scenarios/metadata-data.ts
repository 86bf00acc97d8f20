import { statement } from '../../database/statement.js'
import type { Fleet, Tenant } from '../../fleet.js'

/** Keys of each entity. */
export const KEYS = 100
/** Keys that the hottest contestants write, all of the first entities. */
export const HOT_KEYS = 500

const FILL = statement<unknown>(
  'bench.fill_entries',
  `insert into metadata.entries (tenant_id, entity_id, key, version, created_at, updated_at, integer_value)
  select e.tenant_id, e.entity_id, 'key-' || k, 1, now(), now(), 0
  from metadata.entities e
  cross join generate_series(0, $1::integer - 1) k
  where e.tenant_id = current_setting('pgfleet.tenant')
  on conflict (tenant_id, entity_id, key) do nothing`,
)

/** The n-th of all keys; the name of its entity goes by `prefix`. */
export function keyOf(prefix: string, n: number): { entity: string; key: string } {
  return { entity: `${prefix}-${Math.floor(n / KEYS)}`, key: `key-${n % KEYS}` }
}

/** So many integers, a hundred an entity, all in one sync group. */
export async function fillEntries(
  fleet: Fleet,
  tenant: Tenant,
  prefix: string,
  rows: number,
  syncGroup: string,
): Promise<void> {
  const entities = Math.ceil(rows / KEYS)
  const { metadata } = tenant
  if ((await metadata.entities.get(`${prefix}-${entities - 1}`)) === undefined) {
    for (let first = 0; first < entities; first += 500) {
      const names = Array.from({ length: Math.min(500, entities - first) }, (_, n) => `${prefix}-${first + n}`)
      await metadata.entities.create(names.map((name) => ({ name, syncGroup })))
    }
  }
  await fleet.database.runAs(tenant.id, FILL, [KEYS], { durability: 'async' })
}
