import type { Remedy } from './check.js'

/** Services that run PostgreSQL for others, by a role that each of them creates, and where its settings are changed. */
export const PROVIDERS = {
  rds_superuser: { name: 'Amazon RDS', where: 'the parameter group' },
  cloudsqlsuperuser: { name: 'Google Cloud SQL', where: 'the database flags' },
  alloydbsuperuser: { name: 'Google AlloyDB', where: 'the database flags' },
  azure_pg_admin: { name: 'Azure Database for PostgreSQL', where: 'the server parameters' },
  supabase_admin: { name: 'Supabase', where: 'its command line (postgres-config)' },
  neon_superuser: { name: 'Neon', where: 'the settings of the project' },
} as const

/** The role by which a provider is known. */
export type ProviderRole = keyof typeof PROVIDERS

/** Their roles, for the statement that looks for them. */
export const PROVIDER_ROLES = Object.keys(PROVIDERS) as readonly ProviderRole[]

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
