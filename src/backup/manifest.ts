import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { open, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { z } from 'zod'
import { FleetError } from '../errors.js'
import { encryptionShape } from './encryption.js'

const count = z.number().int().min(0).max(Number.MAX_SAFE_INTEGER)
const time = z.iso.datetime().transform((text) => new Date(text))

/** What a backup tells of itself: `manifest.json`, beside the dump. Holds no secret and no row. */
const manifestShape = z.strictObject({
  format: z.literal(1),
  /** The name of the backup, which is that of its folder. */
  name: z.string().min(1).max(200),
  database: z.string(),
  /** Of the server's cluster, which its standbys share; null where the login may not see it, and in backups of before. */
  systemIdentifier: z.string().nullable().default(null),
  /** How the database keeps texts; null in backups of before. */
  encoding: z.string().nullable().default(null),
  /** Of the server, like `17.6`. */
  serverVersion: z.string(),
  serverMajor: z.number().int(),
  /** Of the pg_dump that wrote it. */
  programVersion: z.string(),
  programMajor: z.number().int(),
  /** The migration that the database was at; null without a pgfleet schema. */
  schemaVersion: z.number().int().nullable(),
  /** Of the pgfleet that wrote it. */
  packageVersion: z.string(),
  startedAt: time,
  endedAt: time,
  /** Bytes of the database on its server. */
  databaseBytes: count,
  /** Bytes of the files of the backup. */
  bytes: count,
  /** Every file of the dump as it lies on disk, encrypted where the backup is. */
  files: z
    .array(
      z.strictObject({
        path: z.string().regex(/^[\w.-]+$/),
        bytes: count,
        sha256: z.string().regex(/^[0-9a-f]{64}$/),
      }),
    )
    .min(1),
  /** Rows of each table, counted in the snapshot that was dumped. */
  tables: z.array(z.strictObject({ name: z.string(), rows: count })),
  /** Roles that objects of the database name, without passwords. */
  roles: z.array(z.strictObject({ name: z.string(), canLogIn: z.boolean(), bypassesRls: z.boolean() })),
  /** Which of these roles are members of which. */
  memberships: z.array(
    z.strictObject({ role: z.string(), member: z.string(), inherits: z.boolean(), sets: z.boolean() }),
  ),
  extensions: z.array(z.strictObject({ name: z.string(), version: z.string() })),
  encryption: encryptionShape.nullable(),
})
export type Manifest = z.infer<typeof manifestShape>

export const MANIFEST = 'manifest.json'
/** The folder of the dump inside a backup. */
export const DUMP = 'dump'

/** A manifest as it was read, and the HMAC it was sealed with when the backup is encrypted. */
export interface ReadManifest {
  readonly manifest: Manifest
  /** The text that is sealed. */
  readonly text: string
  readonly seal: string | undefined
}

/** Writes it, with its own checksum, and sees it on disk. `seal`: of an encrypted backup's key. */
export async function writeManifest(
  folder: string,
  manifest: Manifest,
  seal: ((text: string) => string) | undefined,
): Promise<void> {
  const text = JSON.stringify(manifest)
  const document = { manifest, sha256: sha256(text), ...(seal === undefined ? {} : { seal: seal(text) }) }
  await using file = await open(join(folder, MANIFEST), 'wx', 0o600)
  await file.writeFile(`${JSON.stringify(document, null, 2)}\n`)
  await file.sync()
}

/** Reads the manifest of a backup's folder. Errors: BACKUP_UNKNOWN, BACKUP_CORRUPT. */
export async function readManifest(folder: string): Promise<ReadManifest> {
  const path = join(folder, MANIFEST)
  const content = await readFile(path, 'utf8').catch((cause: NodeJS.ErrnoException) => {
    throw new FleetError('BACKUP_UNKNOWN', {
      message: `${folder} is no complete backup: ${cause.code} of ${MANIFEST}`,
      cause,
    })
  })
  const corrupt = (why: string, cause?: unknown) =>
    new FleetError('BACKUP_CORRUPT', { message: `${path}: ${why}`, cause, details: { file: MANIFEST } })
  let parsed: unknown
  try {
    parsed = JSON.parse(content)
  } catch (cause) {
    throw corrupt('it is not JSON', cause)
  }
  const outer = z.object({ manifest: z.unknown(), sha256: z.string(), seal: z.string().optional() }).safeParse(parsed)
  if (!outer.success) throw corrupt('it is not a manifest')
  const text = JSON.stringify(outer.data.manifest)
  if (sha256(text) !== outer.data.sha256) throw corrupt('its checksum differs')
  const found = manifestShape.safeParse(outer.data.manifest)
  if (!found.success) throw corrupt(`it is of another version of pgfleet: ${found.error.issues[0]?.path.join('.')}`)
  return { manifest: found.data, text, seal: outer.data.seal }
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}

/** The SHA-256 of a file, in hexadecimal. */
export async function checksumOf(path: string, signal?: AbortSignal): Promise<string> {
  const hash = createHash('sha256')
  await pipeline(createReadStream(path, { highWaterMark: 1_048_576 }), hash, signal === undefined ? {} : { signal })
  return hash.digest('hex')
}
