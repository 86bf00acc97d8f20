// A remote store of objects that speaks as S3 does, as far as archives need it, and that can be told to fail. Objects are kept in memory.
import { createHash, randomUUID } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterFile } from '../setup/index.js'

/** A request, as the store sees it. */
export interface ObjectRequest {
  /** `create`, `part`, `complete`, `abort` of an upload in parts; `put`, `get`, `delete` of an object. */
  readonly kind: 'create' | 'part' | 'complete' | 'abort' | 'put' | 'get' | 'delete'
  readonly key: string
}

/** What becomes of a request: answered, refused with a status, cut off, or never answered. */
export type Behaviour = 'answer' | 'cut' | 'hang' | number

export interface ObjectServer {
  /** Where archives go: `s3://archives/fleet?endpoint=...`. */
  readonly place: string
  /** What the environment of a client needs. */
  readonly credentials: Record<string, string>
  readonly objects: Map<string, Buffer>
  readonly requests: ObjectRequest[]
  /** Uploads that were begun, and neither completed nor aborted. */
  readonly uploads: Map<string, Map<number, Buffer>>
  /** Decides what becomes of each request; asked before anything is kept. @default every one is answered */
  behave: (request: ObjectRequest) => Behaviour | Promise<Behaviour>
}

export async function startObjectServer(): Promise<ObjectServer> {
  const credentials = { AWS_ACCESS_KEY_ID: 'key-of-tests', AWS_SECRET_ACCESS_KEY: `secret-${randomUUID()}` }
  const objects = new Map<string, Buffer>()
  const uploads = new Map<string, Map<number, Buffer>>()
  const requests: ObjectRequest[] = []
  const server = createServer((request, response) => {
    void handle(request, response).catch(() => response.destroy())
  })
  const handle = async (request: IncomingMessage, response: ServerResponse) => {
    const url = new URL(request.url ?? '', 'http://store')
    const key = decodeURIComponent(url.pathname).replace(/^\/archives\//, '')
    const upload = url.searchParams.get('uploadId')
    const kind = kindOf(request.method ?? '', url, upload)
    const body = await bodyOf(request)
    if (!request.headers.authorization?.includes('key-of-tests')) return refuse(response, 403, 'AccessDenied')
    requests.push({ kind, key })
    const behaviour = await result.behave({ kind, key })
    if (behaviour === 'hang') return
    if (behaviour === 'cut') return void response.destroy()
    if (typeof behaviour === 'number') {
      return refuse(response, behaviour, behaviour === 507 ? 'InsufficientStorage' : 'ServiceUnavailable')
    }
    const isTaken = request.headers['if-none-match'] === '*' && objects.has(key)
    if (kind === 'create') {
      const id = randomUUID()
      uploads.set(id, new Map())
      return xml(response, `<InitiateMultipartUploadResult><UploadId>${id}</UploadId></InitiateMultipartUploadResult>`)
    }
    if (kind === 'part') {
      uploads.get(upload as string)?.set(Number(url.searchParams.get('partNumber')), body)
      return void response.writeHead(200, { etag: etagOf(body) }).end()
    }
    if (kind === 'abort') {
      uploads.delete(upload as string)
      return void response.writeHead(204).end()
    }
    if (kind === 'complete') {
      if (isTaken) return refuse(response, 412, 'PreconditionFailed')
      const parts = [...(uploads.get(upload as string) ?? [])].sort(([a], [b]) => a - b)
      objects.set(key, Buffer.concat(parts.map(([, part]) => part)))
      uploads.delete(upload as string)
      return xml(
        response,
        `<CompleteMultipartUploadResult><Key>${key}</Key><ETag>"x"</ETag></CompleteMultipartUploadResult>`,
      )
    }
    if (kind === 'put') {
      if (isTaken) return refuse(response, 412, 'PreconditionFailed')
      objects.set(key, body)
      return void response.writeHead(200, { etag: etagOf(body) }).end()
    }
    if (kind === 'delete') {
      objects.delete(key)
      return void response.writeHead(204).end()
    }
    const object = objects.get(key)
    if (object === undefined) return refuse(response, 404, 'NoSuchKey')
    response.writeHead(200, { 'content-length': object.length, etag: etagOf(object) }).end(object)
  }
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  afterFile(async () => {
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  })
  const { port } = server.address() as AddressInfo
  const result: ObjectServer = {
    place: `s3://archives/fleet?endpoint=${encodeURIComponent(`http://127.0.0.1:${port}`)}&path-style=true`,
    credentials,
    objects,
    requests,
    uploads,
    behave: () => 'answer',
  }
  return result
}

function kindOf(method: string, url: URL, upload: string | null): ObjectRequest['kind'] {
  if (method === 'POST') return url.searchParams.has('uploads') ? 'create' : 'complete'
  if (method === 'PUT') return upload === null ? 'put' : 'part'
  if (method === 'DELETE') return upload === null ? 'delete' : 'abort'
  return 'get'
}

async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks)
}

const etagOf = (body: Buffer) => `"${createHash('md5').update(body).digest('hex')}"`

function xml(response: ServerResponse, text: string): void {
  response.writeHead(200, { 'content-type': 'application/xml' }).end(`<?xml version="1.0" encoding="UTF-8"?>${text}`)
}

function refuse(response: ServerResponse, status: number, code: string): void {
  response
    .writeHead(status, { 'content-type': 'application/xml' })
    .end(`<?xml version="1.0" encoding="UTF-8"?><Error><Code>${code}</Code><Message>told to</Message></Error>`)
}
