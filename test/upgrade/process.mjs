// A process of one version of pgfleet under load: process.mjs DIRECTORY URL, with the version's checkout in DIRECTORY. It calls
// every operation that the version's own conformance suite lists, over and over, each in a tenant of its own, and expects what
// its first round found; and it writes to rows of the tenant `shared`, as its neighbours do. Says by IPC when a round is over; on
// 'stop' it ends what it has begun, and tells what it did.
import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'

const [directory, url] = process.argv.slice(2)
const load = (path) => import(pathToFileURL(join(directory, path)).href)
const { FleetError, openFleet } = await load('dist/index.js')
const { sampleOf } = await load('test/conformance/operation.ts')
const { OPERATIONS } = await load('test/conformance/operations/index.ts')
const { keyProvider } = await load('test/conformance/operations/secrets.ts')

const fleet = await openFleet({ url, keyProvider, migrate: false, poolMax: 6 })
const failures = []
const written = { learned: 0, appended: 0, counted: 0, set: 0, completed: 0 }
let calls = 0
let isStopping = false

const sql = (text, values = []) =>
  fleet.database.lend(async (connection) => (await connection.query(text, values)).rows)
/** The first of them tell enough. */
const FAILURES_MAX = 20
function failed(what, error) {
  if (failures.length === FAILURES_MAX) return
  failures.push(`${what}: ${error instanceof FleetError ? `${error.code} ` : ''}${error?.stack ?? error}`)
}

const textOf = (value) =>
  JSON.stringify(value, (_, each) => (typeof each === 'bigint' ? String(each) : each))?.replaceAll(
    /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g,
    'id',
  )
/** What a call left, without what differs from time to time: ids, and so the order of rows that are otherwise alike. */
const comparable = (value) => (Array.isArray(value) ? value.map(textOf).sort().join() : textOf(value))

const known = new Map()

async function callOnce(operation) {
  const tenant = `p-${randomUUID()}`
  await fleet.tenants.create({ id: tenant })
  const { learning, memory, delivery, metadata } = fleet.tenant(tenant)
  const place = { learning, memory, delivery, metadata, tenant, sql }
  const sample = sampleOf(0)
  await operation.arrange?.(place, sample)
  await operation.call(place, sample)
  calls++
  if (operation.read === undefined) return
  const left = comparable(await operation.read(place, sample))
  if (!known.has(operation.path)) known.set(operation.path, left)
  else if (known.get(operation.path) !== left) throw new Error(`left ${left} instead of ${known.get(operation.path)}`)
}

async function callAll() {
  while (!isStopping) {
    const waiting = OPERATIONS.map((operation) => ({ operation, at: Math.random() })).sort((a, b) => a.at - b.at)
    const lane = async () => {
      for (let next = waiting.pop(); next !== undefined && !isStopping; next = waiting.pop()) {
        const { operation } = next
        await callOnce(operation).catch((error) => failed(operation.path, error))
      }
    }
    await Promise.all([lane(), lane(), lane()])
    if (!isStopping) process.send({ round: calls })
  }
}

const shared = fleet.tenant('shared')

async function write() {
  const works = {
    async learned() {
      const items = ['x', 'y', 'z'].map((state) => ({ agentType: 'test-generator', state, action: 'a', reward: 1 }))
      await shared.learning.learn(items)
      return items.length
    },
    async appended() {
      await shared.memory.events.append([1, 2].map((n) => ({ type: 'upgrade', payload: n })))
      return 2
    },
    async counted() {
      await shared.memory.kv.increment('counter')
      return 1
    },
    async set() {
      await shared.metadata.set({ entity: 'entity', key: `key-${Math.floor(Math.random() * 5)}`, value: calls })
      return 1
    },
    async completed() {
      await shared.delivery.workflows.create({ name: 'upgrade', start: true, tasks: [{ name: 'a', type: 'upgrade' }] })
      const jobs = await shared.delivery.jobs.claim('worker', { types: ['upgrade'] })
      await shared.delivery.jobs.complete(jobs)
      return jobs.length
    },
  }
  const lane = async (name) => {
    while (!isStopping) {
      await works[name]().then(
        (count) => {
          written[name] += count
        },
        (error) => failed(name, error),
      )
    }
  }
  await Promise.all(Object.keys(works).map(lane))
}

process.on('message', () => {
  isStopping = true
})
await Promise.all([callAll(), write()])
await fleet.close()
process.send({ ended: { calls, failures, written } }, () => process.disconnect())
