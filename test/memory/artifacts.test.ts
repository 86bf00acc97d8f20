import { createHash, randomBytes } from 'node:crypto'
import { Readable } from 'node:stream'
import { setTimeout as pause } from 'node:timers/promises'
import { Worker } from 'node:worker_threads'
import fc from 'fast-check'
import type { Tenant } from 'pgfleet'
import { v7 as uuidv7 } from 'uuid'
import { describe, expect, test } from 'vitest'
import { failure, newTenant, sql, useFleet } from '../setup/tenant.js'

const fleet = useFleet()
const CHUNK = 262_144

const sha256 = (bytes: Uint8Array | string) => createHash('sha256').update(bytes).digest('hex')
/** Bytes that compress, and differ from place to place. */
const prose = (size: number) =>
  Buffer.from('the quick brown fox '.repeat(Math.ceil(size / 20)).slice(0, size)).map((b, i) =>
    i % 997 === 0 ? i & 127 : b,
  )

async function bytesOf(tenant: Tenant, id: string, part: { start?: number; end?: number } = {}): Promise<Buffer> {
  const pieces: Uint8Array[] = []
  for await (const piece of tenant.memory.artifacts.read(id, part)) pieces.push(piece)
  return Buffer.concat(pieces)
}

/** What a tenant holds, counted past the library. */
async function held(tenant: Tenant): Promise<{ artifacts: number; contents: number; chunks: number; uploads: number }> {
  const [row] = await sql<{ artifacts: number; contents: number; chunks: number; uploads: number }>(
    fleet(),
    `select (select count(*)::integer from memory.artifacts where tenant_id = $1) as artifacts,
      (select count(*)::integer from memory.artifact_contents where tenant_id = $1) as contents,
      (select count(*)::integer from memory.artifact_chunks where tenant_id = $1) as chunks,
      (select count(*)::integer from memory.artifact_uploads where tenant_id = $1) as uploads`,
    [tenant.id],
  )
  if (row === undefined) throw new Error('no row')
  return row
}

