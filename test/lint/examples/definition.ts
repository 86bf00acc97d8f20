import type { Examples } from './index.js'

export const DEFINITION: Readonly<Record<string, Examples>> = {
  'volatile-index': {
    bad: [
      "create index recent on jobs (id) where started_at > now() - interval '1 hour'",
      "create index day on jobs ((date_trunc('day', current_timestamp)))",
      'create table a (id int, age int generated always as (extract(epoch from now())::int) stored)',
      "create function fresh(t timestamptz) returns boolean language sql stable as 'select true'; create index i on jobs (id) where fresh(started_at)",
    ],
    good: [
      "create index open on jobs (started_at) where status = 'open'",
      'create index lower_name on jobs (lower(name))',
      "create function even(n int) returns boolean language sql immutable as 'select n % 2 = 0'; create index i on jobs (id) where even(n)",
    ],
  },
}
