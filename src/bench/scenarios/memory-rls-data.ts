import { statement } from '../../database/statement.js'
import type { Fleet } from '../../fleet.js'

const FILLS = [
  `insert into memory.key_values (tenant_id, key, version, created_at, updated_at, expires_at, value)
  select current_setting('pgfleet.tenant'), 'key/' || n, 1, now(), now(), 'infinity', jsonb_build_object('user', 'user-' || n % 1000, 'tags', '["a", "b"]'::jsonb)
  from generate_series($1::integer, $2::integer) n
  on conflict (tenant_id, key) do nothing`,
  `insert into memory.agent_states (tenant_id, agent_id, version, created_at, updated_at, checksum, state)
  select current_setting('pgfleet.tenant'), 'agent-' || n, 1, now(), now(), sha256(n::text::bytea), jsonb_build_object('task', n)
  from generate_series($1::integer, $2::integer) n
  on conflict (tenant_id, agent_id) do nothing`,
  `insert into learning.q_values (tenant_id, state_hash, agent_type, action_hash, q, visits, td_error, learning_rate, created_at, updated_at,
    expires_at, state, action)
  select current_setting('pgfleet.tenant'), ('00000000-0000-8000-8000-' || lpad(to_hex(n), 12, '0'))::uuid, 'test-generator',
    ('00000000-0000-8000-8000-' || lpad(to_hex(a), 12, '0'))::uuid, random(), 1, 0, 0.1, now(), now(),
    date_trunc('day', now(), 'UTC') + interval '31 days', to_jsonb(n), to_jsonb(a)
  from generate_series($1::integer, $2::integer) n
  cross join generate_series(1, 4) a
  on conflict (tenant_id, state_hash, agent_type, action_hash) do nothing`,
].map((text, place) => statement<unknown>(`bench.fill_rls_${place}`, text))

/** So many keys, agents and states with four actions each, by numbers. */
export async function fillRlsRows(fleet: Fleet, tenant: string, rows: number, signal: AbortSignal): Promise<void> {
  for (let first = 0; first < rows; first += 20_000) {
    signal.throwIfAborted()
    for (const fill of FILLS)
      await fleet.database.runAs(tenant, fill, [first, Math.min(first + 20_000, rows) - 1], { durability: 'async' })
  }
  await fleet.database.lend((connection) =>
    connection.query('vacuum (analyze) memory.key_values, memory.agent_states, learning.q_values'),
  )
}
