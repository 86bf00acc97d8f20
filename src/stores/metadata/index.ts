import type { CallOptions } from '../../database/batch.js'
import type { ListenOptions } from '../../database/listener.js'
import type { Session } from '../../database/session.js'
import type { Statement } from '../../database/statement.js'
import type { Identity } from '../../identity.js'
import { agentOf } from './agent.js'
import { CHANGE_SIGNAL_STATEMENTS, ChangeSignal, type Signal } from './change-signal.js'
import { CHANGE_STATEMENTS, type ChangePage, type ChangesQuery, changesSince } from './changes.js'
import { DurabilityHints } from './durability-hints.js'
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

/** What the stores of all tenants share; of a transaction, what its own share. */
export interface MetadataServices {
  readonly hints: DurabilityHints
  readonly signal: Signal
}

/** @param listen where to hear of the writes of other processes */
export function createMetadataServices(
  listen?: ListenOptions | undefined,
  connectTimeoutMs = 10_000,
): MetadataServices & { readonly signal: ChangeSignal } {
  return { hints: new DurabilityHints(), signal: new ChangeSignal(listen, connectTimeoutMs) }
}

export function createMetadataStore(plain: Session, services: MetadataServices, identity: Identity): MetadataStore {
  const { signal } = services
  const agent = agentOf(identity)
  const session = withWriteSignal(plain, signal)
  return {
    groups: createSyncGroups(session, agent),
    roles: createRoles(session, agent),
    entities: createEntities(session, agent),
    ...createEntries(session, agent, services.hints),
    ...createWholeEntities(session, agent),
    changesSince: (cursor, query, options) => changesSince(session, agent, cursor, query, options),
    subscribe: (options) => signal.hubs.subscribe(plain, agent, options),
    ticks: createTicks(plain, agent),
    ...createUpkeep(session, agent),
  }
}
