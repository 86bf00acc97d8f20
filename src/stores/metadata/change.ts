import type { LogPosition } from '../../log-position.js'
import type { decodeValue, ValueType } from './value.js'

/** Where something has changed. */
interface ChangePlace {
  /** The name of the entity. */
  readonly entity: string
  readonly entityId: string
  /** Its channel; null: it is in none. */
  readonly channel: string | null
}

/** A key that was set, with what it holds now. */
export interface ChangedEntry extends ChangePlace {
  readonly kind: 'set'
  readonly key: string
  readonly version: number
  readonly type: ValueType
  /** A Buffer for bytes, a bigint for whole numbers that a number cannot hold. */
  readonly value: ReturnType<typeof decodeValue>
  readonly updatedAt: Date
  /** The agent that wrote it; null: the service itself. */
  readonly updatedBy: string | null
}

/** A key that was deleted, or has expired. */
export interface DeletedEntry extends ChangePlace {
  readonly kind: 'deleted'
  readonly key: string
  readonly version: number
  /** Null when the tombstone is forgotten already. */
  readonly updatedAt: Date | null
}

/**
 * An entity that is no longer there under this name, in this group, or in the channel that was asked for: moved, renamed,
 * deleted or expired. All its keys are gone with it; when it is there again, all are told of anew.
 */
export interface LeftEntity extends ChangePlace {
  readonly kind: 'left'
}

/** What has changed, as it is now. */
export type Change = ChangedEntry | DeletedEntry | LeftEntity

/** A change on its way to those who follow the group. */
export interface LoggedChange {
  readonly change: Change
  readonly position: LogPosition
  /** Of an entity that has left: it is still in the group, in another channel. */
  readonly isHere: boolean
}

/** What tells changes of one thing: of two, the later one stands for both. */
export function subjectOf({ change }: LoggedChange): string {
  return change.kind === 'left'
    ? `${change.entityId}\0${change.entity}\0${change.channel ?? ''}\0`
    : `${change.entityId}\0${change.entity}\0${change.key}`
}