describe('bytes come back as they went in', () => {
  const sizes = [0, 1, 63, 64, CHUNK - 1, CHUNK, CHUNK + 1, 5 * CHUNK, 5 * CHUNK + 12_345]
  for (const [kind, make] of [
    ['random', randomBytes],
    ['compressible', prose],
  ] as const) {
    test.each(sizes)(`%i ${kind} bytes`, async (size) => {
      const tenant = await newTenant(fleet())
      const { artifacts } = tenant.memory
      const bytes = Buffer.from(make(size))
      const put = await artifacts.put({ name: 'a', content: bytes })
      expect(put).toMatchObject({ size, sha256: sha256(bytes), version: 1, deduplicated: false })
      expect((await bytesOf(tenant, put.id)).equals(bytes)).toBe(true)
      const found = await artifacts.get(put.id)
      expect(found).toMatchObject({
        size,
        sha256: put.sha256,
        codec: kind === 'compressible' && size >= 64 ? 'brotli' : 'none',
      })
      if (found?.codec === 'brotli') expect(found.storedBytes).toBeLessThan(size)
      else expect(found?.storedBytes).toBe(size)
      // The same as a stream, in parts of another size, is the same content.
      const parts = Readable.from(
        (function* () {
          for (let at = 0; at < size; at += 100_001) yield bytes.subarray(at, at + 100_001)
        })(),
      )
      expect(await artifacts.put({ name: 'b', content: parts, sha256: put.sha256 })).toMatchObject({
        deduplicated: true,
      })
      expect(await held(tenant)).toEqual({ artifacts: 2, contents: 1, chunks: Math.ceil(size / CHUNK), uploads: 0 })
    })
  }

  test('text is compressed, whole or streamed; what looks random in a sample only where nobody waits for it', async () => {
    const tenant = await newTenant(fleet())
    const { artifacts } = tenant.memory
    // Each value equally often, and yet nothing but repetition.
    const even = (size: number) => Buffer.alloc(size, Buffer.from(Array.from({ length: 256 }, (_, i) => i)))
    const put = async (content: Uint8Array) => {
      const { id } = await artifacts.put({ name: 'a', content })
      expect((await bytesOf(tenant, id)).equals(content)).toBe(true)
      return await artifacts.get(id)
    }
    const text = await put(prose(65_536))
    expect(text?.codec).toBe('brotli')
    expect(text?.storedBytes).toBeLessThan(65_536 / 4)
    expect(await put(even(65_536))).toMatchObject({ codec: 'none', storedBytes: 65_536 })
    expect((await put(even(2 * CHUNK)))?.codec).toBe('brotli')
  })

  test('any part of them, as of the bytes in memory', async () => {
    const tenant = await newTenant(fleet())
    const bytes = randomBytes(3 * CHUNK + 1000)
    const { id } = await tenant.memory.artifacts.put({ name: 'a', content: bytes })
    const edge = fc.oneof(
      fc.nat(bytes.length),
      fc.constantFrom(0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK, bytes.length - 1, bytes.length),
    )
    await fc.assert(
      fc.asyncProperty(edge, edge, async (a, b) => {
        const [start, end] = a <= b ? [a, b] : [b, a]
        expect((await bytesOf(tenant, id, { start, end })).equals(bytes.subarray(start, end))).toBe(true)
      }),
      { numRuns: 30 },
    )
    expect(await failure(bytesOf(tenant, id, { end: bytes.length + 1 }), 'INPUT_INVALID')).toMatchObject({
      field: 'options.end',
    })
    expect(await failure(bytesOf(tenant, id, { start: 5, end: 4 }), 'INPUT_INVALID')).toMatchObject({
      field: 'options.start',
    })
    expect((await tenant.memory.artifacts.readBytes(id, { start: 10, end: 20 })).equals(bytes.subarray(10, 20))).toBe(
      true,
    )
    await failure(tenant.memory.artifacts.readBytes(id, { sizeMax: 1000 }), 'INPUT_INVALID')
  })

  test('text, and what the caller changes after the call does not matter', async () => {
    const tenant = await newTenant(fleet())
    const bytes = Buffer.from('before')
    const call = tenant.memory.artifacts.put([
      { name: 'a', content: bytes },
      { name: 'b', content: 'grüße' },
    ])
    bytes.fill(0)
    const [a, b] = await call
    expect((await bytesOf(tenant, (a as { id: string }).id)).toString()).toBe('before')
    expect((await bytesOf(tenant, (b as { id: string }).id)).toString()).toBe('grüße')
  })

  test('of memory that another thread writes to: what is kept is what its hash says', async () => {
    const tenant = await newTenant(fleet())
    const shared = new Uint8Array(new SharedArrayBuffer(CHUNK))
    const writer = new Worker(
      `const { workerData } = require('node:worker_threads')
      for (;;) workerData.fill(Math.random() * 256)`,
      { eval: true, workerData: shared },
    )
    try {
      while (shared[0] === 0) await pause(1)
      for (let n = 0; n < 10; n++) {
        const { id } = await tenant.memory.artifacts.put({ name: 'a', content: shared })
        // Compares the SHA-256 at the end.
        expect((await bytesOf(tenant, id)).byteLength).toBe(CHUNK)
      }
    } finally {
      await writer.terminate()
    }
  })

  test('of many at once, some without any: in one call, in calls that share a statement, in a transaction', async () => {
    const tenant = await newTenant(fleet())
    const artifacts = [0, 10, 0, 70_000, 1, 10, 300_000, 64].map((size, i) => ({
      name: `${i}`,
      content: i % 2 ? randomBytes(size) : prose(size),
    }))
    const same = async (put: readonly { id: string }[]) => {
      const found = await Promise.all(put.map(({ id }) => bytesOf(tenant, id)))
      expect(found.map(sha256)).toEqual(artifacts.map(({ content }) => sha256(content)))
    }
    await same(await tenant.memory.artifacts.put(artifacts))
    await same(await Promise.all(artifacts.map((artifact) => tenant.memory.artifacts.put(artifact))))
    await same(await tenant.transaction(({ memory }) => memory.artifacts.put(artifacts)))
    const fresh = await newTenant(fleet())
    const put = await fresh.transaction(({ memory }) => memory.artifacts.put(artifacts))
    for (const [i, { id }] of put.entries())
      expect((await bytesOf(fresh, id)).equals(artifacts[i]?.content as Buffer)).toBe(true)
  })
})

