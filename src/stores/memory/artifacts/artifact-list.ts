import { z } from 'zod'
import type { Session } from '../../../database/session.js'
import { readStatement, type Statement } from '../../../database/statement.js'
import { check, text } from '../../../input.js'
import type { Codec } from './artifact-chunk.js'

/** What is known of one version of an artifact, without its bytes. */
export interface Artifact {
  readonly id: string
  readonly sessionId: string | null
  readonly name: string
  readonly version: number
  readonly type: string
  readonly mimeType: string
  readonly tags: readonly string[]
  readonly metadata: Record<string, unknown>
  readonly parent: string | null
  /** Bytes. */
  readonly size: number
  /** Hexadecimal. */
  readonly sha256: string
  /** How its bytes are stored, and in how many of them; shared with every artifact of the same content. */
  readonly codec: Codec
  readonly storedBytes: number
  readonly contentId: string
  readonly createdAt: Date
}

/** What to list. */
export interface ArtifactListOptions {
  readonly sessionId?: string
  readonly type?: string
  readonly tag?: string
  readonly after?: string
  readonly limit?: number
  readonly signal?: AbortSignal
}

/** Artifacts and bytes of a tenant. */
export interface ArtifactStatistics {
  readonly artifacts: number
  /** What the artifacts would take if each were kept by itself. */
  readonly bytes: number
  /** Distinct contents, those that nothing refers to any more included; what they take, and are stored in. */
  readonly contents: number
  readonly contentBytes: number
  readonly storedBytes: number
  /** Contents that nothing refers to: garbage after the grace period. */
  readonly unreferenced: number
  /** Uploads that are being written, or that nobody goes on with. */
  readonly uploads: number
}

export interface ArtifactRow {
  readonly artifact_id: string
  readonly session_id: string | null
  readonly name: string
  readonly version: number
  readonly artifact_type: string
  readonly mime_type: string
  readonly tags: string[]
  readonly metadata: Record<string, unknown>
  readonly parent_artifact_id: string | null
  readonly size_bytes: number
  readonly created_at: Date
  readonly content_id: string
  readonly sha256: string
  readonly stored_bytes: number
  readonly chunk_count: number
  readonly codec: Codec
}

const COLUMNS = `a.artifact_id, a.session_id, a.name, a.version, a.artifact_type, a.mime_type, a.tags, a.metadata,
  a.parent_artifact_id, a.size_bytes, a.created_at, c.content_id, encode(c.sha256, 'hex') as sha256, c.stored_bytes, c.chunk_count, c.codec`
const JOINS = `join memory.artifact_contents c on c.tenant_id = a.tenant_id and c.content_id = a.content_id
  left join memory.sessions s on s.tenant_id = a.tenant_id and s.session_id = a.session_id`

const LIST = readStatement<ArtifactRow>(
  'memory.list_artifacts',
  `select ${COLUMNS} from memory.artifacts a ${JOINS}
  where a.tenant_id = current_setting('pgfleet.tenant') and (a.session_id is null or s.expires_at > now())
    and ($1::uuid is null or a.artifact_id < $1::uuid)
    and ($3::text is null or a.artifact_type = $3::text)
    and ($4::text is null or $4::text = any (a.tags))
  order by a.artifact_id desc
  limit $2::integer`,
)
const LIST_OF_SESSION = readStatement<ArtifactRow>(
  'memory.list_artifacts_of_session',
  `select ${COLUMNS} from memory.artifacts a ${JOINS}
  where a.tenant_id = current_setting('pgfleet.tenant') and a.session_id = $5::uuid and s.expires_at > now()
    and ($1::uuid is null or a.artifact_id < $1::uuid)
    and ($3::text is null or a.artifact_type = $3::text)
    and ($4::text is null or $4::text = any (a.tags))
  order by a.artifact_id desc
  limit $2::integer`,
)
const VERSIONS = readStatement<ArtifactRow>(
  'memory.list_artifact_versions',
  `select ${COLUMNS} from memory.artifacts a ${JOINS}
  where a.tenant_id = current_setting('pgfleet.tenant') and a.session_id is null and a.name = $1::text
    and ($2::integer is null or a.version < $2::integer)
  order by a.version desc
  limit $3::integer`,
)
const VERSIONS_IN_SESSION = readStatement<ArtifactRow>(
  'memory.list_artifact_versions_in_session',
  `select ${COLUMNS} from memory.artifacts a ${JOINS}
  where a.tenant_id = current_setting('pgfleet.tenant') and a.session_id = $4::uuid and s.expires_at > now() and a.name = $1::text
    and ($2::integer is null or a.version < $2::integer)
  order by a.version desc
  limit $3::integer`,
)
const STATISTICS = readStatement<{
  artifacts: number
  bytes: number
  contents: number
  content_bytes: number
  stored_bytes: number
  unreferenced: number
  uploads: number
}>(
  'memory.artifact_statistics',
  `select a.artifacts, a.bytes, c.contents, c.content_bytes, c.stored_bytes, c.unreferenced, u.uploads
  from (
    select count(*) as artifacts, coalesce(sum(x.size_bytes), 0)::bigint as bytes
    from memory.artifacts x where x.tenant_id = current_setting('pgfleet.tenant')
  ) a
  cross join (
    select count(*) as contents, coalesce(sum(x.size_bytes), 0)::bigint as content_bytes,
      coalesce(sum(x.stored_bytes), 0)::bigint as stored_bytes,
      count(*) filter (where not exists (
        select from memory.artifacts r where r.tenant_id = current_setting('pgfleet.tenant') and r.content_id = x.content_id
      )) as unreferenced
    from memory.artifact_contents x where x.tenant_id = current_setting('pgfleet.tenant')
  ) c
  cross join (select count(*) as uploads from memory.artifact_uploads x where x.tenant_id = current_setting('pgfleet.tenant')) u`,
)

