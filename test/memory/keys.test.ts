import { inspect } from 'node:util'
import { type Fleet, type KeyProvider, openFleet, staticKeyProvider } from 'pgfleet'
import { v7 as uuidv7 } from 'uuid'
import { describe, expect, test } from 'vitest'
import { afterFile, createTestDatabase, onEngines } from '../setup/index.js'
import { failure, newTenant, sql, useFleet } from '../setup/tenant.js'

const MASTER = Buffer.alloc(32, 7)
const fleet = useFleet({ keyProvider: staticKeyProvider({ key: MASTER, keyId: 'first' }) })

describe('API keys', () => {
  test('a key is shown once, and tells who presents it', async () => {
    const { id: tenant, memory } = await newTenant(fleet())
    const made = await memory.keys.create({ name: 'ci', scopes: ['read', 'write'], metadata: { team: 'a' } })
    expect(made.key).toMatch(/^pgf_[A-Za-z0-9_-]{64}\./)
    expect(made.key.endsWith(`.${tenant}`)).toBe(true)
    const principal = {
      tenant,
      keyId: made.id,
      name: 'ci',
      scopes: ['read', 'write'],
      metadata: { team: 'a' },
      expiresAt: null,
    }
    expect(await memory.keys.verify(made.key)).toEqual(principal)
    expect(await memory.keys.verify(made.key, { scope: 'write' })).toEqual(principal)
    expect(await fleet().verifyKey(made.key, { scope: 'read' })).toEqual(principal)
    const error = await failure(memory.keys.verify(made.key, { scope: 'admin' }), 'KEY_SCOPE_MISSING')
    expect(error.field).toBe('options.scope')
    const all = await memory.keys.create({ name: 'root', scopes: ['*'] })
    expect(await memory.keys.verify(all.key, { scope: 'anything' })).toMatchObject({ name: 'root' })
  })

  test('the database holds its hash only', async () => {
    const { id: tenant, memory } = await newTenant(fleet())
    const { id, key } = await memory.keys.create({ name: 'ci' })
    const secret = Buffer.from(key.slice(4, 68), 'base64url').subarray(16)
    const [row] = await sql<{ row: string; good: boolean }>(
      fleet(),
      'select k::text as row, k.secret_hash = sha256($3) as good from memory.api_keys k where k.tenant_id = $1 and k.key_id = $2',
      [tenant, id, secret],
    )
    expect(row?.good).toBe(true)
    expect(row?.row).not.toContain(secret.toString('hex'))
    expect(row?.row).not.toContain(key.slice(30, 68))
  })

  test('what is no key of the tenant is unknown, whatever is wrong with it, and never repeated', async () => {
    const { id: tenant, memory } = await newTenant(fleet())
    const other = await newTenant(fleet())
    const { key } = await memory.keys.create({ name: 'ci' })
    const theirs = await other.memory.keys.create({ name: 'ci' })
    const body = Buffer.from(key.slice(4, 68), 'base64url')
    const flipped = Buffer.from(body)
    flipped[40] = (flipped[40] as number) ^ 1
    const strange = Buffer.concat([Buffer.alloc(16, 255), body.subarray(16)])
    const wrong: unknown[] = [
      '',
      'x',
      key.slice(0, -1),
      `${key} `,
      key.replace('pgf_', 'pgg_'),
      theirs.key,
      theirs.key.replace(other.id, tenant),
      key.replace(tenant, 'no-such-tenant'),
      `pgf_${flipped.toString('base64url')}.${tenant}`,
      `pgf_${strange.toString('base64url')}.${tenant}`,
      `${key}'; drop table memory.api_keys; --`,
      'a'.repeat(1_000_000),
      null,
      undefined,
      5,
      { toString: () => key },
    ]
    for (const text of wrong) {
      for (const verify of [memory.keys.verify, text === theirs.key ? memory.keys.verify : fleet().verifyKey]) {
        const error = await failure(verify(text as string), 'KEY_UNKNOWN')
        expect(error.message).toBe('what was presented is not an API key of this tenant')
        expect(error.field).toBe('key')
      }
    }
    expect(await fleet().verifyKey(key)).toMatchObject({ tenant })
  })

  test('a revoked, an expired and a deleted key are refused at once', async () => {
    const { id: tenant, memory } = await newTenant(fleet())
    const one = await memory.keys.create({ name: 'one' })
    await memory.keys.revoke(one.id)
    const { revokedAt } = (await memory.keys.get(one.id)) as { revokedAt: Date }
    await memory.keys.revoke(one.id)
    expect(await memory.keys.get(one.id)).toMatchObject({ revokedAt })
    await failure(memory.keys.verify(one.key), 'KEY_REVOKED')
    await failure(memory.keys.rotate(one.id), 'KEY_REVOKED')
    const two = await memory.keys.create({ name: 'two', expiresAt: new Date(Date.now() + 60_000) })
    expect((await memory.keys.verify(two.key)).expiresAt).toBeInstanceOf(Date)
    await sql(fleet(), 'update memory.api_keys set expires_at = now() where tenant_id = $1 and key_id = $2', [
      tenant,
      two.id,
    ])
    await failure(memory.keys.verify(two.key), 'KEY_EXPIRED')
    await failure(memory.keys.rotate(two.id), 'KEY_EXPIRED')
    expect(await memory.keys.delete(two.id)).toBe(true)
    expect(await memory.keys.delete(two.id)).toBe(false)
    await failure(memory.keys.verify(two.key), 'KEY_UNKNOWN')
    await failure(memory.keys.revoke(two.id), 'KEY_UNKNOWN')
    await failure(memory.keys.rotate(two.id), 'KEY_UNKNOWN')
  })

  test('after a rotation both keys are good for the overlap; then the new one', async () => {
    const { id: tenant, memory } = await newTenant(fleet())
    const old = await memory.keys.create({ name: 'ci', scopes: ['read'], metadata: { a: 1 } })
    const fresh = await memory.keys.rotate(old.id, { overlapMs: 60_000 })
    expect(await memory.keys.verify(old.key, { scope: 'read' })).toMatchObject({ keyId: old.id })
    expect(await memory.keys.verify(fresh.key, { scope: 'read' })).toMatchObject({
      keyId: fresh.id,
      metadata: { a: 1 },
    })
    const [newest, oldest] = await memory.keys.list()
    expect(newest).toMatchObject({ id: fresh.id, rotatedFrom: old.id, expiresAt: null })
    expect(oldest?.expiresAt?.getTime()).toBeLessThanOrEqual(Date.now() + 60_000)
    await sql(fleet(), `update memory.api_keys set expires_at = now() where tenant_id = $1 and key_id = $2`, [
      tenant,
      old.id,
    ])
    await failure(memory.keys.verify(old.key), 'KEY_EXPIRED')
    const third = await memory.keys.rotate(fresh.id, { overlapMs: 0 })
    await failure(memory.keys.verify(fresh.key), 'KEY_EXPIRED')
    expect(await memory.keys.verify(third.key)).toMatchObject({ name: 'ci' })
    expect((await memory.keys.list({ limit: 1, after: third.id }))[0]?.id).toBe(fresh.id)
  })

  test('uses are counted in this process, and written together', async () => {
    const { keys } = (await newTenant(fleet())).memory
    const [a, b] = [await keys.create({ name: 'a' }), await keys.create({ name: 'b' })]
    const started = Date.now()
    await Promise.all(Array.from({ length: 50 }, (_, i) => keys.verify(i % 5 === 0 ? b.key : a.key)))
    expect(await keys.get(a.id)).toMatchObject({ usageCount: 0, lastUsedAt: null })
    await new Promise((resolve) => setTimeout(resolve, 5_500))
    expect(await keys.get(a.id)).toMatchObject({ usageCount: 40 })
    expect(await keys.get(b.id)).toMatchObject({ usageCount: 10 })
    expect((await keys.get(b.id))?.lastUsedAt?.getTime()).toBeGreaterThanOrEqual(started - 1)
  })

  onEngines(['direct', 'pooled'], 'the embedded database in memory is gone when it is closed')(
    'uses that wait are written when the fleet is closed, and add up over processes',
    async () => {
      const { options } = await createTestDatabase()
      const fleets = [await openFleet(options), await openFleet(options)] as [Fleet, Fleet]
      await fleets[0].tenants.create({ id: 'acme' })
      const { id, key } = await fleets[0].tenant('acme').memory.keys.create({ name: 'a' })
      for (const each of fleets) for (let i = 0; i < 7; i++) await each.verifyKey(key)
      await Promise.all(fleets.map((each) => each.close()))
      const after = await openFleet(options)
      afterFile(() => after.close())
      expect(await after.tenant('acme').memory.keys.get(id)).toMatchObject({ usageCount: 14 })
    },
  )

  const inputs: [string, unknown][] = [
    ['key.name', { name: '' }],
    ['key.name', { name: 'n\0' }],
    ['key.scopes', { name: 'a', scopes: 'read' }],
    ['key.scopes[0]', { name: 'a', scopes: [''] }],
    ['key.expiresAt', { name: 'a', expiresAt: new Date(0) }],
    ['key.expiresAt', { name: 'a', expiresAt: new Date(Number.NaN) }],
    ['key.metadata', { name: 'a', metadata: { a: undefined } }],
    ['key.scope', { name: 'a', scope: 'read' }],
  ]
  test.each(inputs)('bad input: %s', async (field, input) => {
    const { memory } = await newTenant(fleet())
    expect(await failure(memory.keys.create(input as { name: string }), 'INPUT_INVALID')).toMatchObject({ field })
    expect(await memory.keys.list()).toEqual([])
  })
})

