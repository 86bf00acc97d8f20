import { defineCheck, ORDER } from '../../check.js'
import { duration } from '../../figures.js'

/** 2.11: does the server know what time it is? */
export const clock = defineCheck<unknown>({
  id: 'clock',
  title: 'A clock that is wrong',
  area: 'operations',
  level: 'warning',
  order: ORDER.settings,
  scope: 'servers',
  absent: '',
  why: 'Times of rows, leases, expiry and the order of ids that hold the time come from clocks. Where they differ, work is taken twice or rows are dated ahead.',
  when: 'The clocks of the server and of this machine differ by more than clockS, beyond what the way between them explains. It cannot be seen from here which of them is wrong.',
  advice: 'Let both follow the time by chrony or another client of NTP.',
  uses: ['clockS'],
  sql: `select 1 as total, 1 as examined, '[]'::jsonb as found`,
  evaluate: (_, { server: { clock: measured }, thresholds: { clockS } }) =>
    Math.abs(measured.ahead) - measured.within <= clockS
      ? []
      : [
          {
            object: 'clock',
            summary: `The server’s clock is ${duration(Math.abs(measured.ahead))} ${measured.ahead > 0 ? 'ahead of' : 'behind'} this machine’s (within ${measured.within.toFixed(2)} s).`,
            remedy: {
              text: 'See which of them is wrong, and let it follow the time by NTP; slowly, not by a jump, while the server runs.',
              lock: 'none',
              undo: 'none needed',
            },
          },
        ],
})
