import type { Remedy } from './check.js'

/** A setting as pg_settings has it. */
export interface Setting {
  readonly name: string
  readonly value: string
  readonly unit: string | null
  readonly source: string
  readonly context: string
}

/** The remedy that changes a setting of the whole server; `value` as it is written in postgresql.conf. */
export function settingRemedy(
  { name, context }: Pick<Setting, 'name' | 'context'>,
  value: string,
  text: string,
): Remedy {
  const restart = context === 'postmaster'
  return {
    text: `${text}${restart ? ' It takes effect when the server restarts.' : ''} Where the provider sets it, use its control panel.`,
    sql: [
      `alter system set ${name} = ${/^-?\d+(\.\d+)?$/.test(value) ? value : `'${value}'`}`,
      'select pg_reload_conf()',
    ],
    lock: restart ? 'none; the restart ends all sessions' : 'none',
    undo: `alter system reset ${name}, then reload${restart ? ' and restart' : ''}`,
  }
}
