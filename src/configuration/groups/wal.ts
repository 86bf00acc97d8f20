import { type SettingGroup, sizeText } from '../advised-setting.js'
import { walBudget } from '../wal-budget.js'

export const wal: SettingGroup = {
  name: 'wal',
  title: 'WAL and checkpoints',
  purpose: 'speed',
  settings: [
    {
      name: 'max_wal_size',
      source: 'P, O',
      formula:
        'measured: WAL of a busy second × checkpoint_timeout × (1 + checkpoint_completion_target) × 1.2; else 8 GB (oltp, vectors), 4 GB (mixed), 16 GB (analytics); at least 2 GB, and never more than 60 % of the disk of the WAL',
      why: 'Checkpoints should come by time: after each, the first change of a page writes the whole page.',
      cost: 'Too little: checkpoints follow each other closely and multiply the WAL. Too much: disk, and a longer recovery after a crash.',
      values: ({ machine }) => [sizeText(walBudget(machine).maxWalSize)],
    },
    {
      name: 'min_wal_size',
      source: 'T',
      formula: 'a quarter of max_wal_size',
      why: 'So much is recycled in place of being removed and made anew.',
      cost: 'Disk, while nothing is written.',
      values: ({ machine }) => [sizeText(walBudget(machine).minWalSize)],
    },
    {
      name: 'checkpoint_timeout',
      source: 'W',
      formula: '15 min; less where max_wal_size would be full before at 1 MB a second',
      why: 'Fewer checkpoints write fewer full pages.',
      cost: 'Too short: more WAL. Too long: recovery after a crash takes longer.',
      values: ({ machine }) => [`${walBudget(machine).checkpointSeconds / 60}min`],
    },
    {
      name: 'checkpoint_completion_target',
      source: 'P',
      formula: '0.9',
      why: 'The writes of a checkpoint are spread over the time until the next.',
      cost: 'Lower: the disk is flooded at once.',
      values: () => ['0.9'],
    },
    {
      name: 'wal_compression',
      source: 'T',
      formula: 'the first of lz4, zstd and pglz that this build takes',
      why: 'Full pages are most of the WAL after a checkpoint, and compress well.',
      cost: 'Processor time while writing them; pglz takes several times that of lz4.',
      values: () => ['lz4', 'zstd', 'pglz'],
    },
  ],
}
