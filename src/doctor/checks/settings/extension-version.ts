import { defineCheck, ORDER } from '../../check.js'

interface Row {
  readonly name: string
  readonly ident: string
  readonly installed: string
  readonly available: string
}

/** V2: extensions whose objects are older than their library. */
export const extensionVersion = defineCheck<Row>({
  id: 'extension-version',
  title: 'Extensions that were not updated',
  area: 'settings',
  level: 'info',
  order: ORDER.advice,
  scope: 'extensions',
  absent: 'there are no extensions',
  why: 'New packages bring a new library, but the objects in each database stay at the old version until they are updated: corrections and functions are missing.',
  when: 'The installed version of an extension is not the default one of the packages.',
  advice: 'Read the release notes of the extension, then update it in each database.',
  sql: `
    select count(*)::int as total, count(*)::int as examined,
      jsonb_agg(jsonb_build_object('name', e.extname, 'ident', quote_ident(e.extname), 'installed', e.extversion,
        'available', a.default_version) order by e.extname)
        filter (where a.default_version is not null and a.default_version <> e.extversion) as found
    from pg_extension e left join pg_available_extensions a on a.name = e.extname`,
  evaluate: (rows) =>
    rows.map(({ name, ident, installed, available }) => ({
      object: `extension ${name}`,
      summary: `Extension ${name} is at ${installed}; the packages have ${available}.`,
      remedy: {
        text: 'Update it.',
        sql: [`alter extension ${ident} update`],
        lock: 'access exclusive on what its update script changes, usually functions alone',
        undo: 'none, unless it has a script back',
      },
    })),
})
