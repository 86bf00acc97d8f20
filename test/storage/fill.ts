import { createHash } from 'node:crypto'
import type { Tenant } from 'pgfleet'
import { v7 } from 'uuid'
import type { WorkloadInput } from '../../dist/storage/workload.js'

/** What `fill` does in a day, as the advice is asked for it. */
export const FILLED = {
  horizonDays: 1,
  agents: 10,
  valuesPerAgent: 2000,
  experiences: 20_000,
  trajectories: 3000,
  stepsPerTrajectory: 10,
  events: 20_000,
  metrics: 40_000,
  series: 5000,
  auditEntries: 12_000,
  vectors: { 384: 800, 768: 600, 1536: 250, 3072: 250 },
  artifacts: 10000,
  artifactBytes: 5000,
  artifactStoredShare: 1,
  entities: 6000,
  keysPerEntity: 1,
  metadataWrites: 0,
  batch: 100,
  bytes: { tenant: 8 },
} as const satisfies WorkloadInput

const BATCH = FILLED.batch
const hash = (text: string) => createHash('sha256').update(text).digest('hex')
/** A text of so many characters that begins with no order. */
const scattered = (text: string, length: number) => hash(text).slice(0, Math.min(12, length)).padEnd(length, 'x')
/** An object that the database stores in so many bytes. */
const stored = (text: string, bytes: number) => ({ data: text.padEnd(bytes - 16, 'x').slice(0, bytes - 16) })
const list = <Item>(count: number, make: (n: number) => Item) => Array.from({ length: count }, (_, n) => make(n))

/** Bytes that nothing compresses. */
function noise(seed: string, bytes: number): Buffer {
  const parts = list(Math.ceil(bytes / 32), (n) => createHash('sha256').update(`${seed} ${n}`).digest())
  return Buffer.concat(parts).subarray(0, bytes)
}

async function inBatches<Item>(
  items: readonly Item[],
  write: (batch: Item[]) => Promise<unknown>,
  batch: number = BATCH,
) {
  for (let first = 0; first < items.length; first += batch) await write(items.slice(first, first + batch))
}

const agentType = (n: number) => `agent-${n % FILLED.agents}`.padEnd(16, 'x')

/** Experiences of as many pairs as there are values, each with an id. */
export async function fillLearning({ learning }: Tenant): Promise<void> {
  for (let n = 0; n < FILLED.agents; n++) await learning.agentTypes.upsert({ agentType: agentType(n) })
  const experiences = list(FILLED.experiences, (n) => ({
    id: v7(),
    agentType: agentType(n),
    state: stored(`state ${Math.floor(n / 4)} `, 80),
    action: stored(`a${n % 4}`, 24),
    reward: 1,
  }))
  await inBatches(experiences, (batch) => learning.learn(batch), 40)
  const now = new Date()
  const trajectories = list(FILLED.trajectories, (n) => ({
    id: v7(),
    agentType: agentType(n),
    initialState: stored(`s${n}`, 80),
    finalState: stored('end', 80),
    states: list(FILLED.stepsPerTrajectory, (step) => stored(`s${n} ${step}`, 80)),
    actions: list(FILLED.stepsPerTrajectory, (step) => stored(`a${step}`, 24)),
    rewards: list(FILLED.stepsPerTrajectory, (step) => step),
    executionMs: 12,
    succeeded: true,
    startedAt: now,
    completedAt: now,
  }))
  await inBatches(trajectories, (batch) => learning.recordTrajectories(batch), 100)
}

export async function fillEvents({ memory }: Tenant): Promise<void> {
  const sessionId = v7()
  const events = list(FILLED.events, (n) => ({
    id: v7(),
    type: `tool.called${n % 8}`,
    agentId: `agent-${n % 10}x`,
    sessionId,
    payload: stored(`event ${n} `, 200),
  }))
  await inBatches(events, (batch) => memory.events.append(batch))
}

export async function fillVectors({ memory }: Tenant): Promise<void> {
  for (const [dimensions, count] of Object.entries(FILLED.vectors)) {
    const vectors = list(count, (n) => {
      const bytes = noise(`${dimensions} ${n}`, Number(dimensions))
      return { id: v7(), embedding: Array.from(bytes, (byte) => byte / 128 - 1), metadata: stored(`v${n}`, 80) }
    })
    await inBatches(vectors, (batch) => memory.vectors.upsert(batch), 100)
  }
}

export async function fillArtifacts({ memory }: Tenant): Promise<void> {
  const artifacts = list(FILLED.artifacts, (n) => ({
    name: scattered(`artifact ${n}`, 20),
    content: noise(`artifact ${n}`, FILLED.artifactBytes),
  }))
  await inBatches(artifacts, (batch) => memory.artifacts.put(batch), 10)
}

export async function fillDelivery({ delivery }: Tenant): Promise<void> {
  const metrics = list(FILLED.metrics, (n) => ({
    id: v7(),
    name: scattered(`metric ${n % FILLED.series}`, 20),
    dimensions: stored(`series ${n % FILLED.series} `, 60),
    numericValue: n,
  }))
  await inBatches(metrics, (batch) => delivery.metrics.record(batch), FILLED.batch)
  const entries = list(FILLED.auditEntries, (n) => ({
    id: v7(),
    entityType: 'deployment',
    entityId: scattered(`entity ${n}`, 20),
    action: 'update' as const,
    changes: stored(`change ${n} `, 120),
  }))
  await inBatches(entries, (batch) => delivery.audit.record(batch))
}

export async function fillMetadata({ metadata }: Tenant): Promise<void> {
  const names = list(FILLED.entities, (n) => scattered(`entity ${n}`, 20))
  await inBatches(names, (batch) => metadata.entities.create(batch.map((name) => ({ name }))), 20)
  const writes = names.flatMap((entity) =>
    list(FILLED.keysPerEntity, (n) => ({
      entity,
      key: scattered(`${entity} ${n}`, 16),
      value: scattered(`value ${entity} ${n}`, 24),
    })),
  )
  await inBatches(writes, (batch) => metadata.setMany(batch))
}
