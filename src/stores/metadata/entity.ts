import type { EntryJson, MetadataEntry } from './entry.js'
import { entryOf } from './entry.js'

/** What metadata is about. */
export interface Entity {
  /** Stays when the entity is renamed or moved. */
  readonly id: string
  readonly name: string
  readonly syncGroup: string
  /** A part of the group that can be listed and followed by itself. */
  readonly channel: string | null
  /** For clients that load a group: the higher, the earlier. */
  readonly loadPriority: number
  /** The entity is gone so long after its last change, or its newest entry's; null: never. */
  readonly expireAfterUpdateMs: number | null
  /** The entity is gone so long after its creation; null: never. */
  readonly expireAfterCreationMs: number | null
  readonly createdAt: Date
  /** When it or one of its entries last changed; of entries up to a second late. */
  readonly updatedAt: Date
  /** The agent; null for the service. */
  readonly createdBy: string | null
  readonly updatedBy: string | null
}

/** An entity with all that is there of its metadata, by key. */
export interface WholeEntity extends Entity {
  readonly entries: readonly MetadataEntry[]
}

/** A row of an entity. */
export interface EntityRow {
  readonly entity_id: string
  readonly name: string
  readonly sync_group: string
  readonly channel: string | null
  readonly load_priority: number
  readonly expire_after_update_ms: number | null
  readonly expire_after_creation_ms: number | null
  readonly created_at: Date
  readonly updated_at: Date
  readonly created_by: string | null
  readonly updated_by: string | null
}

export const ENTITY_COLUMNS =
  'entity_id, name, sync_group, channel, load_priority, expire_after_update_ms, expire_after_creation_ms, created_at, updated_at, created_by, updated_by'

export function toEntity(row: EntityRow): Entity {
  return {
    id: row.entity_id,
    name: row.name,
    syncGroup: row.sync_group,
    channel: row.channel,
    loadPriority: row.load_priority,
    expireAfterUpdateMs: row.expire_after_update_ms,
    expireAfterCreationMs: row.expire_after_creation_ms,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
    createdBy: row.created_by,
    updatedBy: row.updated_by,
  }
}

export function toWholeEntity(row: EntityRow & { readonly entries: readonly EntryJson[] }): WholeEntity {
  return { ...toEntity(row), entries: row.entries.map((entry) => entryOf(row.name, entry)) }
}
