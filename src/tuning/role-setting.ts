import pg from 'pg'
import { FleetError } from '../errors.js'
import type { Bench, RunText, Target } from './knob.js'

/** A setting of a role in this database. */
export interface RoleTarget {
  readonly role: string
  readonly database: string
}

/** What is set for a role, and what holds for it. */
export interface RoleSetting {
  /** What is set for the role in this database. */
  readonly own: string | null
  /** What is set for it in all databases: somebody's, for trials set it in this one alone. */
  readonly everywhere: string | null
  /** What its sessions begin with. */
  readonly effective: string
  /** True when a comment on the role asks for it to be left alone. */
  readonly isMarked: boolean
}

const SETTING = `
  with own as (
    select s.setdatabase <> 0 as here, s.setrole <> 0 as personal, substr(x, strpos(x, '=') + 1) as value
    from pg_db_role_setting s cross join unnest(s.setconfig) x
    where split_part(x, '=', 1) = $2 and s.setdatabase in (0, (select d.oid from pg_database d where d.datname = current_database()))
      and s.setrole in (0, (select r.oid from pg_roles r where r.rolname = $1))
  )
  select (select o.value from own o where o.here and o.personal) as own,
    (select o.value from own o where not o.here and o.personal) as everywhere,
    coalesce((select o.value from own o order by o.personal desc, o.here desc limit 1),
      (select s.reset_val || coalesce(s.unit, '') from pg_settings s where s.name = $2), current_setting($2, true)) as effective,
    coalesce(shobj_description(r.oid, 'pg_authid') ~* 'pgfleet:\\s*keep', false) as "isMarked"
  from pg_roles r where r.rolname = $1`

/** Sessions of the role that began before the setting, and have worked since. */
const OLDER = `
  select count(*)::int as older from pg_stat_activity a
  where a.usename = $1 and a.datname = current_database() and a.backend_start < $2::timestamptz
    and (a.state is distinct from 'idle' or a.state_change > $2::timestamptz)`

/** What is set for a role in this database; undefined when there is no such role. */
export async function roleSetting(bench: Bench, role: string, name: string): Promise<RoleSetting | undefined> {
  const [row] = await bench.query<RoleSetting>(SETTING, [role, name])
  return row
}

/** Why a role is left alone: somebody has set it by hand, or asks for that. */
export async function handsOffRole(
  bench: Bench,
  knob: string,
  role: string,
  setting: RoleSetting,
  name: string,
): Promise<string | undefined> {
  if (bench.limits.keep.includes(role)) return 'it is listed in keep'
  if (setting.isMarked) return 'a comment on the role says `pgfleet: keep`'
  if (setting.everywhere !== null) return `somebody has set ${name} = ${setting.everywhere} for the role`
  const kept = await bench.kept(knob, `role ${role}`)
  if (setting.own !== null && setting.own !== kept)
    return `somebody has set ${name} = ${setting.own} for the role in this database`
  if (setting.own === null && kept !== undefined)
    return `somebody has taken ${name} = ${kept} back, which a trial had kept`
  return undefined
}

/** Why sessions do not have the setting yet: they begin with it, and keep what they began with. */
export async function olderSessions(bench: Bench, role: string, since: Date): Promise<string | undefined> {
  const [row] = await bench.query<{ older: number }>(OLDER, [role, since])
  return row === undefined || row.older === 0
    ? undefined
    : `${row.older} sessions of ${role} are older than the setting and go on working without it`
}

/** The statement that sets it for a role in this database, or takes it away; value is checked by the knob. */
export function roleStatement({ role, database }: RoleTarget, name: string, value: string | null): string {
  const on = `alter role ${pg.escapeIdentifier(role)} in database ${pg.escapeIdentifier(database)}`
  return value === null ? `${on} reset ${name}` : `${on} set ${name} = ${pg.escapeLiteral(value)}`
}

/** Sets it; the role's next sessions have it. */
export async function setRole(run: RunText, target: Target, name: string, value: string | null): Promise<void> {
  await run(roleStatement(roleTarget(target), name, value))
}

export function roleTarget({ role, database }: Target): RoleTarget {
  if (typeof role === 'string' && typeof database === 'string') return { role, database }
  throw new FleetError('INPUT_INVALID', { message: 'target: a role and a database are expected', field: 'target' })
}
