import { type Connection, connect } from '../doctor/connection.js'
import type { Context } from './context.js'
import { assertThere, type Where } from './where.js'

/**
 * Lends what opens a connection for examining a database: one of the server's own for each call, with a guard of so many
 * milliseconds, or the only one of an embedded database. Errors: those of the database, OPTIONS_INVALID where there is none.
 */
export async function lendExamined<T>(
  context: Context,
  where: Where,
  guardMs: number,
  work: (open: () => Promise<Connection>) => Promise<T>,
): Promise<T> {
  const { url } = where
  if (url !== undefined) return await work(() => connect(url, guardMs))
  assertThere(where)
  return await context.withDatabase((database) =>
    database.lend((connection) =>
      work(async () => ({
        query: async <Row>(text: string, values?: readonly unknown[]) =>
          (await connection.query(text, values as unknown[] | undefined)).rows as Row[],
        close: async () => {},
      })),
    ),
  )
}
