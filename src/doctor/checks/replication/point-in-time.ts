import { defineCheck, ORDER } from '../../check.js'

interface Row {
  readonly receivers: number
  readonly slots: number
}

/** 2.11: could the database be restored to just before a mistake? */
export const pointInTime = defineCheck<Row>({
  id: 'point-in-time',
  title: 'No archive of the WAL',
  area: 'replication',
  level: 'info',
  order: ORDER.advice,
  scope: 'servers',
  absent: 'this server is a standby',
  why: 'A nightly dump loses up to a day. With base backups and archived WAL the database can be restored to any moment. A standby is no backup: it repeats a mistake at once.',
  when: 'archive_mode is off and nobody receives the WAL. A backup by the storage or the provider cannot be seen from inside.',
  advice: 'Set up pgBackRest, WAL-G or Barman; and restore from it now and then, else nobody knows whether it works.',
  sql: `
    select case when pg_is_in_recovery() then 0 else 1 end as total, case when pg_is_in_recovery() then 0 else 1 end as examined,
      case when current_setting('archive_mode') = 'off' and not exists (select from pg_stat_replication)
          and not exists (select from pg_replication_slots s where s.slot_type = 'physical')
        then jsonb_build_array(jsonb_build_object('receivers', 0, 'slots', 0)) end as found`,
  evaluate: (rows) =>
    rows.map(() => ({
      object: 'archive_mode',
      summary: 'archive_mode is off, and nobody receives the WAL.',
      remedy: {
        text: 'Set up a tool for backups that archives the WAL, and test a restore; unless storage or provider do so.',
        lock: 'none; archive_mode takes a restart',
        undo: 'archive_mode = off and a restart',
      },
    })),
})
