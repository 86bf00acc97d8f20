import { randomBytes } from 'node:crypto'
import pg from 'pg'

/** Lends a database that was made for the work alone: its url, and a connection to the server's own. Dropped in the end. */
export async function withScratchDatabase<T>(
  server: URL,
  purpose: string,
  work: (scratch: URL, admin: pg.Client) => Promise<T>,
): Promise<T> {
  const name = `pgfleet_${purpose}_${randomBytes(5).toString('hex')}`
  const admin = new pg.Client({ connectionString: server.href })
  await admin.connect()
  try {
    await admin.query(`create database ${name}`)
    const scratch = new URL(server)
    scratch.pathname = `/${name}`
    return await work(scratch, admin)
  } finally {
    await admin.query(`drop database if exists ${name} with (force)`)
    await admin.end()
  }
}
