/**
 * The url of a rival that works for one tenant: as the application role, its tenant and further settings set for the
 * session, which is quicker than what pgfleet does (it sets them for each transaction), and not safe behind a pooler.
 * Null where there is no server.
 */
export function rivalUrl(
  url: string | null,
  tenant: string,
  settings: Readonly<Record<string, string | number>> = {},
): string | null {
  if (url === null) return null
  const parsed = new URL(url)
  const all = Object.entries({ 'pgfleet.tenant': tenant, role: 'pgfleet_app', ...settings })
  parsed.searchParams.set('options', all.map(([name, value]) => `-c ${name}=${value}`).join(' '))
  return parsed.href.replace(/\+/g, '%20')
}
