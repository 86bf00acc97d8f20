import type { SettingGroup } from '../advised-setting.js'

export const logging: SettingGroup = {
  name: 'logging',
  title: 'What is recorded',
  purpose: 'safety',
  settings: [
    {
      name: 'shared_preload_libraries',
      source: 'P',
      formula: 'those that are loaded, and pg_stat_statements',
      why: 'Without statistics of statements nobody can tell what takes the time.',
      cost: 'About one per cent of the processor, and a restart to load it.',
      values: ({ machine: { preloadedLibraries: loaded } }) => [
        [...loaded, ...(loaded.includes('pg_stat_statements') ? [] : ['pg_stat_statements'])].join(','),
      ],
    },
    {
      name: 'track_io_timing',
      source: 'P',
      formula: 'on',
      why: 'Tells how long reads take, in plans and statistics.',
      cost: 'Two readings of the clock for each read: see with pg_test_timing that they are cheap.',
      values: () => ['on'],
    },
    {
      name: 'log_lock_waits',
      source: 'P',
      formula: 'on',
      why: 'Who waited longer than deadlock_timeout, and for whom.',
      cost: 'A line for each such wait.',
      values: () => ['on'],
    },
    {
      name: 'log_checkpoints',
      source: 'P',
      formula: 'on',
      why: 'Tells whether checkpoints come by time or by size.',
      cost: 'A line for each checkpoint.',
      values: () => ['on'],
    },
    {
      name: 'log_temp_files',
      source: 'O',
      formula: '10 MB',
      why: 'Names the statements that work_mem is too small for.',
      cost: 'A line for each such file.',
      values: () => ['10MB'],
    },
    {
      name: 'log_autovacuum_min_duration',
      source: 'O',
      formula: '10 s',
      why: 'Tells what long vacuums did, and what they could not remove.',
      cost: 'A few lines for each.',
      values: () => ['10s'],
    },
  ],
}
