import { alterations } from '../../migration.js'
import type { StatementRule } from '../../rule.js'
import { as } from '../../sql/tree.js'

const REWRITES: Readonly<Record<string, string>> = {
  AT_SetLogged: 'SET LOGGED writes all of it to the WAL',
  AT_SetUnLogged: 'SET UNLOGGED rewrites it, and a crash empties it',
  AT_SetTableSpace: 'SET TABLESPACE copies it',
  AT_SetAccessMethod: 'SET ACCESS METHOD rewrites it',
}

export const rewriteTable: StatementRule = {
  on: 'sql',
  id: 'rewrite-table',
  level: 'warning',
  summary: 'VACUUM FULL, CLUSTER, or an ALTER TABLE that rewrites the table.',
  why: 'ACCESS EXCLUSIVE for as long as the copy takes: nobody reads or writes, and the disk holds the table twice.',
  remedy:
    'Against bloat let autovacuum keep up (a smaller scale factor, a larger cost limit) and repack online with pg_repack or pg_squeeze once, if ever; not on a schedule.',
  *check(statement, surroundings) {
    const vacuum = statement.is('VacuumStmt')
    if (vacuum?.options?.some((each) => as(each, 'DefElem')?.defname === 'full')) {
      const name = as(vacuum.rels?.[0], 'VacuumRelation')?.relation?.relname
      yield { message: `VACUUM FULL locks ${name ?? 'every table in turn'} until it is copied` }
    }
    const cluster = statement.is('ClusterStmt')
    if (cluster !== undefined)
      yield { message: `CLUSTER locks ${cluster.relation?.relname ?? 'every table in turn'} until it is copied` }
    for (const { command, table, at } of alterations(statement, surroundings)) {
      const what = REWRITES[command.subtype ?? '']
      if (what !== undefined) yield { at, message: `${table.relname} is locked: ${what}` }
    }
  },
}
