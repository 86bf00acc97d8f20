import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto'
import { FleetError } from './errors.js'

/**
 * Wraps the data keys of tenants with master keys that the database never sees: a key management service, or
 * `staticKeyProvider`. `context` names the tenant and the data key; a provider that can binds it to what it wraps.
 */
export interface KeyProvider {
  /** The master key that new data keys are wrapped with. */
  currentKeyId(): string | Promise<string>
  /** Encrypts a data key of 32 bytes with that master key. */
  wrap(masterKeyId: string, dataKey: Uint8Array, context: string): Uint8Array | Promise<Uint8Array>
  /** Decrypts it; fails for an unknown master key, another context and changed bytes. */
  unwrap(masterKeyId: string, wrapped: Uint8Array, context: string): Uint8Array | Promise<Uint8Array>
}

/** Master keys of `staticKeyProvider`. */
export interface StaticKeys {
  /** The current master key: 32 bytes, in base64 or as they are. @default the environment's PGFLEET_MASTER_KEY */
  readonly key?: string | Uint8Array
  /** Its id. Another key needs another one. @default 'static' */
  readonly keyId?: string
  /** Former master keys by id, for as long as data keys are wrapped with them. */
  readonly former?: Readonly<Record<string, string | Uint8Array>>
}

const NONCE_BYTES = 12
const TAG_BYTES = 16

/**
 * A provider with its master keys in the memory of this process. Errors: OPTIONS_INVALID when there is no key, or one
 * that is not 32 bytes; its text is never shown.
 */
export function staticKeyProvider(keys: StaticKeys = {}): KeyProvider {
  const current = keys.keyId ?? 'static'
  const byId = new Map<string, Buffer>()
  for (const [id, key] of Object.entries(keys.former ?? {})) byId.set(id, toKey(`former.${id}`, key))
  if (byId.has(current)) {
    throw new FleetError('OPTIONS_INVALID', {
      message: `the id '${current}' stands for a former master key`,
      field: 'keyId',
    })
  }
  byId.set(current, toKey('key', keys.key ?? process.env.PGFLEET_MASTER_KEY))
  const keyOf = (id: string): Buffer => {
    const key = byId.get(id)
    if (key === undefined) throw new Error(`there is no master key '${id}'`)
    return key
  }
  return {
    currentKeyId: () => current,
    wrap: (id, dataKey, context) => seal(keyOf(id), dataKey, context),
    unwrap: (id, wrapped, context) => unseal(keyOf(id), wrapped, context),
  }
}

function toKey(field: string, key: string | Uint8Array | undefined): Buffer {
  const bytes = typeof key === 'string' ? Buffer.from(key, 'base64') : key && Buffer.from(key)
  if (bytes?.byteLength !== 32) {
    throw new FleetError('OPTIONS_INVALID', {
      message: `master key '${field}' must be 32 bytes, as they are or in base64`,
      field,
      hint: 'Make one with: openssl rand -base64 32',
    })
  }
  return bytes
}

/** AES-256-GCM: a random nonce, the ciphertext, the tag. The context is authenticated with it, and not in it. */
export function seal(key: Uint8Array, plain: Uint8Array, context: string): Buffer {
  const nonce = randomBytes(NONCE_BYTES)
  const cipher = createCipheriv('aes-256-gcm', key, nonce).setAAD(Buffer.from(context))
  return Buffer.concat([nonce, cipher.update(plain), cipher.final(), cipher.getAuthTag()])
}

/** What was sealed; throws when the key, the context or a bit is another. */
export function unseal(key: Uint8Array, sealed: Uint8Array, context: string): Buffer {
  if (sealed.byteLength < NONCE_BYTES + TAG_BYTES) throw new Error('too short to be sealed')
  const behind = sealed.byteLength - TAG_BYTES
  const decipher = createDecipheriv('aes-256-gcm', key, sealed.subarray(0, NONCE_BYTES), { authTagLength: TAG_BYTES })
    .setAAD(Buffer.from(context))
    .setAuthTag(sealed.subarray(behind))
  return Buffer.concat([decipher.update(sealed.subarray(NONCE_BYTES, behind)), decipher.final()])
}
