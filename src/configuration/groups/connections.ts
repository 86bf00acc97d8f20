import type { SettingGroup } from '../advised-setting.js'

export const connections: SettingGroup = {
  name: 'connections',
  title: 'Connections and time-outs',
  purpose: 'safety',
  settings: [
    {
      name: 'max_connections',
      source: 'P',
      formula: 'as given (--connections); those that work at once are the pools’, twice the cores',
      why: 'Memory is worked out for so many.',
      cost: 'Too few: clients are turned away. Too many: each snapshot costs more, and work_mem has to be smaller.',
      values: ({ machine }) => [String(machine.connections)],
    },
    {
      name: 'idle_in_transaction_session_timeout',
      source: 'P',
      formula: '60 s',
      why: 'A client that hangs inside a transaction holds its locks, and keeps vacuum from cleaning up.',
      cost: 'Too short: clients that think inside transactions lose their session. pg_dump switches it off for itself.',
      values: () => ['60s'],
    },
    {
      name: 'max_locks_per_transaction',
      source: 'O',
      formula: '256 from 8 GB of memory on, else 128',
      why: 'A statement over a table with many partitions locks every partition and every index of them.',
      cost: 'Too few: "out of shared memory". Each costs about 270 bytes a connection.',
      values: ({ machine }) => [machine.memoryBytes >= 8 * 1024 ** 3 ? '256' : '128'],
    },
  ],
}
