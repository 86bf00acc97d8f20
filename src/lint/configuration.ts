import { readFile } from 'node:fs/promises'
import { z } from 'zod'
import { FleetError } from '../errors.js'
import { check } from '../input.js'
import { LEVELS, type Level, PG_VERSIONS } from './rule.js'

const override = z.strictObject({
  files: z.array(z.string().min(1)).min(1),
  rules: z.record(z.string(), z.enum(['off', ...LEVELS])),
  reason: z.string().min(10, 'say why, in ten characters or more'),
})

const configuration = z.strictObject({
  $schema: z.string().optional(),
  pgVersion: z.literal([...PG_VERSIONS]).optional(),
  pooling: z.enum(['transaction', 'session']).optional(),
  level: z.enum(LEVELS).optional(),
  exclude: z.array(z.string().min(1)).default([]),
  overrides: z.array(override).default([]),
})

/** What `.pgfleet-lint.json` says. Paths are patterns: `*` within a folder, `**` across folders. */
export type Configuration = z.output<typeof configuration>

/** The file that is read when none is named. */
export const CONFIGURATION_FILE = '.pgfleet-lint.json'

/** Reads a configuration; an absent one is empty unless it was asked for. Errors: INPUT_INVALID. */
export async function readConfiguration(path: string, options: { required: boolean }): Promise<Configuration> {
  let text: string
  try {
    text = await readFile(path, 'utf8')
  } catch (cause) {
    if (!options.required && (cause as NodeJS.ErrnoException).code === 'ENOENT') return configuration.parse({})
    throw new FleetError('INPUT_INVALID', { message: `${path} cannot be read`, field: 'config', cause })
  }
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (cause) {
    throw new FleetError('INPUT_INVALID', {
      message: `${path} is not JSON: ${(cause as Error).message}`,
      field: 'config',
      cause,
    })
  }
  return check(path, configuration, value)
}

/** The level of a rule in a file: what the last override that fits says, else the one given. */
export function levelIn(config: Configuration, path: string, rule: string, level: Level): Level | 'off' {
  const found = config.overrides.findLast(
    (each) => rule in each.rules && each.files.some((pattern) => fits(pattern, path)),
  )
  return found?.rules[rule] ?? level
}

/** True when a path fits a pattern. */
export function fits(pattern: string, path: string): boolean {
  const normal = path.replaceAll('\\', '/').replace(/^\.\//, '')
  const source = pattern
    .replace(/^\.\//, '')
    .replaceAll(/[.+^${}()|[\]\\]/g, '\\$&')
    .replaceAll(/\*\*\/|\*\*|\*|\?/g, (mark) =>
      mark === '**/' ? '(?:.*/)?' : mark === '**' ? '.*' : mark === '*' ? '[^/]*' : '[^/]',
    )
  return new RegExp(`(^|/)${source}$`).test(normal)
}
