import type { StatementRule } from '../../rule.js'

export const copyServerFile: StatementRule = {
  on: 'sql',
  id: 'copy-server-file',
  level: 'warning',
  summary: 'COPY to or from a file, or a program, of the server.',
  why: "The path is on the server, and takes a superuser's rights or pg_write_server_files: a managed database refuses it.",
  remedy: "psql's \\copy, or COPY … TO STDOUT by the driver.",
  *check(statement) {
    const copy = statement.is('CopyStmt')
    if (copy?.filename === undefined) return
    const what = copy.is_program === true ? 'a program is run on the server' : 'the file is on the server'
    yield { at: copy.relation?.location, message: what }
  },
}
