import {
  createCipheriv,
  createDecipheriv,
  createHash,
  createHmac,
  hkdfSync,
  randomBytes,
  scrypt,
  timingSafeEqual,
} from 'node:crypto'
import { open, readFile } from 'node:fs/promises'
import { z } from 'zod'
import { FleetError } from '../errors.js'

/** Where a key comes from. Both are read when used, and nowhere written. */
export type KeySource =
  /** A file of 32 bytes or more, random: `openssl rand -out backup.key 32`. */
  | { readonly file: string }
  /** The name of a variable of the environment that holds a passphrase of 12 characters or more. */
  | { readonly variable: string }

/** What a manifest tells of how its files were encrypted; none of it is secret. */
export const encryptionShape = z.strictObject({
  cipher: z.literal('aes-256-gcm'),
  derivation: z.enum(['scrypt', 'hkdf-sha256']),
  /** Hexadecimal; for one backup. */
  salt: z.string().regex(/^[0-9a-f]{32}$/),
  /** An HMAC that only this key gives: tells a wrong key before anything is read. */
  check: z.string().regex(/^[0-9a-f]{64}$/),
})
export type Encryption = z.infer<typeof encryptionShape>

/** The key of one backup. */
export interface BackupKey {
  readonly encryption: Encryption
  /** An HMAC over a text, so that nobody without the key can write another manifest. */
  seal(text: string): string
  /** The key of one file. */
  fileKey(path: string, salt: Buffer): Buffer
}

const CHUNK_BYTES = 1_048_576
const TAG_BYTES = 16
const SALT_BYTES = 16
const MAGIC = Buffer.from('PGFLEET1')
const KEY_FILE_BYTES_MIN = 32
const PASSPHRASE_LENGTH_MIN = 12

/** Makes a key for a new backup. Errors: BACKUP_KEY_INVALID. */
export async function newKey(source: KeySource): Promise<BackupKey> {
  const salt = randomBytes(SALT_BYTES)
  return keyOf(await derive(source, salt), 'file' in source ? 'hkdf-sha256' : 'scrypt', salt)
}

/** The key of a backup that was written with `encryption`. Errors: BACKUP_KEY_INVALID. */
export async function openKey(source: KeySource, encryption: Encryption): Promise<BackupKey> {
  const salt = Buffer.from(encryption.salt, 'hex')
  const key = keyOf(await derive(source, salt), encryption.derivation, salt)
  if (!timingSafeEqual(Buffer.from(key.encryption.check, 'hex'), Buffer.from(encryption.check, 'hex'))) {
    throw new FleetError('BACKUP_KEY_INVALID', { message: 'the backup was encrypted with another key' })
  }
  return key
}

function keyOf(master: Buffer, derivation: Encryption['derivation'], salt: Buffer): BackupKey {
  const sub = (purpose: string, own: Buffer) => Buffer.from(hkdfSync('sha256', master, own, purpose, 32))
  const hmac = (purpose: string, text: string) => createHmac('sha256', sub(purpose, salt)).update(text).digest('hex')
  return {
    encryption: { cipher: 'aes-256-gcm', derivation, salt: salt.toString('hex'), check: hmac('check', 'pgfleet') },
    seal: (text) => hmac('manifest', text),
    fileKey: (path, own) => sub(`file ${path}`, own),
  }
}

async function derive(source: KeySource, salt: Buffer): Promise<Buffer> {
  if ('file' in source) {
    const content = await readFile(source.file).catch((cause: NodeJS.ErrnoException) => {
      throw new FleetError('BACKUP_KEY_INVALID', { message: `the key file cannot be read: ${cause.code}`, cause })
    })
    if (content.length < KEY_FILE_BYTES_MIN) {
      throw new FleetError('BACKUP_KEY_INVALID', {
        message: `the key file has ${content.length} bytes; ${KEY_FILE_BYTES_MIN} are the least`,
      })
    }
    return Buffer.from(hkdfSync('sha256', content, salt, 'pgfleet backup', 32))
  }
  const passphrase = process.env[source.variable] ?? ''
  if (passphrase.length < PASSPHRASE_LENGTH_MIN) {
    throw new FleetError('BACKUP_KEY_INVALID', {
      message: `the variable ${source.variable} ${passphrase === '' ? 'is not set' : `has ${passphrase.length} characters; ${PASSPHRASE_LENGTH_MIN} are the least`}`,
    })
  }
  return await new Promise((resolve, reject) => {
    // 128 MB and a few tenths of a second for each guess.
    scrypt(passphrase, salt, 32, { N: 131_072, r: 8, p: 1, maxmem: 256 * 1024 * 1024 }, (error, key) =>
      error === null ? resolve(key) : reject(error),
    )
  })
}