describe('versions', () => {
  test('the same name is the next version, in each session by itself', async () => {
    const { memory } = await newTenant(fleet())
    const session = await memory.sessions.create()
    const put = (content: string, sessionId?: string) =>
      memory.artifacts.put({ name: 'report', content, ...(sessionId && { sessionId }) })
    expect((await put('1')).version).toBe(1)
    const second = await put('2')
    expect(second.version).toBe(2)
    expect((await put('1', session.id)).version).toBe(1)
    const both = await memory.artifacts.put([
      {
        name: 'report',
        content: '3',
        parent: second.id,
        tags: ['final'],
        type: 'agent_output',
        mimeType: 'text/plain',
        metadata: { by: 'me' },
      },
      { name: 'report', content: '4' },
    ])
    expect(both.map(({ version }) => version)).toEqual([3, 4])
    expect((await memory.artifacts.versions('report')).map(({ version }) => version)).toEqual([4, 3, 2, 1])
    expect((await memory.artifacts.versions('report', { before: 4, limit: 1 }))[0]).toMatchObject({
      version: 3,
      parent: second.id,
      tags: ['final'],
      type: 'agent_output',
      mimeType: 'text/plain',
      metadata: { by: 'me' },
      sessionId: null,
    })
    expect(await memory.artifacts.versions('report', { sessionId: session.id })).toHaveLength(1)
    expect(await memory.artifacts.list({ tag: 'final' })).toHaveLength(1)
    expect(await memory.artifacts.list({ type: 'custom' })).toHaveLength(4)
    // A version is never given twice.
    await memory.artifacts.delete((both[1] as { id: string }).id)
    expect((await put('5')).version).toBe(5)
  })

  test('of concurrent writers of a name each gets one of its own', async () => {
    const { memory } = await newTenant(fleet())
    const puts = await Promise.all(
      Array.from({ length: 40 }, (_, i) => memory.artifacts.put({ name: i % 2 ? 'odd' : 'even', content: `${i % 5}` })),
    )
    const versions = (name: number) =>
      puts
        .filter((_, i) => i % 2 === name)
        .map(({ version }) => version)
        .sort((a, b) => a - b)
    expect(versions(0)).toEqual(Array.from({ length: 20 }, (_, i) => i + 1))
    expect(versions(1)).toEqual(Array.from({ length: 20 }, (_, i) => i + 1))
    expect(await memory.artifacts.stats()).toMatchObject({ artifacts: 40, contents: 5, unreferenced: 0 })
  })

  test('the same id is kept once; with other bytes it is a conflict', async () => {
    const tenant = await newTenant(fleet())
    const id = uuidv7()
    const { artifacts } = tenant.memory
    const [first, ...again] = await Promise.all(
      Array.from({ length: 6 }, () => artifacts.put({ id, name: 'a', content: 'x' })),
    )
    for (const each of again) expect(each).toMatchObject({ id, version: 1, createdAt: first?.createdAt })
    // Alone it takes the way of a single artifact.
    const alone = await artifacts.put({ id, name: 'a', content: 'x' })
    expect(alone).toMatchObject({ id, version: 1, createdAt: first?.createdAt })
    expect((await failure(artifacts.put({ id, name: 'a', content: 'y' }), 'ID_CONFLICT')).field).toBe('artifacts[0].id')
    const error = await failure(
      artifacts.put([
        { name: 'b', content: 'fresh' },
        { id, name: 'a', content: 'y' },
      ]),
      'ID_CONFLICT',
    )
    expect(error.field).toBe('artifacts[1].id')
    expect(await held(tenant)).toEqual({ artifacts: 1, contents: 1, chunks: 1, uploads: 0 })
    expect((await artifacts.put({ name: 'a', content: 'z' })).version).toBe(2)
  })
})

