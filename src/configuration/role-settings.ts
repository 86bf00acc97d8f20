import type { Machine } from './machine.js'

/** A setting that belongs to roles, not to the whole server. */
export interface RoleSetting {
  readonly name: string
  readonly value: string
  /** Which roles. */
  readonly roles: 'applications' | 'migrations'
  readonly why: string
}

const SETTINGS: readonly (RoleSetting & { readonly from: number })[] = [
  {
    name: 'statement_timeout',
    value: '30s',
    roles: 'applications',
    from: 15,
    why: 'a statement that never ends holds its snapshot; backups, vacuums and migrations need longer, so not for the server',
  },
  {
    name: 'transaction_timeout',
    value: '5min',
    roles: 'applications',
    from: 17,
    why: 'many short statements can make a long transaction, too',
  },
  {
    name: 'lock_timeout',
    value: '5s',
    roles: 'migrations',
    from: 15,
    why: 'whoever waits for a strong lock makes everybody behind wait; repeat the migration instead',
  },
]

/** The time-outs that roles should have. */
export function roleSettings({ version }: Machine): readonly RoleSetting[] {
  return SETTINGS.filter(({ from }) => version >= from).map(({ from: _, ...setting }) => setting)
}
