import { z } from 'zod'
import type { Session } from '../../database/session.js'
import { changingStatement, readStatement, type Statement, statement } from '../../database/statement.js'
import { check, text } from '../../input.js'
import { assertService } from './agent.js'

export const GROUP_DURABILITIES = ['durable', 'async', 'volatile'] as const

/**
 * What a crash of the server may lose of a settled write. `durable`: nothing. `async`: the last moments, about 0.6 s.
 * `volatile`: what was not merged yet.
 */
export type GroupDurability = (typeof GROUP_DURABILITIES)[number]

/** How the entities of a group are delivered and kept. */
export interface SyncGroup {
  /** 1 to 100 characters. */
  readonly name: string
  /** Subscribers get at most one message a key in so many milliseconds. */
  readonly tickMs: number
  /** How many ticks are kept. */
  readonly ticksKept: number
  /** The least that a write is given. */
  readonly durability: GroupDurability
  /** Whether its ticks are captured. */
  readonly isEnabled: boolean
  readonly description: string | null
  readonly createdAt: Date
  readonly updatedAt: Date
}

/** A sync group to make or to change; what is left out stays, or has its default in a new one. */
export interface SyncGroupChange {
  readonly name: string
  /** 5 to 3,600,000. @default 50 */
  readonly tickMs?: number
  /** 1 to 10,000. @default 20 */
  readonly ticksKept?: number
  /** @default 'durable' */
  readonly durability?: GroupDurability
  /** @default true */
  readonly isEnabled?: boolean
  /** At most 1000 characters; null takes it away. @default null */
  readonly description?: string | null
}

/** The sync groups of a tenant. Every tenant starts with REALTIME, NORMAL, BACKGROUND and STATIC. */
export interface SyncGroups {
  /** Makes a group, or changes one. For the service. Errors: INPUT_INVALID, PERMISSION_DENIED. */
  set(group: SyncGroupChange): Promise<SyncGroup>
  /** All groups by name, at most 1000. */
  list(): Promise<SyncGroup[]>
  /** Undefined when there is none of that name. */
  get(name: string): Promise<SyncGroup | undefined>
  /**
   * Deletes a group with its roles; false when it was not there. Its subscriptions end. For the service. Errors:
   * SYNC_GROUP_IN_USE while entities are in it, PERMISSION_DENIED.
   */
  delete(name: string): Promise<boolean>
}

interface Row {
  readonly sync_group: string
  readonly tick_ms: number
  readonly ticks_kept: number
  readonly durability: GroupDurability
  readonly is_enabled: boolean
  readonly description: string | null
  readonly created_at: Date
  readonly updated_at: Date
}

const COLUMNS =
  'g.sync_group, g.tick_ms, g.ticks_kept, g.durability, g.is_enabled, g.description, g.created_at, g.updated_at'

const SET = statement<Row>(
  'metadata.set_sync_group',
  `select ${COLUMNS} from metadata.set_sync_group(current_setting('pgfleet.tenant'), $1::text, $2::jsonb) g`,
)

const LIST = readStatement<Row>(
  'metadata.list_sync_groups',
  `select ${COLUMNS} from metadata.sync_groups g where g.tenant_id = current_setting('pgfleet.tenant') order by g.sync_group limit 1000`,
)

const GET = readStatement<Row>(
  'metadata.get_sync_group',
  `select ${COLUMNS} from metadata.sync_groups g
  where g.tenant_id = current_setting('pgfleet.tenant') and g.sync_group = $1::text`,
)

const DELETE = changingStatement<{ deleted: boolean }>(
  'metadata.delete_sync_group',
  `select metadata.delete_sync_group(current_setting('pgfleet.tenant'), $1::text) as deleted`,
)

export const SYNC_GROUP_STATEMENTS: readonly Statement<unknown>[] = [SET, LIST, GET, DELETE]

const name = text(1, 100)
const change = z.strictObject({
  name,
  tickMs: z.int().min(5).max(3_600_000).optional(),
  ticksKept: z.int().min(1).max(10_000).optional(),
  durability: z.enum(GROUP_DURABILITIES).optional(),
  isEnabled: z.boolean().optional(),
  description: text(0, 1000).nullable().optional(),
})

export function createSyncGroups(session: Session, agent: string | undefined): SyncGroups {
  return {
    async set(input) {
      const group = check('group', change, input)
      assertService(agent, 'change sync groups')
      const changes = JSON.stringify({
        tick_ms: group.tickMs,
        ticks_kept: group.ticksKept,
        durability: group.durability,
        is_enabled: group.isEnabled,
        description: group.description,
      })
      const [row] = await session.query(SET, [group.name, changes], { idempotent: true })
      return toSyncGroup(row as Row)
    },
    async list() {
      return (await session.query(LIST, [], { idempotent: true })).map(toSyncGroup)
    },
    async get(input) {
      const [row] = await session.query(GET, [check('name', name, input)], { idempotent: true })
      return row && toSyncGroup(row)
    },
    async delete(input) {
      const group = check('name', name, input)
      assertService(agent, 'delete sync groups')
      const [row] = await session.query(DELETE, [group])
      return row?.deleted ?? false
    },
  }
}

function toSyncGroup(row: Row): SyncGroup {
  return {
    name: row.sync_group,
    tickMs: row.tick_ms,
    ticksKept: row.ticks_kept,
    durability: row.durability,
    isEnabled: row.is_enabled,
    description: row.description,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
  }
}