export const ARTIFACT_LIST_STATEMENTS: readonly Statement<unknown>[] = [
  LIST,
  LIST_OF_SESSION,
  VERSIONS,
  VERSIONS_IN_SESSION,
  STATISTICS,
]

const signal = z.instanceof(AbortSignal).optional()
const limit = z.int().min(1).max(1000).default(100)
const listOptions = z.strictObject({
  sessionId: z.uuid().optional(),
  type: text(1, 50).optional(),
  tag: text(1, 100).optional(),
  after: z.uuid().optional(),
  limit,
  signal,
})
const versionOptions = z.strictObject({
  sessionId: z.uuid().optional(),
  before: z.int().min(1).max(2_147_483_647).optional(),
  limit,
  signal,
})

const reading = (signal: AbortSignal | undefined) => ({ idempotent: true, ...(signal && { signal }) })

export async function listArtifacts(session: Session, input: ArtifactListOptions = {}): Promise<Artifact[]> {
  const { sessionId, type, tag, after, limit, signal } = check('options', listOptions, input)
  const values = [after ?? null, limit, type ?? null, tag ?? null]
  const rows =
    sessionId === undefined
      ? await session.query(LIST, values, reading(signal))
      : await session.query(LIST_OF_SESSION, [...values, sessionId], reading(signal))
  return rows.map(toArtifact)
}

export async function listVersions(
  session: Session,
  input: string,
  options: { sessionId?: string; before?: number; limit?: number; signal?: AbortSignal } = {},
): Promise<Artifact[]> {
  const name = check('name', text(1, 500), input)
  const { sessionId, before, limit, signal } = check('options', versionOptions, options)
  const values = [name, before ?? null, limit]
  const rows =
    sessionId === undefined
      ? await session.query(VERSIONS, values, reading(signal))
      : await session.query(VERSIONS_IN_SESSION, [...values, sessionId], reading(signal))
  return rows.map(toArtifact)
}

export async function artifactStatistics(
  session: Session,
  options: { signal?: AbortSignal } = {},
): Promise<ArtifactStatistics> {
  const { signal: given } = check('options', z.strictObject({ signal }), options)
  const [row] = await session.query(STATISTICS, [], reading(given))
  if (row === undefined) throw new Error('the statistics returned no row')
  const { content_bytes: contentBytes, stored_bytes: storedBytes, ...rest } = row
  return { ...rest, contentBytes, storedBytes }
}

export function toArtifact(row: ArtifactRow): Artifact {
  return {
    id: row.artifact_id,
    sessionId: row.session_id,
    name: row.name,
    version: row.version,
    type: row.artifact_type,
    mimeType: row.mime_type,
    tags: row.tags,
    metadata: row.metadata,
    parent: row.parent_artifact_id,
    size: row.size_bytes,
    sha256: row.sha256,
    codec: row.codec,
    storedBytes: row.stored_bytes,
    contentId: row.content_id,
    createdAt: row.created_at,
  }
}
