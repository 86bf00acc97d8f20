import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { FleetError } from '../errors.js'
import { type Authorization, isAuthorized } from './authorization.js'
import { CONTENT_TYPES, type ConstantLabels, formatFor, formatMetrics } from './exposition.js'
import type { Sample } from './snapshot.js'

/** What an endpoint serves, and to whom. */
export interface EndpointOptions {
  /** @default '127.0.0.1' */
  readonly host?: string
  /** 0 for any that is free. @default 9187 */
  readonly port?: number
  /** What is told now. Rejects when nothing can be told. */
  readonly scrape: (signal: AbortSignal) => Promise<readonly Sample[]>
  /** Undefined while all is well, else what is not: for /healthz. @default always well */
  readonly problem?: () => string | undefined
  /** Labels that every series gets. @default none */
  readonly labels?: ConstantLabels
  /** Who may read /metrics; /healthz tells everybody. @default everybody */
  readonly authorization?: Authorization | undefined
  /** Most scrapes answered at once; more are refused with 503. @default 10 */
  readonly scrapesMax?: number
  /** How long a scrape may take, in milliseconds. @default 10,000 */
  readonly timeoutMs?: number
}

/** A running endpoint. */
export interface Endpoint {
  /** Where it listens: `http://127.0.0.1:9187`. */
  readonly url: string
  /** Ends it at once, scrapes in flight too; harmless to repeat. */
  close(): Promise<void>
}

/** Most connections at once, busy or not. */
const CONNECTIONS_MAX = 100

/** Serves /metrics for Prometheus and /healthz for a supervisor. Errors: OPTIONS_INVALID (`listen`) where it cannot listen. */
export async function startEndpoint(options: EndpointOptions): Promise<Endpoint> {
  const { host = '127.0.0.1', port = 9187 } = options
  const handle = createMetricsHandler(options)
  const server = createServer(
    { headersTimeout: 10_000, requestTimeout: 10_000, keepAliveTimeout: 65_000 },
    (request, response) => {
      void handle(request, response)
    },
  )
  server.maxConnections = CONNECTIONS_MAX
  await listen(server, host, port)
  const { port: listening } = server.address() as AddressInfo
  let closed: Promise<void> | undefined
  return {
    url: `http://${host.includes(':') ? `[${host}]` : host}:${listening}`,
    close() {
      closed ??= new Promise<void>((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      })
      return closed
    },
  }
}

/**
 * Makes a handler for a server of one's own, `createServer(handler)`, or for one path of it. It answers GET and HEAD of /metrics
 * and /healthz, and everything else with 404 or 405; it never rejects.
 */
export function createMetricsHandler(
  options: Omit<EndpointOptions, 'host' | 'port'>,
): (request: IncomingMessage, response: ServerResponse) => Promise<void> {
  const { scrape, problem = () => undefined, labels = {}, authorization, scrapesMax = 10, timeoutMs = 10_000 } = options
  let scrapes = 0
  const metrics = async (request: IncomingMessage, response: ServerResponse) => {
    if (authorization !== undefined && !isAuthorized(authorization, request.headers.authorization)) {
      response.setHeader('www-authenticate', authorization.scheme === 'basic' ? 'Basic realm="metrics"' : 'Bearer')
      return answer(request, response, 401, 'the authorization is missing or wrong\n')
    }
    if (scrapes >= scrapesMax)
      return answer(request, response, 503, `${scrapesMax} scrapes are being answered already\n`)
    scrapes++
    try {
      const samples = await scrape(AbortSignal.timeout(timeoutMs))
      const format = formatFor(request.headers.accept)
      answer(request, response, 200, formatMetrics(samples, format, labels), CONTENT_TYPES[format])
    } catch (error) {
      answer(request, response, 503, `nothing can be told now: ${(error as Error).message}\n`)
    } finally {
      scrapes--
    }
  }
  return async (request, response) => {
    const path = (request.url ?? '').split('?')[0]
    if (path !== '/metrics' && path !== '/healthz')
      return answer(request, response, 404, 'there are /metrics and /healthz\n')
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      response.setHeader('allow', 'GET, HEAD')
      return answer(request, response, 405, 'only GET and HEAD are answered\n')
    }
    if (path === '/metrics') return await metrics(request, response)
    const wrong = problem()
    answer(request, response, wrong === undefined ? 200 : 503, `${wrong ?? 'ok'}\n`)
  }
}

function answer(
  request: IncomingMessage,
  response: ServerResponse,
  status: number,
  text: string,
  type = 'text/plain; charset=utf-8',
) {
  if (response.headersSent || response.destroyed) return
  response.writeHead(status, {
    'content-type': type,
    'content-length': Buffer.byteLength(text),
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
  })
  response.end(request.method === 'HEAD' ? undefined : text)
}

async function listen(server: Server, host: string, port: number): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause: NodeJS.ErrnoException) => {
      const why = cause.code === 'EADDRINUSE' ? 'something listens there already' : cause.message
      reject(
        new FleetError('OPTIONS_INVALID', {
          message: `cannot listen on ${host}:${port}: ${why}`,
          field: 'listen',
          cause,
        }),
      )
    })
    server.listen(port, host, resolve)
  })
}