describe('what fails leaves nothing', () => {
  const nothing = { artifacts: 0, contents: 0, chunks: 0, uploads: 0 }
  async function* broken(pieces: number): AsyncGenerator<Buffer> {
    for (let i = 0; i < pieces; i++) yield randomBytes(CHUNK)
    throw new Error('the source broke')
  }

  test.each([0, 1, 2, 9])('a stream that breaks off after %i chunks', async (pieces) => {
    const tenant = await newTenant(fleet())
    const error = await failure(tenant.memory.artifacts.put({ name: 'a', content: broken(pieces) }), 'UPLOAD_BROKEN')
    expect(error.field).toBe('artifacts[0].content')
    expect((error.cause as Error).message).toBe('the source broke')
    expect(await held(tenant)).toEqual(nothing)
  })

  test('one of two streams of a call that breaks off', async () => {
    const tenant = await newTenant(fleet())
    const content = randomBytes(3 * CHUNK)
    await failure(
      tenant.memory.artifacts.put([
        { name: 'a', content },
        { name: 'b', content: broken(2) },
      ]),
      'UPLOAD_BROKEN',
    )
    expect(await held(tenant)).toEqual(nothing)
  })

  test.each([10, 3 * CHUNK])('%i bytes with another hash', async (size) => {
    const tenant = await newTenant(fleet())
    const error = await failure(
      tenant.memory.artifacts.put({ name: 'a', content: randomBytes(size), sha256: sha256('other') }),
      'HASH_MISMATCH',
    )
    expect(error.field).toBe('artifacts[0].content')
    expect(await held(tenant)).toEqual(nothing)
  })

  test.each([10, 3 * CHUNK])('more than %i bytes where so many are allowed', async (sizeMax) => {
    const tenant = await newTenant(fleet())
    for (const content of [Buffer.alloc(sizeMax + 1), Readable.from([Buffer.alloc(sizeMax), Buffer.alloc(1)])]) {
      const error = await failure(tenant.memory.artifacts.put({ name: 'a', content, sizeMax }), 'INPUT_INVALID')
      expect(error).toMatchObject({ field: 'artifacts[0].content', details: { sizeMax } })
      expect(error.message).toContain(`more than ${sizeMax} bytes`)
    }
    expect(await held(tenant)).toEqual(nothing)
  })

  test('an abort, also of a stream that gives nothing more', async () => {
    const tenant = await newTenant(fleet())
    const abort = new AbortController()
    let closed = false
    async function* endless() {
      try {
        for (let i = 0; i < 4; i++) yield randomBytes(CHUNK)
        setTimeout(() => abort.abort(), 20)
        await new Promise((resolve) => setTimeout(resolve, 300))
      } finally {
        closed = true
      }
    }
    await failure(tenant.memory.artifacts.put({ name: 'a', content: endless() }, { signal: abort.signal }), 'ABORTED')
    expect(await held(tenant)).toEqual(nothing)
    await new Promise((resolve) => setTimeout(resolve, 400))
    expect(closed).toBe(true)
  })

  test('a session or a parent that is not there', async () => {
    const tenant = await newTenant(fleet())
    const { artifacts } = tenant.memory
    const other = (await newTenant(fleet())).memory
    const stranger = await other.sessions.create()
    for (const content of ['x', randomBytes(2 * CHUNK)]) {
      expect(
        await failure(artifacts.put({ name: 'a', content, sessionId: stranger.id }), 'SESSION_UNKNOWN'),
      ).toMatchObject({ field: 'artifacts[0].sessionId' })
      expect(await failure(artifacts.put({ name: 'a', content, parent: uuidv7() }), 'ARTIFACT_UNKNOWN')).toMatchObject({
        field: 'artifacts[0].parent',
      })
    }
    expect(await held(tenant)).toEqual(nothing)
  })

  test('a transaction that is rolled back, with a stream in it', async () => {
    const tenant = await newTenant(fleet())
    const bytes = randomBytes(3 * CHUNK)
    await expect(
      tenant.transaction(async ({ memory }) => {
        const { id } = await memory.artifacts.put({ name: 'a', content: Readable.from([bytes]) })
        expect((await memory.artifacts.readBytes(id)).equals(bytes)).toBe(true)
        throw new Error('no')
      }),
    ).rejects.toThrow('no')
    expect(await held(tenant)).toEqual(nothing)
  })

  test('one bad artifact in a batch rejects its own caller only', async () => {
    const tenant = await newTenant(fleet())
    const contents = Array.from({ length: 9 }, () => randomBytes(50_000))
    const calls = await Promise.allSettled(
      contents.map((content, i) =>
        tenant.memory.artifacts.put({ name: `${i}`, content, ...(i === 4 && { parent: uuidv7() }) }),
      ),
    )
    expect(calls.map(({ status }) => status === 'fulfilled')).toEqual(contents.map((_, i) => i !== 4))
    for (const [i, call] of calls.entries()) {
      if (call.status !== 'fulfilled') continue
      expect((await bytesOf(tenant, call.value.id)).equals(contents[i] as Buffer)).toBe(true)
    }
  })
})

