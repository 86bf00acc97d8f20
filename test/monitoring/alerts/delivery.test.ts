import { once } from 'node:events'
import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { verify } from '@octokit/webhooks-methods'
import { expect, onTestFinished, test } from 'vitest'
import { AlertEvaluator } from '../../../dist/monitoring/alerts/alert-evaluator.js'
import type { AlertMessage } from '../../../dist/monitoring/alerts/alert-message.js'
import { type DeliveryOptions, DeliveryQueue } from '../../../dist/monitoring/alerts/delivery-queue.js'
import { createMemoryAlertStore } from '../../../dist/monitoring/alerts/memory-alert-store.js'
import { ALERT_METRIC, createMetricsReceiver } from '../../../dist/monitoring/alerts/metrics-receiver.js'
import { idOf } from '../../../dist/monitoring/alerts/open-alert.js'
import { ruleOf } from '../../../dist/monitoring/alerts/rules/index.js'
import { createWebhook } from '../../../dist/monitoring/alerts/webhook.js'
import { openTestFleet } from '../../setup/index.js'
import { THRESHOLDS_USED } from './series.js'

interface Request {
  readonly url: string
  readonly headers: IncomingHttpHeaders
  readonly body: string
}

/** Another side that answers each request by the next of these; the last one stays. */
async function otherSide(answers: readonly ((response: ServerResponse) => void)[]) {
  const requests: Request[] = []
  const server = createServer((request, response) => {
    let body = ''
    request.on('data', (part: Buffer) => (body += part.toString()))
    request.on('end', () => {
      const answer = answers[Math.min(requests.length, answers.length - 1)]
      requests.push({ url: request.url ?? '', headers: request.headers, body })
      answer?.(response)
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, requests }
}

const status =
  (code: number, headers = {}) =>
  (response: ServerResponse) =>
    void response.writeHead(code, headers).end('!')
const hang = () => {}
const reset = (response: ServerResponse) => void response.socket?.destroy()

const AT = new Date(Date.now() - 60_000)

const message = (number: number, more: Partial<AlertMessage> = {}): AlertMessage => ({
  id: idOf(AT, String(number)),
  kind: 'firing',
  at: AT,
  alert: idOf(AT, 'alert', String(number)),
  rule: 'server-down',
  name: 'PgfleetServerDown',
  title: 'The server does not answer',
  severity: 'critical',
  labels: { datname: `d${number}` },
  value: 0,
  summary: 'It is down.',
  meaning: 'Nobody gets in.',
  action: 'Look at its log.',
  check: null,
  since: AT,
  resolvedAt: null,
  end: null,
  lastedMs: 1000,
  server: { systemIdentifier: '7', database: 'app' },
  ...more,
})

/** A queue that settles what is offered, quickly. */
function queueTo(receiver: Parameters<typeof createQueue>[0], options: DeliveryOptions = {}) {
  return createQueue(receiver, options)
}

function createQueue(receiver: ConstructorParameters<typeof DeliveryQueue>[0], options: DeliveryOptions) {
  const problems: string[] = []
  const settled = new Map<string, () => void>()
  const queue = new DeliveryQueue(receiver, {
    backoffMs: 2,
    backoffMaxMs: 8,
    timeoutMs: 5000,
    onProblem: (text) => problems.push(text),
    onSettled: (id) => settled.get(id)?.(),
    ...options,
  })
  return {
    queue,
    problems,
    offer: (each: AlertMessage) =>
      new Promise<void>((resolve) => {
        settled.set(each.id, resolve)
        queue.offer(each)
      }),
  }
}

test('a webhook is tried again after 500, a reset and no answer, with the same id, and takes each message once it can', async () => {
  const other = await otherSide([status(500), reset, hang, status(503), status(204)])
  const { offer, problems, queue } = queueTo(createWebhook({ url: other.url }), { timeoutMs: 200 })
  await offer(message(1))
  await offer(message(2))
  expect(problems).toEqual([])
  const ids = other.requests.map(({ headers }) => headers['idempotency-key'])
  expect(ids).toEqual([...Array(5).fill(message(1).id), message(2).id])
  expect(JSON.parse(other.requests[4]?.body ?? '')).toEqual(JSON.parse(JSON.stringify(message(1))))
  expect(queue.figures()).toMatchObject({ delivered: 2, failed: 0, dropped: 0, waiting: 0 })
})

test.each([302, 400, 401, 404])(
  'an answer %i is told of and not tried again; a redirect is not followed',
  async (code) => {
    const target = await otherSide([status(200)])
    const other = await otherSide([status(code, { location: target.url }), status(200)])
    const { offer, problems } = queueTo(createWebhook({ url: `${other.url}/secret-path?token=s3cret` }))
    await offer(message(1))
    await offer(message(2))
    expect(other.requests.length).toBe(2)
    expect(target.requests).toEqual([])
    expect(problems.length).toBe(1)
    expect(problems[0]).toMatch(
      new RegExp(`^webhook 127\\.0\\.0\\.1:\\d+: the firing message of server-down was refused: it answered ${code}$`),
    )
    expect(problems.join()).not.toMatch(/s3cret|secret-path/)
  },
)

test('one that never takes it is given up after some tries, and told of without its url', async () => {
  const other = await otherSide([reset])
  const { offer, problems, queue } = queueTo(createWebhook({ url: `${other.url}/?token=s3cret` }), { attemptsMax: 3 })
  await offer(message(1))
  expect(other.requests.length).toBe(3)
  expect(problems).toEqual([
    expect.stringMatching(/given up after 3 attempts: no answer: (ECONNRESET|UND_ERR_SOCKET)$/),
  ])
  expect(queue.figures()).toMatchObject({ delivered: 0, failed: 1 })
  const nobody = queueTo(createWebhook({ url: 'http://127.0.0.1:9/?token=s3cret' }), { attemptsMax: 2 })
  await nobody.offer(message(1))
  expect(nobody.problems.join()).not.toContain('s3cret')
})

test('bodies are signed, and the Authorization header is sent, as the other side checks them', async () => {
  const other = await otherSide([status(200)])
  const secret = 'a secret of some length'
  const { offer } = queueTo(createWebhook({ url: other.url, secret, authorization: 'Bearer xyz' }))
  await offer(message(1))
  const [request] = other.requests
  expect(await verify(secret, request?.body ?? '', String(request?.headers['x-pgfleet-signature-256']))).toBe(true)
  expect(request?.headers).toMatchObject({ authorization: 'Bearer xyz', 'content-type': 'application/json' })
})

test('Alertmanager is sent what its second version takes: an end in the future while it fires, and the real one after', async () => {
  const other = await otherSide([status(200)])
  const { offer } = queueTo(createWebhook({ url: other.url, format: 'alertmanager', lastsMs: 3_600_000 }))
  await offer(message(1))
  const resolvedAt = new Date(AT.getTime() + 5000)
  await offer(message(2, { kind: 'resolved', resolvedAt, end: 'over' }))
  const bodies = other.requests.map(({ body }) => JSON.parse(body))
  expect(bodies[0]).toEqual([
    {
      labels: { alertname: 'PgfleetServerDown', severity: 'critical', datname: 'd1', server: '7', database: 'app' },
      annotations: { summary: 'It is down.', description: 'Nobody gets in. Look at its log.', rule: 'server-down' },
      startsAt: AT.toISOString(),
      endsAt: new Date(AT.getTime() + 3_600_000).toISOString(),
    },
  ])
  expect(bodies[1][0].endsAt).toBe(resolvedAt.toISOString())
})

test.each([
  ['not a url', 'cannot be read'],
  ['ftp://host/', 'begins with http'],
  ['https://me:secret@host/', 'has no login'],
])('the url %s is refused: it %s', (url, why) => {
  expect(() => createWebhook({ url })).toThrow(why)
  expect(() => createWebhook({ url })).toThrow(expect.objectContaining({ code: 'OPTIONS_INVALID', field: 'webhook' }))
})

test('of a queue that is full the oldest that waits is dropped, counted and told', async () => {
  const other = await otherSide([hang])
  const { queue, problems } = queueTo(createWebhook({ url: other.url }), { waitingMax: 3 })
  for (let number = 0; number < 10; number++) queue.offer(message(number))
  expect(queue.figures()).toMatchObject({ waiting: 3, dropped: 7 })
  expect(problems.length).toBe(7)
  expect(problems.at(-1)).toMatch(/too many messages wait, 7 dropped so far$/)
  await queue.close(10)
  expect(queue.figures().waiting, 'what is left is not settled').toBe(3)
})

test('a webhook that hangs delays no snapshot, and no other webhook', async () => {
  const deaf = await otherSide([hang])
  const other = await otherSide([status(200)])
  const rule = ruleOf('server-down')
  if (rule === undefined) throw new Error('there is no such rule')
  const evaluator = new AlertEvaluator({
    rules: [{ ...rule, forS: 0 }],
    thresholds: THRESHOLDS_USED,
    store: createMemoryAlertStore(),
    receivers: [createWebhook({ url: deaf.url }), createWebhook({ url: other.url })],
    graceMs: 10,
  })
  const down = { server: undefined, isUp: false, failures: [], milliseconds: 1 }
  for (let minute = 0; minute < 5; minute++) {
    const at = new Date(AT.getTime() + minute * 60_000)
    await evaluator.observe(
      { ...down, at, samples: [{ metric: 'pg_up', labels: {}, value: 0 }] },
      new AbortController().signal,
    )
  }
  await expect.poll(() => other.requests.length).toBe(1)
  await evaluator.close()
  expect(evaluator.alerts).toMatchObject([{ state: 'firing', unsent: { kind: 'firing' } }])
})

test('alerts become points of a tenant’s metrics, once each, with their recovery', async () => {
  const fleet = await openTestFleet()
  await fleet.tenants.create({ id: 'acme' })
  const { metrics } = fleet.tenant('acme').delivery
  const receiver = createMetricsReceiver('acme', metrics)
  const { offer, problems } = queueTo(receiver)
  const signal = new AbortController().signal
  await receiver.send(message(1), signal)
  await offer(message(1))
  await offer(message(2, { kind: 'resolved', resolvedAt: AT, end: 'over', labels: { query: 'x'.repeat(500) } }))
  expect(problems).toEqual([])
  const page = await metrics.query({ name: ALERT_METRIC })
  expect(page.metrics.map(({ id, numericValue, dimensions }) => [id, numericValue, dimensions]).sort()).toEqual(
    [
      [message(1).id, 1, { database: 'app', datname: 'd1', alert: 'server-down', severity: 'critical' }],
      [message(2).id, 0, { database: 'app', query: 'x'.repeat(200), alert: 'server-down', severity: 'critical' }],
    ].sort(),
  )
  expect(page.metrics.find(({ numericValue }) => numericValue === 0)?.metadata).toMatchObject({
    kind: 'resolved',
    end: 'over',
    lastedMs: 1000,
  })
})
