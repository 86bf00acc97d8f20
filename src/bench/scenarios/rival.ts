/**
 * The url of a rival that works for one tenant: as the application role, its tenant set for the session, which is quicker
 * than what pgfleet does (it sets both for each transaction), and not safe behind a pooler.
 */
export function rivalUrl(url: string | null, tenant: string): string | null {
  if (url === null) return null
  const parsed = new URL(url)
  parsed.searchParams.set('options', `-c pgfleet.tenant=${tenant} -c role=pgfleet_app`)
  return parsed.href.replace(/\+/g, '%20')
}
