import { createHash, randomBytes } from 'node:crypto'
import { parse, stringify, v7 as uuidv7 } from 'uuid'

/** What the text of an API key holds. */
export interface ApiKeyParts {
  readonly tenant: string
  readonly keyId: string
  /** SHA-256 of the secret. */
  readonly secretHash: Buffer
}

const SECRET_BYTES = 32
const FORM = /^pgf_([A-Za-z0-9_-]{64})\.([a-z0-9][a-z0-9._-]{0,62})$/

/**
 * Makes an API key: `pgf_`, 64 characters of base64url, a dot, the tenant's id. The 64 characters are the key's id (16 bytes,
 * by which it is found) and its secret (32 random bytes). The prefix lets scanners of leaked keys recognise it.
 */
export function makeApiKey(tenant: string): ApiKeyParts & { readonly text: string } {
  const keyId = uuidv7()
  const secret = randomBytes(SECRET_BYTES)
  const body = Buffer.concat([parse(keyId), secret]).toString('base64url')
  return { tenant, keyId, secretHash: hashOf(secret), text: `pgf_${body}.${tenant}` }
}

/** What the text holds; undefined when it is no API key at all. */
export function readApiKey(text: string): ApiKeyParts | undefined {
  const [, body, tenant] = FORM.exec(text) ?? []
  if (body === undefined || tenant === undefined) return undefined
  const bytes = Buffer.from(body, 'base64url')
  try {
    return { tenant, keyId: stringify(bytes.subarray(0, 16)), secretHash: hashOf(bytes.subarray(16)) }
  } catch {
    // 16 bytes that are no UUID.
    return undefined
  }
}

// No salt and no stretching: the secret has 256 random bits, nobody can go through a list of likely ones.
function hashOf(secret: Uint8Array): Buffer {
  return createHash('sha256').update(secret).digest()
}
