import { defineQuestion } from '../../question.js'

/** A server that is alone takes the service with it. */
export const standby = defineQuestion({
  id: 'standby',
  concern: 'recovery',
  question: 'Does a second server follow, and keep up?',
  why: 'When the only server dies, the service is away for as long as a restore takes.',
  how: 'Streams to standbys are counted; those of pg_basebackup and of subscribers are none.',
  mend: 'Add a standby: docs/replicas.md. Where a restore is fast enough: pgfleet checklist --without standby',
  checks: ['replication-lag', 'inactive-slot'],
  async ask({ query, server }) {
    if (server.inRecovery) return { answer: 'not applicable', evidence: ['this server is a standby itself'] }
    const rows = await query<{ name: string }>(`
      select coalesce(nullif(r.application_name, ''), r.pid::text) as name from pg_stat_replication r
      where r.state in ('streaming', 'catchup') and r.application_name <> 'pg_basebackup'
        and not exists (select from pg_replication_slots s where s.active_pid = r.pid and s.slot_type = 'logical')`)
    if (rows.length === 0) return { answer: 'no', evidence: ['nobody receives the WAL as a standby'] }
    return { answer: 'yes', evidence: [`followed by ${rows.map(({ name }) => name).join(', ')}`] }
  },
})
