import { openDatabase, openFleet } from 'pgfleet'
import { expect, test } from 'vitest'
import { failure } from '../setup/index.js'

const SECRET = 'hunter2-9f3c'
const URL_WITH_SECRET = `postgresql://someone:${SECRET}@127.0.0.1:1/postgres`

test.each([
  ['an unknown option', { databaseUrl: URL_WITH_SECRET }, 'databaseUrl'],
  ['an unknown option of batch', { batch: { queueMin: 1 } }, 'queueMin'],
  ['a url of another database', { url: `mysql://someone:${SECRET}@127.0.0.1/x` }, 'url'],
  ['a url that is no text', { url: { password: SECRET } }, 'url'],
  ['url and dataDir', { url: URL_WITH_SECRET, dataDir: './state' }, 'dataDir'],
  ['an empty dataDir', { dataDir: '' }, 'dataDir'],
  ['migrate as text', { migrate: 'yes' }, 'migrate'],
  ['no connection', { poolMax: 0 }, 'poolMax'],
  ['half a connection', { poolMax: 1.5 }, 'poolMax'],
  ['too many connections', { poolMax: 1001 }, 'poolMax'],
  ['no time to connect', { connectTimeoutMs: 0 }, 'connectTimeoutMs'],
  ['a time that is no number', { callTimeoutMs: Number.NaN }, 'callTimeoutMs'],
  ['prepare as a number', { prepare: 1 }, 'prepare'],
  ['an empty queue', { batch: { queueMax: 0 } }, 'batch.queueMax'],
  ['no waiters', { batch: { waitersMax: -1 } }, 'batch.waitersMax'],
  ['too many flights', { batch: { flightsMax: 101 } }, 'batch.flightsMax'],
  ['tiny batches', { batch: { bytesMax: 10 } }, 'batch.bytesMax'],
  ['replicas without a primary', { replicas: [URL_WITH_SECRET] }, 'replicas'],
  ['replicas that are one', { url: URL_WITH_SECRET, replicas: URL_WITH_SECRET }, 'replicas'],
  ['too many replicas', { url: URL_WITH_SECRET, replicas: Array(17).fill(URL_WITH_SECRET) }, 'replicas'],
  ['a replica of another database', { url: URL_WITH_SECRET, replicas: [`mysql://u:${SECRET}@h/x`] }, 'replicas.0'],
  ['an endless wait', { replicaWaitMs: 60_001 }, 'replicaWaitMs'],
  ['looking all the time', { replicaPollMs: 1 }, 'replicaPollMs'],
  ['less lag than can be known', { replicaPollMs: 1000, replicaLagMsMax: 1999 }, 'replicaLagMsMax'],
])('%s is refused, by its name and without its value', async (_what, options, field) => {
  for (const open of [openFleet, openDatabase]) {
    const error = await failure(open(options as never), 'OPTIONS_INVALID')
    expect(error.field).toBe(field)
    expect(error.message).toContain(field.split('.').at(-1))
    expect(JSON.stringify(error) + error.stack).not.toContain(SECRET)
  }
})

test('options of another kind altogether are refused', async () => {
  for (const options of [null, 5, 'postgresql://x']) await failure(openFleet(options as never), 'OPTIONS_INVALID')
})

test('a server that is not there is reported quickly, without the password', async () => {
  const startedAt = performance.now()
  const error = await failure(openFleet({ url: URL_WITH_SECRET, connectTimeoutMs: 1000 }), 'CONNECTION_FAILED')
  expect(performance.now() - startedAt).toBeLessThan(5000)
  expect(error.retryable).toBe(true)
  expect(JSON.stringify(error) + error.stack + error.hint).not.toContain(SECRET)
})

test('a host that never answers is given up after connectTimeoutMs', async () => {
  // A listener that accepts and says nothing.
  const { createServer } = await import('node:net')
  const server = createServer(() => {}).listen(0, '127.0.0.1')
  await new Promise((ready) => server.once('listening', ready))
  const { port } = server.address() as { port: number }
  const startedAt = performance.now()
  await failure(openFleet({ url: `postgresql://u:p@127.0.0.1:${port}/x`, connectTimeoutMs: 300 }), 'CONNECTION_FAILED')
  expect(performance.now() - startedAt).toBeLessThan(5000)
  server.close()
})
