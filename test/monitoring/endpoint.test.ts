// The endpoint, by HTTP: who may read, what is refused, and what a slow collection does to it.
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, expect, test } from 'vitest'
import { parseAuthorization } from '../../dist/monitoring/authorization.js'
import { batchSamples } from '../../dist/monitoring/batches.js'
import { createMetricsHandler, startEndpoint } from '../../dist/monitoring/endpoint.js'
import { afterFile, failure, openTestFleet } from '../setup/index.js'

const SAMPLES = [{ metric: 'pg_up', labels: {}, value: 1 }]

async function serve(options: Partial<Parameters<typeof startEndpoint>[0]> = {}) {
  const endpoint = await startEndpoint({ port: 0, scrape: async () => SAMPLES, ...options })
  afterFile(() => endpoint.close())
  return async (path: string, headers: Record<string, string> = {}, method = 'GET') => {
    const response = await fetch(`${endpoint.url}${path}`, { headers, method })
    return { status: response.status, text: await response.text(), headers: response.headers }
  }
}

describe('an endpoint', () => {
  test('tells metrics in the format that is asked for, and refuses whatever else', async () => {
    const get = await serve({ labels: { cluster: 'x' } })
    const plain = await get('/metrics?x=1')
    expect(plain.status).toBe(200)
    expect(plain.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8')
    expect(plain.text).toContain('pg_up{cluster="x"} 1\n')
    const open = await get('/metrics', { accept: 'application/openmetrics-text;version=1.0.0' })
    expect(open.headers.get('content-type')).toContain('application/openmetrics-text')
    expect(open.text.endsWith('# EOF\n')).toBe(true)
    expect((await get('/metrics', {}, 'HEAD')).text).toBe('')
    expect(await get('/metrics', {}, 'POST')).toMatchObject({ status: 405 })
    expect(await get('/')).toMatchObject({ status: 404 })
    expect(await get('/healthz')).toMatchObject({ status: 200, text: 'ok\n' })
  })

  test('asks for a token or a password, of metrics alone', async () => {
    const bearer = await serve({ authorization: parseAuthorization('bearer s3cret\n') })
    expect(await bearer('/metrics')).toMatchObject({ status: 401 })
    for (const wrong of ['Bearer s3cre', 'Bearer s3cret2', 'Basic s3cret', 's3cret', 'Bearer'])
      expect(await bearer('/metrics', { authorization: wrong })).toMatchObject({ status: 401 })
    expect(await bearer('/metrics', { authorization: 'bearer s3cret' })).toMatchObject({ status: 200 })
    expect(await bearer('/healthz')).toMatchObject({ status: 200 })
    const basic = await serve({ authorization: parseAuthorization('basic prometheus:pass:word') })
    const header = (text: string) => ({ authorization: `Basic ${Buffer.from(text).toString('base64')}` })
    expect((await basic('/metrics')).headers.get('www-authenticate')).toBe('Basic realm="metrics"')
    expect(await basic('/metrics', header('prometheus:pass'))).toMatchObject({ status: 401 })
    expect(await basic('/metrics', header('prometheus:pass:word'))).toMatchObject({ status: 200 })
    for (const text of ['', 'bearer', 'bearer a b', 'basic x', 'basic :x', 'basic x:', 'token x']) {
      const error = await failure(
        Promise.resolve().then(() => parseAuthorization(text)),
        'OPTIONS_INVALID',
      )
      expect(error.message).not.toContain('x:')
    }
  })

  test('answers so many scrapes at once, ends those that take too long, and says when nothing can be told', async () => {
    let free = () => {}
    const held = new Promise<void>((resolve) => {
      free = resolve
    })
    const get = await serve({
      scrapesMax: 2,
      timeoutMs: 60_000,
      problem: () => 'asleep',
      scrape: async () => {
        await held
        return SAMPLES
      },
    })
    const waiting = [get('/metrics'), get('/metrics')]
    await expect.poll(async () => (await get('/metrics', {}, 'HEAD')).status).toBe(503)
    expect(await get('/healthz')).toMatchObject({ status: 503, text: 'asleep\n' })
    free()
    expect((await Promise.all(waiting)).map(({ status }) => status)).toEqual([200, 200])
    expect(await get('/metrics')).toMatchObject({ status: 200 })
    const late = await serve({
      timeoutMs: 20,
      scrape: (signal) =>
        new Promise((_, reject) => signal.addEventListener('abort', () => reject(new Error('too late')))),
    })
    expect(await late('/metrics')).toMatchObject({ status: 503, text: 'nothing can be told now: too late\n' })
  })

  test('says what keeps it from listening, and closes twice without harm', async () => {
    const first = await startEndpoint({ port: 0, scrape: async () => SAMPLES })
    const port = Number(new URL(first.url).port)
    const error = await failure(startEndpoint({ port, scrape: async () => SAMPLES }), 'OPTIONS_INVALID')
    expect(error.message).toContain('something listens there already')
    await first.close()
    await first.close()
  })
})

test('a program tells its own batches by a handler', async () => {
  const fleet = await openTestFleet()
  await fleet.tenants.create({ id: 'acme' })
  await fleet
    .tenant('acme')
    .learning.learn({ agentType: 'quality-gate', state: { s: 1 }, action: 'go', reward: 1, learningRate: 1 })
  const server = createServer(createMetricsHandler({ scrape: async () => batchSamples(fleet.metrics()) }))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  afterFile(async () => {
    server.closeAllConnections()
    server.close()
  })
  const text = await (await fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}/metrics`)).text()
  expect(text).toContain('pgfleet_batch_items_total{operation="learning.learn"} 1\n')
  expect(text).toContain('pgfleet_batch_size{operation="learning.learn",quantile="0.99"} 1\n')
  expect(text).toContain('# TYPE pgfleet_batch_batches_total counter\n')
})
