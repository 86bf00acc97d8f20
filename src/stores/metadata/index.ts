import type { Session } from '../../database/session.js'
import type { Statement } from '../../database/statement.js'
import type { Identity } from '../../identity.js'
import { agentOf } from './agent.js'
import { DurabilityHints } from './durability-hints.js'
import { createEntities, ENTITY_STATEMENTS, type Entities } from './entities.js'
import { createEntries, ENTRY_STATEMENTS, type Entries } from './entries.js'
import { createSyncGroups, SYNC_GROUP_STATEMENTS, type SyncGroups } from './groups.js'
import { createRoles, ROLE_STATEMENTS, type Roles } from './roles.js'
import { createUpkeep, UPKEEP_STATEMENTS, type Upkeep } from './upkeep.js'
import { createWholeEntities, type WholeEntities } from './whole-entities.js'

export type { Json } from '../../content.js'
export type { Entities, EntityChange, EntityListOptions, NewEntity } from './entities.js'
export type { Entity, WholeEntity } from './entity.js'
export type { Entries, EntryOptions } from './entries.js'
export type { EntryDeletion, EntryKey, EntryWrite, MetadataEntry } from './entry.js'
export type { GroupDurability, SyncGroup, SyncGroupChange, SyncGroups } from './groups.js'
export type { NewRole, Role, Roles } from './roles.js'
export type { Upkeep, UpkeepOptions } from './upkeep.js'
export type { MetadataValue, ValueType } from './value.js'
export type { WholeEntities } from './whole-entities.js'

/** What the agents of one tenant share: entities and their metadata. */
export interface MetadataStore extends Entries, WholeEntities, Upkeep {
  /** How often changes are delivered, and what a crash may lose of them. */
  readonly groups: SyncGroups
  /** Which agent may do what in which group. */
  readonly roles: Roles
  /** What metadata is about. */
  readonly entities: Entities
}

/** Every statement of the store, for the test that prepares them all. */
export const METADATA_STATEMENTS: readonly Statement<unknown>[] = [
  ...SYNC_GROUP_STATEMENTS,
  ...ROLE_STATEMENTS,
  ...ENTITY_STATEMENTS,
  ...ENTRY_STATEMENTS,
  ...UPKEEP_STATEMENTS,
]

/** What the stores of all tenants share. */
export interface MetadataServices {
  readonly hints: DurabilityHints
}

export function createMetadataServices(): MetadataServices {
  return { hints: new DurabilityHints() }
}

export function createMetadataStore(session: Session, services: MetadataServices, identity: Identity): MetadataStore {
  const agent = agentOf(identity)
  return {
    groups: createSyncGroups(session, agent),
    roles: createRoles(session, agent),
    entities: createEntities(session, agent),
    ...createEntries(session, agent, services.hints),
    ...createWholeEntities(session, agent),
    ...createUpkeep(session, agent),
  }
}
