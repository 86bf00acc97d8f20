import { defineCheck, ORDER } from '../../check.js'
import { counted } from '../../figures.js'
import { redact } from '../../redact.js'

interface Row {
  readonly query: string
  readonly calls: number
  readonly user: string
}

/** M12: settings of a session, which a pooler in transaction mode hands to the next client. */
export const sessionSet = defineCheck<Row>({
  id: 'session-set',
  title: 'Settings made for a whole session',
  area: 'connections',
  level: 'error',
  order: ORDER.security,
  needs: { extension: 'pg_stat_statements' },
  scope: 'statements',
  absent: 'pg_stat_statements has seen no statement',
  blind: 'the login may not read the statements of others: grant pg_read_all_stats to it',
  why: 'Behind a pooler in transaction mode the next client gets the connection with the setting: the tenant of somebody else, another search_path, another time-out. This has been seen to show one tenant the rows of another.',
  when: 'pg_stat_statements has seen SET (not LOCAL) of something other than what drivers set when they connect. A set_config() cannot be told apart there: its last argument is not kept. Info, because without a transaction pooler it is harmless; an error when --pooler shows that transactions are pooled.',
  advice:
    'Inside a transaction use SET LOCAL or set_config(…, true). What is the same for all sessions of a role belongs to ALTER ROLE … SET.',
  sql: `
    select count(*)::int as total, count(*) filter (where s.query is not null and s.query <> '<insufficient privilege>')::int as examined,
      jsonb_agg(jsonb_build_object('query', left(s.query, 2000), 'calls', s.calls, 'user', r.rolname) order by s.calls desc, s.query)
        filter (where s.query ~* '^\\s*set\\s+(session\\s+)?[a-z_"]'
            and s.query !~* '^\\s*set\\s+(local|transaction|constraints|session\\s+characteristics)\\y'
            and s.query !~* '^\\s*set\\s+(session\\s+)?(client_encoding|datestyle|timezone|time\\s+zone|standard_conforming_strings|application_name|intervalstyle|extra_float_digits|client_min_messages|names|bytea_output)\\y') as found
    from {schema}.pg_stat_statements s left join pg_roles r on r.oid = s.userid
    where s.dbid = (select d.oid from pg_database d where d.datname = current_database())`,
  evaluate: (rows, { transactionPooling }) =>
    rows.map(({ query, calls, user }) => ({
      level: transactionPooling ? ('error' as const) : ('info' as const),
      object: `statement ${redact(query)} of ${user}`,
      summary: `${user} has run this ${counted(calls, 'time')}: ${redact(query)}`,
      remedy: {
        text: 'Behind a pooler in transaction mode make it SET LOCAL, or set_config(…, true), in each transaction.',
        lock: 'none',
        undo: 'none needed',
      },
    })),
})
