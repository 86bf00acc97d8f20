import { defineCheck, ORDER } from '../../check.js'
import { bytes, count, duration, percent } from '../../figures.js'

interface Row {
  readonly timed: number
  readonly requested: number
  readonly seconds: number
  readonly maxWal: number
  readonly timeout: number
  readonly walBytes: number
  readonly walSeconds: number
}

/** Checkpoints below which a share means nothing. */
export const CHECKPOINTS_MIN = 20

/** When less WAL than this part of max_wal_size lies between checkpoints, its size did not ask for them. */
const COMMANDS_SHARE = 4

/** Q8: checkpoints that come because the WAL has grown too large. */
export const checkpoints = defineCheck<Row>({
  id: 'checkpoints',
  title: 'Checkpoints before their time',
  area: 'statements',
  level: 'warning',
  order: ORDER.settings,
  scope: 'servers',
  absent: '',
  why: 'After each checkpoint the first change of a page writes the whole page into the WAL. Checkpoints that follow each other closely multiply the WAL and the writes.',
  when: 'Of twenty checkpoints and more, a larger share than the threshold was asked for. When there was little WAL between them, commands and backups did so: info.',
  advice:
    'Raise max_wal_size so that checkpoints come by checkpoint_timeout, as far as the disk and the time for recovery allow.',
  uses: ['checkpointShare'],
  sql: {
    15: `
    select 1 as total, 1 as examined, jsonb_build_array(jsonb_build_object('timed', b.checkpoints_timed, 'requested', b.checkpoints_req,
      'seconds', extract(epoch from clock_timestamp() - coalesce(b.stats_reset, pg_postmaster_start_time())),
      'maxWal', (select s.setting::float8 * 1024 ^ 2 from pg_settings s where s.name = 'max_wal_size'),
      'timeout', (select s.setting::float8 from pg_settings s where s.name = 'checkpoint_timeout'),
      'walBytes', w.wal_bytes, 'walSeconds', extract(epoch from clock_timestamp() - coalesce(w.stats_reset, pg_postmaster_start_time())))) as found
    from pg_stat_bgwriter b, pg_stat_wal w`,
    17: `
    select 1 as total, 1 as examined, jsonb_build_array(jsonb_build_object('timed', c.num_timed, 'requested', c.num_requested,
      'seconds', extract(epoch from clock_timestamp() - coalesce(c.stats_reset, pg_postmaster_start_time())),
      'maxWal', (select s.setting::float8 * 1024 ^ 2 from pg_settings s where s.name = 'max_wal_size'),
      'timeout', (select s.setting::float8 from pg_settings s where s.name = 'checkpoint_timeout'),
      'walBytes', w.wal_bytes, 'walSeconds', extract(epoch from clock_timestamp() - coalesce(w.stats_reset, pg_postmaster_start_time())))) as found
    from pg_stat_checkpointer c, pg_stat_wal w`,
  },
  evaluate: (rows, { thresholds: { checkpointShare } }) =>
    rows
      .filter(
        ({ timed, requested }) =>
          timed + requested >= CHECKPOINTS_MIN && requested > checkpointShare * (timed + requested),
      )
      .map(({ timed, requested, seconds, maxWal, timeout, walBytes, walSeconds }) => {
        const perCheckpoint = (walBytes / Math.max(walSeconds, 1)) * timeout
        const wanted = Math.max(2 * maxWal, 2 * perCheckpoint)
        const perRequest = ((walBytes / Math.max(walSeconds, 1)) * seconds) / requested
        if (perRequest < maxWal / COMMANDS_SHARE) {
          return {
            object: 'checkpoints by command',
            level: 'info' as const,
            summary: `${count(requested)} of ${count(timed + requested)} checkpoints in ${duration(seconds)} were asked for by commands: there was little WAL between them.`,
            evidence: [`${bytes(perRequest)} of WAL for each; max_wal_size is ${bytes(maxWal)}`],
            remedy: {
              text: 'Find who asks: CREATE and DROP DATABASE, base backups, CHECKPOINT. The log tells when log_checkpoints is on.',
              lock: 'none',
              undo: 'none needed',
            },
          }
        }
        return {
          object: 'setting max_wal_size',
          summary: `${percent(requested / (timed + requested))} of ${count(timed + requested)} checkpoints in ${duration(seconds)} were asked for.`,
          evidence: [
            `max_wal_size ${bytes(maxWal)}; in checkpoint_timeout (${duration(timeout)}) ${bytes(perCheckpoint)} of WAL are written on average`,
          ],
          remedy: {
            text: 'Raise max_wal_size, when the disk of the WAL has room for it; recovery after a crash takes longer.',
            sql: [`alter system set max_wal_size = '${Math.ceil(wanted / 1024 ** 3)}GB'`, 'select pg_reload_conf()'],
            lock: 'none',
            undo: 'alter system reset max_wal_size, then reload',
          },
        }
      }),
})
