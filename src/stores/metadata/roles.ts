import { z } from 'zod'
import type { CallOptions, Operation } from '../../database/batch.js'
import type { Session } from '../../database/session.js'
import { changingStatement, readStatement, type Statement } from '../../database/statement.js'
import { check, text } from '../../input.js'
import { assertService } from './agent.js'

/** What an agent may do with the entities of a sync group, and with their entries. */
export interface Role {
  readonly agentId: string
  readonly syncGroup: string
  readonly read: boolean
  /** Make entities, and set keys that are not there. */
  readonly insert: boolean
  /** Change entities, and set keys that are there. */
  readonly update: boolean
  readonly delete: boolean
}

/** A role to grant; it replaces what the agent might do in the group before. */
export interface NewRole {
  /** 1 to 200 characters: the id of the actor in `tenant.as`. */
  readonly agentId: string
  readonly syncGroup: string
  /** @default true */
  readonly read?: boolean
  /** @default false */
  readonly insert?: boolean
  /** @default false */
  readonly update?: boolean
  /** @default false */
  readonly delete?: boolean
}

/** What agents may do, by sync group; without a role an agent may do nothing. For the service, which may do everything. */
export interface Roles {
  /** Grants roles, at most 1000; false for one that was so already. Errors: INPUT_INVALID, SYNC_GROUP_UNKNOWN, PERMISSION_DENIED. */
  grant(role: NewRole, options?: CallOptions): Promise<boolean>
  grant(roles: readonly NewRole[], options?: CallOptions): Promise<boolean[]>
  /** Takes a role away; false when there was none. The agent's subscriptions to the group end. Errors: PERMISSION_DENIED. */
  revoke(agentId: string, syncGroup: string, options?: CallOptions): Promise<boolean>
  /** Roles by agent and group, `limit` at a time; `after` goes on behind that one. @default limit 100 */
  list(options?: {
    agentId?: string
    syncGroup?: string
    after?: { agentId: string; syncGroup: string }
    limit?: number
  }): Promise<Role[]>
}

export const CHANGE_ROLES: Operation<string, { changed: boolean }, boolean> = {
  name: 'metadata.changeRoles',
  statement: changingStatement(
    'metadata.change_roles',
    'select ordinal, changed from metadata.change_roles($1::text, $2::jsonb)',
  ),
  writes: true,
  itemsMax: 1000,
  encode: (item) => item,
  decode: (row) => row?.changed ?? false,
  isIdempotent: () => true,
}

const LIST = readStatement<{
  agent_id: string
  sync_group: string
  can_read: boolean
  can_insert: boolean
  can_update: boolean
  can_delete: boolean
}>(
  'metadata.list_roles',
  `select r.agent_id, r.sync_group, r.can_read, r.can_insert, r.can_update, r.can_delete from metadata.roles r
  where r.tenant_id = current_setting('pgfleet.tenant') and ($1::text is null or r.agent_id = $1::text)
    and ($2::text is null or r.sync_group = $2::text) and (r.agent_id, r.sync_group) > ($3::text, $4::text)
  order by r.agent_id, r.sync_group
  limit $5::integer`,
)

export const ROLE_STATEMENTS: readonly Statement<unknown>[] = [CHANGE_ROLES.statement, LIST]

const agentId = text(1, 200)
const syncGroup = text(1, 100)
const right = z.boolean().default(false)
const newRoles = z.array(
  z.strictObject({
    agentId,
    syncGroup,
    read: z.boolean().default(true),
    insert: right,
    update: right,
    delete: right,
  }),
)
const listOptions = z.strictObject({
  agentId: agentId.optional(),
  syncGroup: syncGroup.optional(),
  after: z.strictObject({ agentId, syncGroup }).optional(),
  limit: z.int().min(1).max(10_000).default(100),
})

export function createRoles(session: Session, agent: string | undefined): Roles {
  const grant = async (input: readonly NewRole[], options?: CallOptions) => {
    const roles = check('roles', newRoles, input)
    assertService(agent, 'grant roles')
    const items = roles.map(({ agentId, syncGroup, ...rights }) =>
      JSON.stringify({ agent_id: agentId, sync_group: syncGroup, ...rights }),
    )
    return await session.submit(CHANGE_ROLES, items, options)
  }
  return {
    grant: (async (input: NewRole | readonly NewRole[], options?: CallOptions) =>
      Array.isArray(input)
        ? await grant(input, options)
        : (await grant([input as NewRole], options))[0]) as Roles['grant'],
    async revoke(agentOf, group, options) {
      const item = JSON.stringify({
        agent_id: check('agentId', agentId, agentOf),
        sync_group: check('syncGroup', syncGroup, group),
      })
      assertService(agent, 'revoke roles')
      return (await session.submit(CHANGE_ROLES, [item], options))[0] as boolean
    },
    async list(options = {}) {
      const { agentId, syncGroup, after, limit } = check('options', listOptions, options)
      assertService(agent, 'list roles')
      const rows = await session.query(
        LIST,
        [agentId ?? null, syncGroup ?? null, after?.agentId ?? '', after?.syncGroup ?? '', limit],
        { idempotent: true },
      )
      return rows.map((row) => ({
        agentId: row.agent_id,
        syncGroup: row.sync_group,
        read: row.can_read,
        insert: row.can_insert,
        update: row.can_update,
        delete: row.can_delete,
      }))
    },
  }
}
