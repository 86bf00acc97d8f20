// Every SQL text that a check ships is prepared, and run, on every major that it is for.
import { expect, test } from 'vitest'
import { statementFor } from '../../dist/doctor/check.js'
import { CHECKS } from '../../dist/doctor/checks/index.js'
import { engine, onEngines } from '../setup/index.js'
import { availableMajors, onScratchServers, startServer } from './scratch-server.js'
import { diagnose } from './support.js'

const { majors, missing } = await availableMajors()
const DIRECT = await onScratchServers()

for (const reason of missing) if (engine === 'direct') onEngines([], reason)('statements', () => {})

DIRECT.describe('statements', () => {
  for (const major of majors) {
    test(`are understood by PostgreSQL ${major}`, async () => {
      const server = await startServer(major, { settings: { shared_preload_libraries: 'pg_stat_statements' } })
      const client = await server.client()
      const extensions = CHECKS.flatMap(({ needs }) => [needs?.extension ?? [], needs?.also ?? []].flat())
      for (const name of new Set(extensions)) {
        await client.query(`create schema if not exists "An extension's"`)
        await client.query(`create extension if not exists ${name} schema "An extension's"`).catch((error: Error) => {
          expect(error.message).toMatch(/is not available|has not been loaded/)
        })
      }
      // pg_cron is hardly ever at hand: its tables, as its version 1.6 has them.
      await client.query(`create schema cron;
        create table cron.job (jobid bigint primary key, schedule text, command text, nodename text, nodeport int, database text,
          username text, active bool, jobname name);
        create table cron.job_run_details (jobid bigint, runid bigint primary key, job_pid int, database text, username text,
          command text, status text, return_message text, start_time timestamptz, end_time timestamptz)`)
      // Nor are pg_partman, as its version 5 has it, and a schema of pgfleet.
      await client.query(`create table "An extension's".part_config (parent_table text primary key, retention text);
        create schema platform;
        create table platform.partitioned_tables (schema_name text, table_name text, retention interval)`)
      const checks = CHECKS.filter(({ source }) => source !== 'pooler')
      const applicable = checks.filter(
        ({ versions }) => (versions?.from ?? 0) <= major && major <= (versions?.to ?? 99),
      )
      for (const check of applicable) {
        const text = statementFor(check, major).replaceAll('{schema}', '"An extension\'s"')
        await client.query(`prepare one as ${text}`).catch((error: Error) => {
          throw new Error(`${check.id}: ${error.message}`)
        })
        await client.query('deallocate one')
      }
      const examination = await diagnose(server.url, { sampleMs: 1100, budgetMs: 60_000, memoryBytes: 2 ** 34 })
      expect(examination.server.major).toBe(major)
      expect(examination.results.filter(({ outcome }) => outcome === 'could-not-look')).toEqual([])
      expect(examination.results.map(({ check }) => check)).toEqual(checks.map(({ id }) => id))
    })
  }
})
