// Runs once, before and after all files: on a server it migrates one database, from which the files copy theirs, and at
// the end drops every database and login of this run. Names are random, so that several runs can share a server.
import { randomBytes } from 'node:crypto'
import pg from 'pg'
import { openFleet } from 'pgfleet'
import type { TestProject } from 'vitest/node'
import { engine, serverUrl } from './engine.js'

declare module 'vitest' {
  interface ProvidedContext {
    /** What the names of this run's databases and logins begin with. */
    run: string
  }
}

export default async function setUp(project: TestProject): Promise<(() => Promise<void>) | undefined> {
  const run = `pgfleet_test_${randomBytes(5).toString('hex')}`
  project.provide('run', run)
  if (engine === 'embedded') return undefined
  if (engine === 'pooled') serverUrl('DATABASE_URL_POOLED')
  const url = serverUrl('DATABASE_URL')
  const admin = new pg.Client({ connectionString: url.href })
  await admin.connect()
  await admin.query(`create database ${run}_template`)
  try {
    url.pathname = `/${run}_template`
    await (await openFleet({ url: url.href })).close()
  } catch (error) {
    await dropAll(admin, run)
    throw error
  }
  // A crash test ends the server: no connection is held while the files run.
  await admin.end()
  return async () => {
    const again = new pg.Client({ connectionString: serverUrl('DATABASE_URL').href })
    await again.connect()
    await dropAll(again, run)
  }
}

async function dropAll(admin: pg.Client, run: string): Promise<void> {
  const databases = await admin.query<{ name: string }>(
    'select datname as name from pg_database where starts_with(datname, $1)',
    [run],
  )
  for (const { name } of databases.rows) await admin.query(`drop database if exists ${name} with (force)`)
  const roles = await admin.query<{ name: string }>(
    'select rolname as name from pg_roles where starts_with(rolname, $1)',
    [run],
  )
  for (const { name } of roles.rows) await admin.query(`drop role if exists ${name}`)
  await admin.end()
}