describe('damage is found on reading, before the damaged bytes are given out', () => {
  const damages: [string, string][] = [
    [
      'a changed byte',
      `update memory.artifact_chunks set data = set_byte(data, 10, get_byte(data, 10) # 1) where tenant_id = $1 and chunk_no = 1`,
    ],
    [
      'a chunk cut off',
      `update memory.artifact_chunks set data = substring(data from 1 for 100) where tenant_id = $1 and chunk_no = 1`,
    ],
    ['a missing chunk', `delete from memory.artifact_chunks where tenant_id = $1 and chunk_no = 1`],
    [
      'a chunk in place of another',
      `update memory.artifact_chunks c set data = o.data, crc32 = o.crc32, size_bytes = o.size_bytes, codec = o.codec
      from memory.artifact_chunks o where c.tenant_id = $1 and o.tenant_id = $1 and c.chunk_no = 1 and o.chunk_no = 0`,
    ],
  ]
  test.each(damages)('%s', async (_, damage) => {
    for (const make of [randomBytes, prose]) {
      const tenant = await newTenant(fleet())
      const bytes = Buffer.from(make(2 * CHUNK))
      bytes[CHUNK] = (bytes[0] as number) ^ 255
      const { id } = await tenant.memory.artifacts.put({ name: 'a', content: bytes })
      await sql(fleet(), damage, [tenant.id])
      await failure(bytesOf(tenant, id), 'ARTIFACT_CORRUPT')
    }
  })

  test('one chunk that is another', async () => {
    const tenant = await newTenant(fleet())
    const { id } = await tenant.memory.artifacts.put({ name: 'a', content: 'one' })
    await sql(fleet(), `update memory.artifact_contents set sha256 = sha256('two') where tenant_id = $1`, [tenant.id])
    await failure(bytesOf(tenant, id), 'ARTIFACT_CORRUPT')
  })
})

