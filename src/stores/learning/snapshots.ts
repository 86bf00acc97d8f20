import { v7 as uuidv7 } from 'uuid'
import { z } from 'zod'
import type { Session } from '../../database/session.js'
import { changingStatement, readStatement, type Statement, statement } from '../../database/statement.js'
import { FleetError } from '../../errors.js'
import { check, text } from '../../input.js'

/** A copy of an agent type's action values. */
export interface PolicySnapshot {
  readonly id: string
  readonly agentType: string
  readonly label: string
  readonly qValues: number
  readonly createdAt: Date
}

/** What going back did. */
export interface Rollback {
  readonly agentType: string
  /** Values set back, or made again. */
  readonly restored: number
  /** Values learned since, removed. */
  readonly removed: number
}

/** The policy snapshots of one tenant. */
export interface PolicySnapshots {
  /** Copies the live values of an agent type, as of one moment. Errors: INPUT_INVALID, AGENT_TYPE_UNKNOWN. */
  create(agentType: string, label: string): Promise<PolicySnapshot>
  /** Newest first, at most 1000. */
  list(agentType?: string): Promise<PolicySnapshot[]>
  /** Sets the values back to the snapshot in one transaction; what was learned since is gone. Errors: SNAPSHOT_UNKNOWN. */
  rollback(id: string): Promise<Rollback>
  /** False when there was none. */
  remove(id: string): Promise<boolean>
}

interface Row {
  readonly snapshot_id: string
  readonly agent_type: string
  readonly label: string
  readonly q_value_count: number
  readonly created_at: Date
}

const CREATE = statement<Row>(
  'learning.create_snapshot',
  `with policy as (
    select v.state_hash, v.action_hash, v.q, v.q_b, v.visits, v.state, v.action
    from learning.q_values v
    where v.tenant_id = current_setting('pgfleet.tenant') and v.agent_type = $2::text and v.expires_at > now()
  ),
  header as (
    insert into learning.policy_snapshots (tenant_id, snapshot_id, agent_type, label, q_value_count)
    select t.tenant_id, $1::uuid, t.agent_type, $3::text, (select count(*) from policy)
    from learning.agent_types t
    where t.tenant_id = current_setting('pgfleet.tenant') and t.agent_type = $2::text
    returning snapshot_id, agent_type, label, q_value_count, created_at
  ),
  copied as (
    insert into learning.policy_snapshot_values (tenant_id, snapshot_id, state_hash, action_hash, q, q_b, visits, state, action)
    select current_setting('pgfleet.tenant'), h.snapshot_id, p.state_hash, p.action_hash, p.q, p.q_b, p.visits, p.state, p.action
    from policy p
    cross join header h
  )
  select snapshot_id, agent_type, label, q_value_count, created_at from header`,
)

const LIST = readStatement<Row>(
  'learning.list_snapshots',
  `select s.snapshot_id, s.agent_type, s.label, s.q_value_count, s.created_at
  from learning.policy_snapshots s
  where s.tenant_id = current_setting('pgfleet.tenant') and ($1::text is null or s.agent_type = $1::text)
  order by s.created_at desc, s.snapshot_id desc
  limit 1000`,
)

const ROLLBACK = changingStatement<{ agent_type: string; restored: number; removed: number }>(
  'learning.rollback_policy',
  `select r.agent_type, r.restored, r.removed from learning.rollback_policy(current_setting('pgfleet.tenant'), $1::uuid) r`,
)

const REMOVE = statement<{ snapshot_id: string }>(
  'learning.remove_snapshot',
  `delete from learning.policy_snapshots where tenant_id = current_setting('pgfleet.tenant') and snapshot_id = $1::uuid returning snapshot_id`,
)

export const SNAPSHOT_STATEMENTS: readonly Statement<unknown>[] = [CREATE, LIST, ROLLBACK, REMOVE]

const agentType = text(1, 50)

export function createSnapshots(session: Session): PolicySnapshots {
  return {
    async create(type, label) {
      const values = [uuidv7(), check('agentType', agentType, type), check('label', text(1, 200), label)]
      const [row] = await session.query(CREATE, values)
      if (row === undefined)
        throw new FleetError('AGENT_TYPE_UNKNOWN', {
          message: `the tenant has no agent type '${type}'`,
          field: 'agentType',
        })
      return toSnapshot(row)
    },
    async list(type) {
      return (
        await session.query(LIST, [type === undefined ? null : check('agentType', agentType, type)], {
          idempotent: true,
        })
      ).map(toSnapshot)
    },
    async rollback(id) {
      const [row] = await session.query(ROLLBACK, [check('id', z.uuid(), id)], { idempotent: true })
      return { agentType: row?.agent_type ?? '', restored: row?.restored ?? 0, removed: row?.removed ?? 0 }
    },
    async remove(id) {
      return (await session.query(REMOVE, [check('id', z.uuid(), id)], { idempotent: true })).length > 0
    },
  }
}

function toSnapshot(row: Row): PolicySnapshot {
  return {
    id: row.snapshot_id,
    agentType: row.agent_type,
    label: row.label,
    qValues: row.q_value_count,
    createdAt: row.created_at,
  }
}
