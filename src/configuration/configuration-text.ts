import { listOf } from './acceptance.js'
import type { Advice, AdvisedLine } from './advice.js'
import { sizeText } from './advised-setting.js'
import { SETTING_GROUPS } from './groups/index.js'
import type { Machine } from './machine.js'
import { roleSettings } from './role-settings.js'

/** The machine in one line. */
export function describeMachine(machine: Machine): string {
  const { cores, memoryBytes, disk, version, workload, connections, activeConnections } = machine
  const memory = sizeText(Math.floor(memoryBytes / 1024 ** 2) * 1024 ** 2)
  return `PostgreSQL ${version}, ${cores} core${cores === 1 ? '' : 's'}, ${memory} of memory, ${disk}, ${workload}, ${connections} connections of which ${activeConnections} work at once`
}

/** The advice as a part of postgresql.conf. */
export function formatConf({ machine, lines }: Advice): string {
  const width = Math.max(0, ...lines.map((line) => assignment(line).length))
  const text = [
    `# For ${describeMachine(machine)}.`,
    '# Lines marked with R take a restart; for the others a reload is enough.',
  ]
  for (const { name, title } of SETTING_GROUPS) {
    const own = lines.filter(({ group }) => group === name)
    if (own.length === 0) continue
    text.push('', `# ${title}`)
    for (const line of own) text.push(`${assignment(line).padEnd(width)}  # ${line.restart ? 'R ' : ''}${line.why}`)
  }
  text.push('', '# For roles, not for the server:', ...roleLines(machine).map((line) => `# ${line}`))
  return text.join('\n')
}

/** The advice as ALTER SYSTEM statements, for psql: each is a statement of its own. */
export function formatSql({ machine, lines }: Advice): string {
  const text = [`-- For ${describeMachine(machine)}.`]
  for (const { name, title } of SETTING_GROUPS) {
    const own = lines.filter(({ group }) => group === name)
    if (own.length > 0)
      text.push('', `-- ${title}`, ...own.map((line) => `${alterSystem(line)};${line.restart ? '  -- restart' : ''}`))
  }
  const restart = lines.some((line) => line.restart) ? '  -- the lines marked so take effect with the next restart' : ''
  return [
    ...text,
    '',
    `select pg_reload_conf();${restart}`,
    '',
    '-- For roles, not for the server:',
    ...roleLines(machine).map((line) => `-- ${line}`),
  ].join('\n')
}

/** `name = value`, quoted where it has to be. */
export function assignment({ name, value }: Pick<AdvisedLine, 'name' | 'value'>): string {
  return `${name} = ${/^-?[\w.]+$/.test(value) ? value : quoted(value)}`
}

/** The statement that sets a line. A list is one literal a member: as one, it would be a single name with commas. */
export function alterSystem({ name, value }: Pick<AdvisedLine, 'name' | 'value'>): string {
  const values = name.endsWith('_libraries') ? listOf(value) : [value]
  return `alter system set ${name} = ${values.map((each) => (/^-?\d+(\.\d+)?$/.test(each) ? each : quoted(each))).join(', ')}`
}

const quoted = (value: string) => `'${value.replaceAll("'", "''")}'`

function roleLines(machine: Machine): string[] {
  return roleSettings(machine).map(
    ({ name, value, roles, why }) =>
      `alter role ${roles === 'applications' ? 'APPLICATION' : 'MIGRATION'} set ${name} = '${value}';  -- ${why}`,
  )
}
