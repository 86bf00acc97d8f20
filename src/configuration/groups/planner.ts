import type { SettingGroup } from '../advised-setting.js'

export const planner: SettingGroup = {
  name: 'planner',
  title: 'Planner',
  purpose: 'speed',
  settings: [
    {
      name: 'random_page_cost',
      source: 'T',
      formula: '1.1; 4 on rotating disks, unless the data fit into effective_cache_size',
      why: (value) =>
        value === '4'
          ? 'Heads have to move to another page, and not all of the data are in a cache.'
          : 'Without moving heads, and in a cache, a page costs about the same wherever it is.',
      cost: 'Too high: indexes are avoided. Too low on rotating disks: tables are read at random.',
      values: ({ machine, memory }) => {
        const isCached = machine.databaseBytes !== undefined && machine.databaseBytes <= memory.effectiveCache
        return [machine.disk === 'hdd' && !isCached ? '4' : '1.1']
      },
    },
    {
      name: 'jit',
      source: 'T',
      formula: 'off; on for analytics',
      why: (value) =>
        value === 'on'
          ? 'Long scans with many expressions are quicker when they are compiled.'
          : 'Compiling a plan takes longer than most short statements, and estimates decide when it is done.',
      cost: 'On: tens of milliseconds for a statement that was thought expensive. Off: long scans with many expressions are slower.',
      values: ({ machine }) => [machine.workload === 'analytics' ? 'on' : 'off'],
    },
    {
      name: 'default_statistics_target',
      source: 'P, T',
      formula: '100; more for single columns where n_distinct is wrong',
      why: 'Statistics of all columns are read with each plan.',
      cost: 'Too low: wrong estimates. Too high: slower planning and analyze.',
      values: () => ['100'],
    },
  ],
}
