import { randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openFleet, type Tenant } from 'pgfleet'
import { inject } from 'vitest'
import { administer } from '../setup/databases.js'
import { serverUrl } from '../setup/engine.js'
import { afterFile, createTestDatabase } from '../setup/index.js'

/** A folder that is removed after the file. */
export async function newFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'pgfleet-backup-'))
  afterFile(() => rm(folder, { recursive: true, force: true }))
  return folder
}

/** An empty database without a schema, past the pooler; dropped after the file. */
export async function newDatabase({ owner }: { owner?: string } = {}): Promise<{ name: string; url: string }> {
  const name = `${inject('run')}_${randomBytes(5).toString('hex')}`
  await administer(`create database ${name} template template0${owner === undefined ? '' : ` owner ${owner}`}`)
  afterFile(() => administer(`drop database if exists ${name} with (force)`))
  return { name, url: urlOf(name) }
}

/** The superuser's url of a database, past the pooler. */
export function urlOf(name: string): string {
  const url = serverUrl('DATABASE_URL')
  url.pathname = `/${name}`
  return url.href
}

/** A database with two tenants and rows of every kind that a log follows; its url is past the pooler. */
export async function newSource(): Promise<{ name: string; url: string }> {
  const { name } = await createTestDatabase()
  const url = urlOf(name)
  await using fleet = await openFleet({ url })
  for (const id of ['acme', 'globex']) {
    const tenant = await fleet.tenants.create({ id }).then(() => fleet.tenant(id))
    await fill(tenant, 20)
  }
  return { name, url }
}

/** Writes events, points and audit entries. */
export async function fill(tenant: Tenant, count: number): Promise<void> {
  const numbers = Array.from({ length: count }, (_, n) => n)
  await tenant.memory.events.append(numbers.map((n) => ({ type: 'thing.happened', payload: { n } })))
  await tenant.delivery.metrics.record(
    numbers.map((n) => ({
      name: 'latency',
      category: 'performance' as const,
      type: 'gauge' as const,
      numericValue: n,
    })),
  )
  await tenant.delivery.audit.record(
    numbers.map((n) => ({ entityType: 'gate', entityId: `g-${n}`, action: 'approve' as const })),
  )
}
