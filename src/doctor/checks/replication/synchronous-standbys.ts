import { quorumOf } from '../../../database/primary/quorum.js'
import { defineCheck, ORDER } from '../../check.js'
import { counted, duration } from '../../figures.js'

interface Row {
  readonly synchronous: string
  readonly standbys: readonly { name: string; state: string | null; sync: string | null }[]
  readonly waiting: number
  readonly longest: number | null
}

/** Q10: do commits wait for standbys that are not there? */
export const synchronousStandbys = defineCheck<Row>({
  id: 'synchronous-standbys',
  title: 'Commits that wait for standbys that are not there',
  area: 'replication',
  level: 'error',
  order: ORDER.blocking,
  scope: 'synchronous_standby_names',
  absent: 'commits wait for no standby',
  why: 'A commit is told as done when as many standbys have it as synchronous_standby_names asks for. With fewer it waits for ever, and so do all others, though what they wrote is in the database.',
  when: 'Fewer standbys follow that count for it than commits wait for.',
  advice:
    'Bring a standby back. To go on without: name fewer, knowing that the loss of this server then loses what was committed since.',
  sql: `
    select count(*)::int as total, count(*)::int as examined,
      jsonb_agg(jsonb_build_object('synchronous', n.names,
        'standbys', (select coalesce(jsonb_agg(jsonb_build_object('name', r.application_name, 'state', r.state, 'sync', r.sync_state)
          order by r.application_name), '[]') from pg_stat_replication r),
        'waiting', w.waiting, 'longest', w.longest)) as found
    from (select current_setting('synchronous_standby_names') as names) n,
      (select count(*)::int as waiting, extract(epoch from max(clock_timestamp() - a.state_change)) as longest
        from pg_stat_activity a where a.wait_event = 'SyncRep') w
    where n.names <> '' and not pg_is_in_recovery()`,
  evaluate: (rows) =>
    rows.flatMap(({ synchronous, standbys, waiting, longest }) => {
      const quorum = quorumOf(synchronous, standbys)
      if (quorum.counted >= quorum.wanted) return []
      return [
        {
          object: 'setting synchronous_standby_names',
          summary: `Commits wait for ${quorum.wanted} of ${synchronous}, and ${counted(quorum.counted, 'standby')} of these ${quorum.counted === 1 ? 'follows' : 'follow'}.`,
          evidence: [
            ...standbys.map(({ name, state, sync }) => `${name}: ${state ?? 'unknown'}, ${sync ?? 'unknown'}`),
            ...(waiting === 0
              ? []
              : [
                  `${counted(waiting, 'commit')} waiting${longest === null ? '' : `, the longest for ${duration(longest)}`}`,
                ]),
          ],
          remedy: {
            text: 'Start the standbys, or look in their logs why they do not follow. Only when they are lost: let commits wait for fewer.',
            lock: 'none',
            undo: 'name them again when they are back',
          },
        },
      ]
    }),
})
