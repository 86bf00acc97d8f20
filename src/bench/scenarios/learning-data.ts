import { statement } from '../../database/statement.js'
import type { Fleet, Tenant } from '../../fleet.js'

/** The agent types that a tenant starts with: one caller each is "18 callers". */
export const AGENT_TYPES = [
  'api-contract-validator',
  'chaos-engineer',
  'code-complexity',
  'coverage-analyzer',
  'deployment-readiness',
  'flaky-test-hunter',
  'fleet-commander',
  'performance-tester',
  'production-intelligence',
  'quality-analyzer',
  'quality-gate',
  'regression-risk-analyzer',
  'requirements-validator',
  'security-scanner',
  'test-data-architect',
  'test-executor',
  'test-generator',
  'visual-tester',
] as const

/** Actions that each state has values of. */
export const ACTIONS = 8

/** A state of the benchmark: what a test-choosing agent might see. */
export function benchState(n: number): { module: string; complexity: number; coverage: number } {
  return { module: `module-${n % 50}`, complexity: n, coverage: n % 100 }
}

/** An agent type for a caller. */
export function typeOf(caller: number): string {
  return AGENT_TYPES[caller % AGENT_TYPES.length] as string
}

/** A whole number in [0, below). Unseeded: what is looked up does not matter, as long as it is spread. */
export function any(below: number): number {
  return Math.floor(Math.random() * below)
}

/** Learns values until the tenant has `states` states of each agent type, 8 actions each. Returns how many there are. */
export async function fillValues(tenant: Tenant, states: number, signal: AbortSignal): Promise<number> {
  for (const agentType of AGENT_TYPES) {
    for (let first = 0; first < states; first += 200) {
      signal.throwIfAborted()
      const numbers = Array.from({ length: Math.min(200, states - first) }, (_, i) => first + i)
      await tenant.learning.learn(
        numbers.flatMap((n) =>
          Array.from({ length: ACTIONS }, (_, action) => ({
            agentType,
            state: benchState(n),
            action: `action-${action}`,
            reward: Math.random(),
          })),
        ),
        { durability: 'async', signal },
      )
    }
  }
  return AGENT_TYPES.length * states * ACTIONS
}

/** The rival's values lie in the same table, under another tenant, by keys that a pgbench script can make. */
const FILL_RIVAL = statement<unknown>(
  'bench.fill_rival',
  `insert into learning.q_values (tenant_id, state_hash, agent_type, action_hash, q, visits, td_error, learning_rate,
    created_at, updated_at, expires_at, state, action)
  select current_setting('pgfleet.tenant'), md5(s.n::text)::uuid, t.agent_type, md5('action-' || a.n)::uuid, random(), 1, 0, 0.1,
    now(), now(), date_trunc('day', now(), 'UTC') + interval '31 days',
    jsonb_build_object('module', 'module-' || s.n % 50, 'complexity', s.n, 'coverage', s.n % 100), to_jsonb('action-' || a.n)
  from unnest($3::text[]) t(agent_type)
  cross join generate_series(0, $1::integer - 1) s(n)
  cross join generate_series(0, $2::integer - 1) a(n)
  on conflict (tenant_id, state_hash, agent_type, action_hash) do nothing`,
)

export async function fillRival(fleet: Fleet, tenant: string, states: number): Promise<void> {
  await fleet.database.runAs(tenant, FILL_RIVAL, [states, ACTIONS, AGENT_TYPES])
}

const ONSETS =
  'b bl br c ch cl cr d dr f fl fr g gl gr h j k l m n p pl pr qu r s sc sh sl sp st t th tr v w wr y z'.split(' ')
const RIMES =
  'ab ack ad age ail ain al am an and ar ase ate ave ax eal eam ed eed el en ent er est et ice id ig ile im in ing ion ist it ock od on or um'.split(
    ' ',
  )

/** A made-up word of two syllables; 5,000 different ones, some of them far more common than others. */
function word(random: number): string {
  const rank = Math.floor(5000 * random ** 2)
  const syllable = (n: number) => `${ONSETS[n % 40]}${RIMES[Math.floor(n / 40) % 40]}`
  return syllable((rank * 37) % 1600) + syllable((rank * 701 + 59) % 1600)
}

/** The name of a pattern, always the same for the same number: two of 5,000 made-up words and a short suffix, like
 * api_validation_7. */
export function patternName(n: number): string {
  const part = (salt: number) => word(((Math.imul(n + 1, 2_654_435_761) ^ Math.imul(salt, 40_503_001)) >>> 0) / 2 ** 32)
  return `${part(1)}_${part(2)}_${n.toString(36)}`
}

/** The name with two letters swapped: what a searcher types. */
export function misspelt(name: string, at: number): string {
  const place = 1 + (at % Math.max(1, name.length - 3))
  return name.slice(0, place) + name.charAt(place + 1) + name.charAt(place) + name.slice(place + 2)
}

/** Keeps so many patterns, spread over the agent types. */
export async function fillPatterns(tenant: Tenant, count: number, signal: AbortSignal): Promise<void> {
  for (let first = 0; first < count; first += 1000) {
    signal.throwIfAborted()
    await tenant.learning.patterns.remember(
      Array.from({ length: Math.min(1000, count - first) }, (_, i) => ({
        agentType: typeOf(first + i),
        name: patternName(first + i),
        type: 'test_template',
        data: { template: patternName(first + i), steps: 3 },
      })),
    )
  }
}