describe('secrets', () => {
  const VALUE = 'sk-very-secret-value'

  test('come back as they went in; the database holds neither value nor data key', async () => {
    const { id: tenant, memory } = await newTenant(fleet())
    expect(await memory.secrets.set('openai', VALUE, { metadata: { owner: 'ml' } })).toMatchObject({
      service: 'openai',
      version: 1,
      isActive: true,
      metadata: { owner: 'ml' },
      deactivatedAt: null,
    })
    expect(await memory.secrets.get('openai')).toBe(VALUE)
    expect(await memory.secrets.set('ünï', 'grüße 🔑')).toMatchObject({ version: 1 })
    expect(await memory.secrets.get('ünï')).toBe('grüße 🔑')
    const rows = await sql<{ row: string }>(
      fleet(),
      `select encode(s.ciphertext, 'escape') || s::text || d::text as row from memory.secrets s join memory.data_keys d using (tenant_id) where s.tenant_id = $1`,
      [tenant],
    )
    expect(rows).toHaveLength(2)
    for (const { row } of rows) expect(row).not.toContain('very-secret')
  })

  test('rotating keeps any number of old versions, one of them active', async () => {
    const { memory } = await newTenant(fleet())
    expect(await failure(memory.secrets.rotate('s', 'x'), 'SECRET_UNKNOWN')).toMatchObject({ field: 'service' })
    await memory.secrets.set('s', 'v1')
    for (let i = 2; i <= 6; i++) expect(await memory.secrets.rotate('s', `v${i}`)).toMatchObject({ version: i })
    expect(await memory.secrets.get('s')).toBe('v6')
    expect(await memory.secrets.get('s', { version: 3 })).toBe('v3')
    const versions = await memory.secrets.list({ service: 's' })
    expect(versions.map(({ isActive }) => isActive)).toEqual([false, false, false, false, false, true])
    expect(inspect(versions)).not.toContain('v3')
    await memory.secrets.set('a', 'x')
    expect(
      (await memory.secrets.list({ limit: 3, after: { service: 's', version: 4 } })).map(({ version }) => version),
    ).toEqual([5, 6])
    expect((await memory.secrets.list({ limit: 2 })).map(({ service }) => service)).toEqual(['a', 's'])
    expect(await memory.secrets.deactivate('s')).toBe(true)
    expect(await memory.secrets.deactivate('s')).toBe(false)
    await failure(memory.secrets.get('s'), 'SECRET_UNKNOWN')
    await failure(memory.secrets.rotate('s', 'x'), 'SECRET_UNKNOWN')
    expect(await memory.secrets.get('s', { version: 6 })).toBe('v6')
    expect(await memory.secrets.set('s', 'v7')).toMatchObject({ version: 7 })
    expect(await memory.secrets.delete('s', { version: 2 })).toBe(1)
    expect(await memory.secrets.delete('s')).toBe(6)
    await failure(memory.secrets.get('s', { version: 3 }), 'SECRET_UNKNOWN')
  })

  test('concurrent writers each make a version, and one is active', async () => {
    const { id: tenant, memory } = await newTenant(fleet())
    const made = await Promise.all(Array.from({ length: 12 }, (_, i) => memory.secrets.set('s', `value ${i}`)))
    expect(made.map(({ version }) => version).sort((a, b) => a - b)).toEqual(
      Array.from({ length: 12 }, (_, i) => i + 1),
    )
    for (const [i, { version }] of made.entries()) expect(await memory.secrets.get('s', { version })).toBe(`value ${i}`)
    const [row] = await sql<{ active: number; keys: number }>(
      fleet(),
      `select count(*) filter (where is_active)::integer as active, (select count(*)::integer from memory.data_keys where tenant_id = $1) as keys
      from memory.secrets where tenant_id = $1`,
      [tenant],
    )
    expect(row).toEqual({ active: 1, keys: 1 })
  })

  test('a row that was changed, or copied to another tenant, service or version, cannot be read', async () => {
    const { id: tenant, memory } = await newTenant(fleet())
    const other = await newTenant(fleet())
    const reset = async () => {
      await memory.secrets.delete('s')
      await memory.secrets.set('s', VALUE)
      await memory.secrets.set('s', 'second')
    }
    const damages = [
      `update memory.secrets set ciphertext = set_byte(ciphertext, 14, get_byte(ciphertext, 14) # 1) where tenant_id = $1 and version = 2`,
      `update memory.secrets set ciphertext = '\\x00' where tenant_id = $1 and version = 2`,
      `update memory.secrets s set ciphertext = o.ciphertext from memory.secrets o where s.tenant_id = $1 and o.tenant_id = $1 and s.version = 2 and o.version = 1`,
    ]
    for (const damage of damages) {
      await reset()
      await sql(fleet(), damage, [tenant])
      const error = await failure(memory.secrets.get('s'), 'SECRET_UNREADABLE')
      expect(inspect(error) + JSON.stringify(error)).not.toMatch(/second|very-secret/)
    }
    await reset()
    await memory.secrets.set('t', 'of t')
    await sql(
      fleet(),
      `update memory.secrets s set ciphertext = o.ciphertext from memory.secrets o where s.tenant_id = $1 and o.tenant_id = $1 and s.service = 't' and o.service = 's' and o.version = 1`,
      [tenant],
    )
    await failure(memory.secrets.get('t'), 'SECRET_UNREADABLE')
    // With its data key it can be copied, and is of no use there.
    await sql(
      fleet(),
      `insert into memory.data_keys select $2, data_key_id, master_key_id, wrapped_key from memory.data_keys where tenant_id = $1`,
      [tenant, other.id],
    )
    await sql(
      fleet(),
      `insert into memory.secrets (tenant_id, secret_id, service, version, is_active, data_key_id, ciphertext)
      select $2, secret_id, service, version, is_active, data_key_id, ciphertext from memory.secrets where tenant_id = $1 and service = 's'`,
      [tenant, other.id],
    )
    await failure(other.memory.secrets.get('s'), 'KEY_PROVIDER_FAILED')
  })

  test('without a provider they are refused, and everything else works', async () => {
    const { options } = await createTestDatabase()
    const bare = await openFleet(options)
    afterFile(() => bare.close())
    await bare.tenants.create({ id: 'acme' })
    const { memory } = bare.tenant('acme')
    for (const call of [memory.secrets.set('s', VALUE), memory.secrets.rewrap()]) {
      const error = await failure(call, 'KEY_PROVIDER_MISSING')
      expect(inspect(error)).not.toContain(VALUE)
    }
    await failure(memory.secrets.get('s'), 'SECRET_UNKNOWN')
    expect(await memory.keys.create({ name: 'a' })).toMatchObject({ id: expect.any(String) })
  })

  onEngines(['direct', 'pooled'], 'two fleets need a database that both can open')(
    'changing the master key wraps the data keys anew, and no secret',
    async () => {
      const { options } = await createTestDatabase()
      const open = async (keyProvider: KeyProvider) => {
        const opened = await openFleet({ ...options, keyProvider })
        afterFile(() => opened.close())
        return opened
      }
      const SECOND = Buffer.alloc(32, 9).toString('base64')
      const first = await open(staticKeyProvider({ key: MASTER, keyId: 'first' }))
      await first.tenants.create({ id: 'acme' })
      await first.tenant('acme').memory.secrets.set('s', VALUE)
      const ciphertext = () => sql<{ c: Buffer }>(first, 'select ciphertext as c from memory.secrets')
      const before = await ciphertext()
      const both = await open(staticKeyProvider({ key: SECOND, keyId: 'second', former: { first: MASTER } }))
      const { secrets } = both.tenant('acme').memory
      expect(await secrets.get('s')).toBe(VALUE)
      expect(await secrets.rewrap()).toBe(1)
      expect(await secrets.rewrap()).toBe(0)
      expect(await ciphertext()).toEqual(before)
      const second = await open(staticKeyProvider({ key: SECOND, keyId: 'second' }))
      expect(await second.tenant('acme').memory.secrets.get('s')).toBe(VALUE)
      const stale = await open(staticKeyProvider({ key: MASTER, keyId: 'first' }))
      await failure(stale.tenant('acme').memory.secrets.get('s'), 'KEY_PROVIDER_FAILED')
      const wrong = await open(staticKeyProvider({ key: MASTER, keyId: 'second' }))
      const error = await failure(wrong.tenant('acme').memory.secrets.get('s'), 'KEY_PROVIDER_FAILED')
      expect(inspect(error)).not.toContain(MASTER.toString('base64'))
    },
  )

  test('a provider that fails, or gives nonsense, is named as the cause', async () => {
    const { options } = await createTestDatabase()
    const provider: KeyProvider = {
      currentKeyId: () => 'k',
      wrap: () => Promise.reject(new Error('the key service is away')),
      unwrap: () => Buffer.alloc(32),
    }
    const opened = await openFleet({ ...options, keyProvider: provider })
    afterFile(() => opened.close())
    await opened.tenants.create({ id: 'acme' })
    const error = await failure(opened.tenant('acme').memory.secrets.set('s', VALUE), 'KEY_PROVIDER_FAILED')
    expect(error.message).toContain('the key service is away')
    expect(error.retryable).toBe(true)
    expect(await opened.tenant('acme').memory.secrets.list()).toEqual([])
  })

  test('master keys that are none are refused, and not shown', async () => {
    for (const key of ['', 'short', Buffer.alloc(31), Buffer.alloc(33).toString('base64')]) {
      expect(() => staticKeyProvider({ key })).toThrowError(expect.objectContaining({ code: 'OPTIONS_INVALID' }))
    }
    expect(() => staticKeyProvider({ key: MASTER, keyId: 'a', former: { a: MASTER } })).toThrowError(/former/)
    await failure(openFleet({ keyProvider: {} as KeyProvider }), 'OPTIONS_INVALID')
    process.env.PGFLEET_MASTER_KEY = MASTER.toString('base64')
    expect(staticKeyProvider().currentKeyId()).toBe('static')
    delete process.env.PGFLEET_MASTER_KEY
    expect(() => staticKeyProvider()).toThrowError(expect.objectContaining({ field: 'key' }))
  })

  const inputs: [string, unknown, unknown, unknown][] = [
    ['service', '', 'x', {}],
    ['service', 'a\0', 'x', {}],
    ['service', 's'.repeat(201), 'x', {}],
    ['value', 's', '', {}],
    ['value', 's', 5, {}],
    ['value', 's', `${VALUE}\ud800`, {}],
    ['value', 's', VALUE.repeat(5000), {}],
    ['options.metadata', 's', 'x', { metadata: { a: () => 1 } }],
    ['options.ttl', 's', 'x', { ttl: 1 }],
  ]
  test.each(inputs)('bad input: %s', async (field, service, value, options) => {
    const { memory } = await newTenant(fleet())
    const error = await failure(
      memory.secrets.set(service as string, value as string, options as object),
      'INPUT_INVALID',
    )
    expect(error.field).toBe(field)
    expect(inspect(error)).not.toContain(VALUE)
    expect(await memory.secrets.list()).toEqual([])
  })
})

test('an unknown id is an unknown key, and a foreign one too', async () => {
  const { memory } = await newTenant(fleet())
  const other = (await newTenant(fleet())).memory
  const { id } = await other.keys.create({ name: 'theirs' })
  for (const each of [uuidv7(), id]) {
    await failure(memory.keys.revoke(each), 'KEY_UNKNOWN')
    expect(await memory.keys.get(each)).toBeUndefined()
  }
  await failure(memory.keys.revoke('x'), 'INPUT_INVALID')
})