describe('garbage', () => {
  const now = { graceMs: 0, uploadGraceMs: 0 }

  test('bytes stay while an artifact refers to them, and for the grace period', async () => {
    const tenant = await newTenant(fleet())
    const { artifacts } = tenant.memory
    const bytes = randomBytes(3 * CHUNK)
    const a = await artifacts.put({ name: 'a', content: bytes })
    const b = await artifacts.put({ name: 'b', content: bytes })
    await artifacts.delete(a.id)
    expect(await artifacts.collectGarbage(now)).toEqual({ contents: 0, bytes: 0, chunks: 0, uploads: 0, done: true })
    expect((await bytesOf(tenant, b.id)).equals(bytes)).toBe(true)
    await artifacts.delete(b.id)
    await artifacts.collectGarbage()
    expect(await artifacts.put({ name: 'c', content: bytes })).toMatchObject({ deduplicated: true })
    await artifacts.delete((await artifacts.list())[0]?.id as string)
    expect(await artifacts.collectGarbage({ ...now, stepsMax: 2 })).toMatchObject({ contents: 1, done: false })
    expect(await artifacts.collectGarbage(now)).toEqual({ contents: 0, bytes: 0, chunks: 3, uploads: 1, done: true })
    expect(await held(tenant)).toEqual({ artifacts: 0, contents: 0, chunks: 0, uploads: 0 })
  })

  test('an upload that stands still is collected, and then refused', async () => {
    const tenant = await newTenant(fleet())
    const { artifacts } = tenant.memory
    let collected = false
    async function* slow() {
      for (let i = 0; i < 8; i++) {
        if (i === 6) {
          await artifacts.collectGarbage()
          expect(await held(tenant)).toMatchObject({ uploads: 1 })
          // What a chunk on its way holds is skipped.
          do await artifacts.collectGarbage(now)
          while ((await held(tenant)).uploads > 0)
          collected = true
        }
        yield randomBytes(CHUNK)
      }
    }
    await failure(artifacts.put({ name: 'a', content: slow() }), 'UPLOAD_UNKNOWN')
    expect(collected).toBe(true)
    expect(await held(tenant)).toEqual({ artifacts: 0, contents: 0, chunks: 0, uploads: 0 })
  })

  test('what is deleted while it is read can be read to the end within the grace period, then is unknown', async () => {
    const tenant = await newTenant(fleet())
    const { artifacts } = tenant.memory
    const bytes = randomBytes(20 * CHUNK)
    const { id } = await artifacts.put({ name: 'a', content: bytes })
    const reader = artifacts.read(id)
    await reader.next()
    await artifacts.delete(id)
    await artifacts.collectGarbage()
    await reader.next()
    await artifacts.collectGarbage(now)
    await failure(
      (async () => {
        for await (const _ of reader);
      })(),
      'ARTIFACT_UNKNOWN',
    )
  })

  test('references stay right while everything happens at once: no artifact ever loses its bytes', async () => {
    const tenant = await newTenant(fleet())
    const { artifacts, sessions } = tenant.memory
    const contents = Array.from({ length: 6 }, (_, i) =>
      Buffer.from(prose((i % 2 ? 3 : 0.2) * CHUNK).map((b) => b ^ i)),
    )
    const session = await sessions.create()
    const live = new Map<string, Buffer>()
    let working = true
    const collecting = (async () => {
      while (working)
        await artifacts.collectGarbage(now).catch((error) => expect(error).toMatchObject({ code: 'CONFLICT' }))
    })()
    let collectedUploads = 0
    await Promise.all(
      Array.from({ length: 4 }, async (_, worker) => {
        for (let i = 0; i < 12; i++) {
          const content = contents[(worker + i) % contents.length] as Buffer
          try {
            const { id } = await artifacts.put({
              name: `n${i % 3}`,
              content,
              ...(i % 4 === 0 && { sessionId: session.id }),
            })
            live.set(id, content)
          } catch (error) {
            // Uploads have no grace here, so that they may be collected under way.
            expect(error).toMatchObject({ code: 'UPLOAD_UNKNOWN' })
            collectedUploads++
          }
          const [victim] = live.keys()
          if (i % 3 === 2 && victim !== undefined && live.delete(victim))
            expect(await artifacts.delete(victim)).toBe(true)
        }
      }),
    )
    working = false
    await collecting
    for (const [id, content] of live) expect((await bytesOf(tenant, id)).equals(content)).toBe(true)
    await artifacts.collectGarbage(now)
    const distinct = new Set([...live.values()].map((bytes) => sha256(bytes))).size
    const statistics = await artifacts.stats()
    expect(statistics).toMatchObject({ artifacts: live.size, contents: distinct, unreferenced: 0, uploads: 0 })
    expect(collectedUploads).toBeLessThan(24)
    const chunks = await sql<{ count: number }>(
      fleet(),
      `select count(*)::integer as count from memory.artifact_chunks c where c.tenant_id = $1
        and not exists (select from memory.artifact_contents x where x.tenant_id = $1 and x.content_id = c.content_id)`,
      [tenant.id],
    )
    expect(chunks).toEqual([{ count: 0 }])
  })
})

