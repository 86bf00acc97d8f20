import { type Draft, defineCheck, ORDER } from '../../check.js'

/** Known faults of extensions: what is wrong before a version. */
const ADVISORIES: readonly { extension: string; before: string; what: string; meanwhile: string }[] = [
  {
    extension: 'vector',
    before: '0.8.2',
    what: 'a parallel build of an HNSW index can overrun a buffer (CVE-2026-3172)',
    meanwhile: 'Until then build with max_parallel_maintenance_workers = 0.',
  },
  {
    extension: 'vector',
    before: '0.8.4',
    what: 'vacuum of an HNSW index has a known fault',
    meanwhile: 'After the update rebuild HNSW indexes with REINDEX INDEX CONCURRENTLY.',
  },
]

interface Row {
  readonly name: string
  readonly ident: string
  readonly installed: string
  readonly versions: readonly string[]
}

/** V2: extensions in versions that are known to be at fault. */
export const extensionAdvisory = defineCheck<Row>({
  id: 'extension-advisory',
  title: 'Extensions with a known fault',
  area: 'settings',
  level: 'warning',
  order: ORDER.security,
  scope: 'extensions',
  absent: 'there are no extensions',
  why: 'Some versions of extensions have faults that corrupt results or memory.',
  when: 'An installed version is older than the first without the fault: a warning when the server’s packages offer that one, info when they do not, since then it takes other packages.',
  advice: 'Install packages with a version that is corrected, then update the extension in each database.',
  sql: `
    select count(*)::int as total, count(*)::int as examined,
      jsonb_agg(jsonb_build_object('name', e.extname, 'ident', quote_ident(e.extname), 'installed', e.extversion,
        'versions', (select coalesce(jsonb_agg(v.version), '[]') from pg_available_extension_versions v where v.name = e.extname))
        order by e.extname) as found
    from pg_extension e`,
  evaluate: (rows) =>
    rows.flatMap(({ name, ident, installed, versions }) =>
      ADVISORIES.filter(({ extension, before }) => extension === name && older(installed, before)).map(
        ({ before, what, meanwhile }): Draft => {
          const offered = versions.some((version) => !older(version, before))
          return {
            object: `extension ${name} before ${before}`,
            level: offered ? 'warning' : 'info',
            summary: `Extension ${name} ${installed}: ${what}; ${before} corrects it.`,
            evidence: offered ? [] : [`the packages of this server do not offer ${before}`],
            remedy: {
              text: `${offered ? 'Update it.' : `Get packages with ${before} or newer, then update it.`} ${meanwhile}`,
              ...(offered ? { sql: [`alter extension ${ident} update`] } : {}),
              lock: 'access exclusive on what its update script changes, usually functions alone',
              undo: 'none',
            },
          }
        },
      ),
    ),
})

/** Compares dotted numbers; what is no number counts as none. */
function older(version: string, than: string): boolean {
  const [a, b] = [version, than].map((text) => text.split('.').map((part) => Number.parseInt(part, 10) || 0))
  for (const [place, number] of (b ?? []).entries()) {
    const difference = (a?.[place] ?? 0) - number
    if (difference !== 0) return difference < 0
  }
  return false
}
