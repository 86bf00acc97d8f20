import type { CallOptions } from '../../database/batch.js'
import type { Session } from '../../database/session.js'
import type { Statement } from '../../database/statement.js'
import type { Identity } from '../../identity.js'
import { agentOf } from './agent.js'
import { CHANGE_SIGNAL_STATEMENTS, type ChangeSignal } from './change-signal.js'
import { CHANGE_STATEMENTS, type ChangePage, type ChangesQuery, changesSince } from './changes.js'
import { createEntities, ENTITY_STATEMENTS, type Entities } from './entities.js'
import { createEntries, ENTRY_STATEMENTS, type Entries } from './entries.js'
import { createSyncGroups, SYNC_GROUP_STATEMENTS, type SyncGroups } from './groups.js'
import { createRoles, ROLE_STATEMENTS, type Roles } from './roles.js'
import type { Subscription } from './subscription.js'
import { HUB_STATEMENTS } from './subscription-hub.js'
import type { SubscriptionOptions } from './subscription-hubs.js'
import { createTicks, TICK_STATEMENTS, type Ticks } from './ticks.js'
import { createUpkeep, UPKEEP_STATEMENTS, type Upkeep } from './upkeep.js'
import { createWholeEntities, type WholeEntities } from './whole-entities.js'
import { withWriteSignal } from './write-signal.js'

export type { Json } from '../../content.js'
export type { Change, ChangedEntry, DeletedEntry, LeftEntity } from './change.js'
export type { ChangeFilter, ChangePage, ChangesQuery } from './changes.js'
export type { Entities, EntityChange, EntityListOptions, NewEntity } from './entities.js'
export type { Entity, WholeEntity } from './entity.js'
export type { Entries, EntryOptions } from './entries.js'
export type { EntryDeletion, EntryKey, EntryWrite, MetadataEntry } from './entry.js'
export type { GroupDurability, SyncGroup, SyncGroupChange, SyncGroups } from './groups.js'
export type { NewRole, Role, Roles } from './roles.js'
export type { ChangeMessage, Subscription } from './subscription.js'
export type { SubscriptionOptions } from './subscription-hubs.js'
export type { Ticker, TickerOptions } from './ticker.js'
export type { Tick, TickedChange, TickQuery, Ticks } from './ticks.js'
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
  /**
   * What has changed in a group behind a cursor, each key once a page, as it is now; `now` gives the cursor of this
   * moment. Errors: INPUT_INVALID, SYNC_GROUP_UNKNOWN, PERMISSION_DENIED, CURSOR_STALE, METADATA_CURSOR_TOO_OLD.
   */
  changesSince(cursor: string, query: ChangesQuery, options?: Pick<CallOptions, 'signal'>): Promise<ChangePage>
  /**
   * Follows a group from now on, or from a cursor: at most one message a key a tick, the last value of the tick, missing no
   * key's latest value. It begins at once, and ends when it is left, its signal fires or the fleet is closed. Errors:
   * INPUT_INVALID and CLOSED at once; while iterating SYNC_GROUP_UNKNOWN, PERMISSION_DENIED (also when the right is taken away,
   * or the group deleted), CURSOR_STALE, METADATA_CURSOR_TOO_OLD, SUBSCRIBER_TOO_SLOW, and those of a database that cannot be
   * reached for `reconnectMs`.
   */
  subscribe(options: SubscriptionOptions): Subscription
  /** Snapshots of what has changed, a tick each, and the service that makes them. */
  readonly ticks: Ticks
}

/** Every statement of the store, for the test that prepares them all. */
export const METADATA_STATEMENTS: readonly Statement<unknown>[] = [
  ...SYNC_GROUP_STATEMENTS,
  ...ROLE_STATEMENTS,
  ...ENTITY_STATEMENTS,
  ...ENTRY_STATEMENTS,
  ...CHANGE_STATEMENTS,
  ...HUB_STATEMENTS,
  ...CHANGE_SIGNAL_STATEMENTS,
  ...TICK_STATEMENTS,
  ...UPKEEP_STATEMENTS,
]

/** What the stores of all tenants of a process share; of a transaction, what its own stores do. */
export interface MetadataServices {
  readonly signal: Pick<ChangeSignal, 'hubs' | 'wrote'>
}

export function createMetadataStore(plain: Session, identity: Identity, { signal }: MetadataServices): MetadataStore {
  const agent = agentOf(identity)
  const session = withWriteSignal(plain, () => signal.wrote(plain))
  return {
    groups: createSyncGroups(session, agent),
    roles: createRoles(session, agent),
    entities: createEntities(session, agent),
    ...createEntries(session, agent),
    ...createWholeEntities(session, agent),
    changesSince: (cursor, query, options) => changesSince(session, agent, cursor, query, options),
    subscribe: (options) => signal.hubs.subscribe(plain, agent, options),
    ticks: createTicks(plain, agent),
    ...createUpkeep(session, agent),
  }
}