test('artifacts go with their session, and their bytes with the last of them', async () => {
  const tenant = await newTenant(fleet())
  const { artifacts, sessions } = tenant.memory
  const [one, two] = await sessions.create([{}, {}])
  const mine = await artifacts.put({ name: 'a', content: 'shared', sessionId: one?.id as string })
  const theirs = await artifacts.put({ name: 'a', content: 'shared', sessionId: two?.id as string })
  await sessions.delete(one?.id as string)
  expect(await artifacts.get([mine.id, theirs.id])).toMatchObject([undefined, { id: theirs.id }])
  await failure(bytesOf(tenant, mine.id), 'ARTIFACT_UNKNOWN')
  await artifacts.collectGarbage({ graceMs: 0 })
  expect((await bytesOf(tenant, theirs.id)).toString()).toBe('shared')
  await sql(fleet(), `update memory.sessions set expires_at = now() where tenant_id = $1`, [tenant.id])
  expect(await artifacts.get(theirs.id)).toBeUndefined()
  expect(await artifacts.versions('a', { sessionId: two?.id as string })).toEqual([])
})

test('the quota of bytes is enforced', async () => {
  const tenant = await newTenant(fleet())
  await fleet().tenants.setQuotas(tenant.id, { artifact_bytes: 1000 })
  await tenant.memory.artifacts.put({ name: 'a', content: randomBytes(2000) })
  expect(await fleet().tenants.measure(tenant.id)).toContainEqual(
    expect.objectContaining({ resource: 'artifact_bytes', rows: 2000 }),
  )
  await failure(tenant.memory.artifacts.put({ name: 'a', content: 'x' }), 'QUOTA_EXCEEDED')
})

describe('bad input is refused by name, and nothing is written', () => {
  const inputs: [string, string, unknown][] = [
    ['no content', 'artifacts[0].content', { name: 'a' }],
    ['a number as content', 'artifacts[0].content', { name: 'a', content: 5 }],
    ['a stream of numbers', 'artifacts[0].content', { name: 'a', content: [1, 2] }],
    ['a stream of objects', 'artifacts[0].content', { name: 'a', content: Readable.from([{ a: 1 }]) }],
    ['no name', 'artifacts[0].name', { content: 'x' }],
    ['an empty name', 'artifacts[0].name', { content: 'x', name: '' }],
    ['a name of 501 characters', 'artifacts[0].name', { content: 'x', name: 'n'.repeat(501) }],
    ['a name with a NUL character', 'artifacts[0].name', { content: 'x', name: 'a\0' }],
    ['an id that is no UUIDv7', 'artifacts[0].id', { content: 'x', name: 'a', id: 'x' }],
    ['a hash of another form', 'artifacts[0].sha256', { content: 'x', name: 'a', sha256: 'ABC' }],
    ['51 tags', 'artifacts[0].tags', { content: 'x', name: 'a', tags: Array(51).fill('t') }],
    ['a tag that is no text', 'artifacts[0].tags[0]', { content: 'x', name: 'a', tags: [1] }],
    ['metadata that is not JSON', 'artifacts[0].metadata', { content: 'x', name: 'a', metadata: { a: 1n } }],
    ['metadata too long', 'artifacts[0].metadata', { content: 'x', name: 'a', metadata: { a: 'x'.repeat(65_536) } }],
    ['a codec that is not known', 'artifacts[0].compression', { content: 'x', name: 'a', compression: 'zip' }],
    ['a negative size', 'artifacts[0].sizeMax', { content: 'x', name: 'a', sizeMax: -1 }],
    ['a member that is not known', 'artifacts[0].mime', { content: 'x', name: 'a', mime: 'text/plain' }],
  ]
  test.each(inputs)('%s', async (_, field, input) => {
    const tenant = await newTenant(fleet())
    const error = await failure(
      tenant.memory.artifacts.put(input as { name: string; content: string }),
      'INPUT_INVALID',
    )
    expect(error.field).toBe(field)
    expect(await held(tenant)).toEqual({ artifacts: 0, contents: 0, chunks: 0, uploads: 0 })
  })
})