/** The nonce of a chunk: its number, and whether it is the last, so that none can be moved, left out or cut off. */
function nonceOf(chunk: number, isLast: boolean): Buffer {
  const nonce = Buffer.alloc(12)
  nonce.writeUIntBE(chunk, 5, 6)
  nonce[11] = isLast ? 1 : 0
  return nonce
}

/** What was written of a file. */
export interface Written {
  readonly bytes: number
  readonly sha256: string
}

/** Encrypts a file in chunks of a megabyte. `path`: its name in the manifest, to which the key is bound. */
export async function encryptFile(key: BackupKey, path: string, from: string, to: string): Promise<Written> {
  const salt = randomBytes(SALT_BYTES)
  const fileKey = key.fileKey(path, salt)
  const hash = createHash('sha256')
  await using source = await open(from, 'r')
  await using target = await open(to, 'wx', 0o600)
  let bytes = 0
  const write = async (...parts: Buffer[]) => {
    for (const part of parts) {
      await target.writeFile(part)
      hash.update(part)
      bytes += part.length
    }
  }
  await write(MAGIC, salt)
  let chunk = await readFully(source, CHUNK_BYTES)
  for (let number = 0; ; number++) {
    const next = chunk.length < CHUNK_BYTES ? Buffer.alloc(0) : await readFully(source, CHUNK_BYTES)
    const isLast = next.length === 0
    const cipher = createCipheriv('aes-256-gcm', fileKey, nonceOf(number, isLast))
    await write(cipher.update(chunk), cipher.final(), cipher.getAuthTag())
    if (isLast) break
    chunk = next
  }
  await target.sync()
  return { bytes, sha256: hash.digest('hex') }
}

/** The way back. Errors: BACKUP_CORRUPT. */
export async function decryptFile(key: BackupKey, path: string, from: string, to: string): Promise<void> {
  await using source = await open(from, 'r')
  await using target = await open(to, 'wx', 0o600)
  const corrupt = (cause?: unknown) =>
    new FleetError('BACKUP_CORRUPT', { message: `${path} cannot be decrypted: it is not what was written`, cause })
  const head = await readFully(source, MAGIC.length + SALT_BYTES)
  if (head.length < MAGIC.length + SALT_BYTES || !head.subarray(0, MAGIC.length).equals(MAGIC)) throw corrupt()
  const fileKey = key.fileKey(path, head.subarray(MAGIC.length))
  let chunk = await readFully(source, CHUNK_BYTES + TAG_BYTES)
  for (let number = 0; ; number++) {
    const next =
      chunk.length < CHUNK_BYTES + TAG_BYTES ? Buffer.alloc(0) : await readFully(source, CHUNK_BYTES + TAG_BYTES)
    const isLast = next.length === 0
    if (chunk.length < TAG_BYTES) throw corrupt()
    const decipher = createDecipheriv('aes-256-gcm', fileKey, nonceOf(number, isLast), { authTagLength: TAG_BYTES })
    decipher.setAuthTag(chunk.subarray(-TAG_BYTES))
    try {
      await target.writeFile(Buffer.concat([decipher.update(chunk.subarray(0, -TAG_BYTES)), decipher.final()]))
    } catch (cause) {
      throw corrupt(cause)
    }
    if (isLast) break
    chunk = next
  }
}

/** The next bytes of a file, fewer at its end alone. */
async function readFully(file: { read: Awaited<ReturnType<typeof open>>['read'] }, bytes: number): Promise<Buffer> {
  const buffer = Buffer.allocUnsafe(bytes)
  let length = 0
  while (length < bytes) {
    const { bytesRead } = await file.read(buffer, length, bytes - length, null)
    if (bytesRead === 0) break
    length += bytesRead
  }
  return buffer.subarray(0, length)
}
