import type { Remedy } from './check.js'

/** Services that run PostgreSQL for others, by a role that each of them creates, or by a name, and where its settings are changed. */
export const PROVIDERS = {
  // RDS with another storage: it has the role of RDS, and a function of its own.
  aurora: { name: 'Amazon Aurora', where: 'the parameter group of the cluster or of the instance' },
  rds_superuser: { name: 'Amazon RDS', where: 'the parameter group' },
  cloudsqlsuperuser: { name: 'Google Cloud SQL', where: 'the database flags' },
  alloydbsuperuser: { name: 'Google AlloyDB', where: 'the database flags' },
  azure_pg_admin: { name: 'Azure Database for PostgreSQL', where: 'the server parameters' },
  supabase_admin: { name: 'Supabase', where: 'its command line (postgres-config)' },
  neon_superuser: { name: 'Neon', where: 'the settings of the project' },
} as const

/** The role, or the name, by which a provider is known. */
export type ProviderRole = keyof typeof PROVIDERS

const ROLES = Object.keys(PROVIDERS).filter((role) => role !== 'aurora')

/** An expression for the key of who runs this server; null for one of one's own. */
export const PROVIDER = `(select case when min(r.rolname) = 'rds_superuser' and exists (select from pg_proc p where p.proname = 'aurora_version')
      then 'aurora' else min(r.rolname) end from pg_roles r where r.rolname = any ('{${ROLES.join(',')}}'))`

/** A remedy as this server allows it: a provider refuses ALTER SYSTEM, and has its own place for settings. */
export function remedyAt(provider: ProviderRole | null, remedy: Remedy): Remedy {
  if (provider === null || !remedy.sql?.some((statement) => /^alter system /i.test(statement))) return remedy
  const { name, where } = PROVIDERS[provider]
  const { sql, ...rest } = remedy
  const settings = sql.flatMap((statement) => /^alter system (?:re)?set (.+)$/i.exec(statement)?.[1] ?? [])
  return {
    ...rest,
    text: `${remedy.text} ${name} refuses ALTER SYSTEM: set ${settings.join(', ')} in ${where}; for one role or database, where a session may change it, alter role and alter database do.`,
    undo: `set it back in ${where}`,
  }
}
