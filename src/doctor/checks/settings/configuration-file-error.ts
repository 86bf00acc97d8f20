import { defineCheck, ORDER } from '../../check.js'

interface Row {
  readonly file: string
  readonly line: number
  readonly name: string | null
  readonly error: string
}

/** V3: lines of the configuration files that the server cannot use. */
export const configurationFileError = defineCheck<Row>({
  id: 'configuration-file-error',
  title: 'Faults in the configuration files',
  area: 'settings',
  level: 'error',
  order: ORDER.settings,
  needs: { rights: 'a superuser, or the right to execute pg_show_all_file_settings()' },
  scope: 'lines of configuration',
  absent: 'the server has no configuration files',
  why: 'The server runs with what it read before. At the next start it refuses such a line, and does not come up.',
  when: 'pg_file_settings reports an error for a line, unless the setting only waits for a restart, or the command line overrules it.',
  advice: 'Correct the line and reload; then look here again, before any restart.',
  sql: `
    select count(*)::int as total, count(*)::int as examined,
      jsonb_agg(jsonb_build_object('file', regexp_replace(f.sourcefile, '.*/', ''), 'line', f.sourceline, 'name', f.name, 'error', f.error)
        order by f.sourcefile, f.sourceline)
        filter (where f.error is not null and not coalesce(s.pending_restart or s.source = 'command line', false)) as found
    from pg_file_settings f left join pg_settings s on s.name = f.name`,
  evaluate: (rows) =>
    rows.map(({ file, line, name, error }) => ({
      object: `${file}: ${name ?? `line ${line}`}`,
      summary: `${file}, line ${line}${name === null ? '' : ` (${name})`}: ${error}.`,
      remedy: {
        text: 'Correct the line, then select pg_reload_conf(). A line of postgresql.auto.conf is removed by ALTER SYSTEM RESET.',
        lock: 'none',
        undo: 'put the line back',
      },
    })),
})
