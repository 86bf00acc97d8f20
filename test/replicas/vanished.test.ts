// A replica, or the primary, that vanishes from the network: its connections stay open and nobody answers on them.
import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { Fleet } from 'pgfleet'
import { beforeAll, describe, expect, test } from 'vitest'
import { onScratchServers } from '../doctor/scratch-server.js'
import { createTestDatabase, engine, failure } from '../setup/index.js'
import { type SilentProxy, startSilentProxy } from './silent-proxy.js'
import { type Cluster, caughtUp, openReplicated, PATIENTLY, startCluster } from './support.js'

const DIRECT = await onScratchServers()
/** Far beyond every guard: who waited for a connection, or for an answer, would wait for ever. */
const FOR_EVER = { connectTimeoutMs: 3_600_000, callTimeoutMs: 3_600_000 }

/** The same url through the proxy. */
const through = (proxy: SilentProxy, to: string) => {
  const url = new URL(to)
  url.port = `${proxy.port}`
  return url.href
}

DIRECT.describe('a replica that vanishes', () => {
  let cluster: Cluster
  let proxy: SilentProxy
  let fleet: Fleet
  beforeAll(async () => {
    cluster = await startCluster()
    const [replica] = cluster.replicas as [Cluster['replicas'][number]]
    proxy = await startSilentProxy(Number(new URL(replica.url).port))
    const vanishing = { ...cluster, replicas: [{ ...replica, url: through(proxy, replica.url) }] }
    fleet = await openReplicated(vanishing, { ...FOR_EVER, poolMax: 4 })
    await fleet.tenants.create({ id: 'acme' })
    await fleet.tenant('acme').memory.kv.set('k', 'v')
    await caughtUp(fleet, cluster.clients[0] as Cluster['clients'][number])
  }, 60_000)

  const state = () => fleet.replicas().replicas[0]?.state

  test.each<[string, (acme: ReturnType<Fleet['tenant']>) => Promise<unknown>, number]>([
    ['reads that need not be the latest', (acme) => acme.reading('stale').memory.kv.get('k'), 1],
    ['reads of own writes', (acme) => acme.reading('own-writes').memory.kv.get('k'), 1],
    // Each has a connection of its own: some are on their way to the replica, the others wait for one.
    [
      'more transactions than there are connections',
      (acme) => acme.reading('stale').transaction(({ memory }) => memory.kv.get('k'), { readOnly: true }),
      40,
    ],
  ])(
    '%s are answered by the primary, and by the replica when it is back',
    async (_, read, callers) => {
      await expect.poll(state, PATIENTLY).toBe('ready')
      const acme = fleet.tenant('acme')
      expect(await read(acme)).toBe('v')
      const before = fleet.replicas()
      proxy.vanish()
      try {
        expect(await Promise.all(Array.from({ length: callers }, () => read(acme)))).toEqual(
          Array.from({ length: callers }, () => 'v'),
        )
        await expect.poll(state, PATIENTLY).toBe('unreachable')
        expect(await read(acme)).toBe('v')
        const { onReplicas, onPrimary } = fleet.replicas()
        expect(onReplicas).toBe(before.onReplicas)
        expect(onPrimary.unavailable).toBeGreaterThan(before.onPrimary.unavailable)
      } finally {
        proxy.comeBack()
      }
      await expect.poll(state, PATIENTLY).toBe('ready')
      const { onReplicas } = fleet.replicas()
      expect(await read(acme)).toBe('v')
      expect(fleet.replicas().onReplicas).toBe(onReplicas + 1)
    },
    120_000,
  )

  test('ends a transaction whose callback has begun', async () => {
    await expect.poll(state, PATIENTLY).toBe('ready')
    const stale = fleet.tenant('acme').reading('stale')
    const begun = stale.transaction(
      async ({ memory }) => {
        expect(await memory.kv.get('k')).toBe('v')
        proxy.vanish()
        return await memory.kv.get('k')
      },
      { readOnly: true },
    )
    await failure(begun, 'CONNECTION_FAILED').finally(() => proxy.comeBack())
  }, 60_000)
})

describe.skipIf(engine !== 'direct')('a process', () => {
  test.each(['primary', 'replica'])(
    'whose %s has vanished ends when its fleet is closed',
    async (vanished) => {
      const database = await createTestDatabase()
      const proxy = await startSilentProxy(Number(new URL(database.adminUrl()).port))
      const proxied = through(proxy, database.adminUrl())
      const options =
        vanished === 'primary'
          ? { url: proxied }
          : { url: database.adminUrl(), replicas: [proxied], replicaPollMs: 1000 }
      const child = spawn(
        process.execPath,
        [
          '--input-type=module',
          '--eval',
          `import { openFleet } from 'pgfleet'
        const fleet = await openFleet({ ...JSON.parse(process.env.OPTIONS), migrate: false })
        process.stdin.once('data', async () => {
          process.stdin.destroy()
          await fleet.close()
          console.log('closed')
        })
        console.log('open')`,
        ],
        {
          cwd: fileURLToPath(new URL('../../', import.meta.url)),
          env: { ...process.env, OPTIONS: JSON.stringify(options) },
          stdio: ['pipe', 'pipe', 'inherit'],
        },
      )
      let said = ''
      child.stdout.on('data', (data: Buffer) => {
        said += data.toString()
      })
      const ended = new Promise((resolve) => child.on('close', resolve))
      try {
        await expect.poll(() => said, PATIENTLY).toBe('open\n')
        proxy.vanish()
        child.stdin.write('close')
        expect(await ended).toBe(0)
        expect(said).toBe('open\nclosed\n')
      } finally {
        child.kill('SIGKILL')
      }
    },
    60_000,
  )
})
