import { marked } from '../catalog/catalog.js'
import { SETTING_FACTS } from '../server/setting-facts.js'

/** What a major's server says of a setting. */
export interface KnownSetting {
  readonly name: string
  readonly type: 'bool' | 'integer' | 'real' | 'string' | 'enum'
  /** Who may set it, and when: user, superuser, sighup, postmaster ... */
  readonly context: string
  /** The unit of a bare number: kB, 8kB, ms, s, min, B, MB; empty for none. */
  readonly unit: string
  readonly min: number
  readonly max: number
  readonly values: readonly string[]
}

let facts: Map<string, { setting: KnownSetting; majors: readonly [number, number] }[]> | undefined

function read(): NonNullable<typeof facts> {
  const found: NonNullable<typeof facts> = new Map()
  for (const part of SETTING_FACTS.trim().split(/;\s/)) {
    const [, head = '', rest = ''] = /^(\S+) (.*)$/s.exec(part.trim()) ?? []
    const [name, majors] = marked(head, [15, 18])
    const [type = 'string', context = '', unit = '', min = '', max = '', values = ''] = rest
      .replace(/;$/, '')
      .replaceAll('\n', ' ')
      .split('|')
    const setting: KnownSetting = {
      name,
      type: type as KnownSetting['type'],
      context,
      unit,
      min: Number(min),
      max: Number(max),
      values: values === '' ? [] : values.split(',').map((each) => each.trim()),
    }
    const key = name.toLowerCase()
    found.set(key, [...(found.get(key) ?? []), { setting, majors }])
  }
  return found
}

/** A setting of a major; undefined when that major has none of the name. */
export function knownSetting(name: string, version: number): KnownSetting | undefined {
  facts ??= read()
  return facts.get(name.toLowerCase())?.find(({ majors }) => version >= majors[0] && version <= majors[1])?.setting
}

/** The majors from 15 to 18 that have a setting; undefined for none. */
export function settingMajors(name: string): readonly [number, number] | undefined {
  facts ??= read()
  const found = facts.get(name.toLowerCase())
  if (found === undefined) return undefined
  return [Math.min(...found.map(({ majors }) => majors[0])), Math.max(...found.map(({ majors }) => majors[1]))]
}

/** The settings of all majors, by name. */
export function settingNames(): string[] {
  facts ??= read()
  return [...facts.keys()]
}

const MEMORY: Readonly<Record<string, number>> = { B: 1, kB: 1024, MB: 1024 ** 2, GB: 1024 ** 3, TB: 1024 ** 4 }
const TIME: Readonly<Record<string, number>> = { us: 0.001, ms: 1, s: 1000, min: 60_000, h: 3_600_000, d: 86_400_000 }

/** A number of a setting in bytes, milliseconds or by itself; a string that says why not. */
export function measure(setting: KnownSetting, value: string): number | string {
  const [, digits, unit = ''] =
    /^([+-]?(?:0x[0-9a-f]+|\d+(?:\.\d*)?(?:e[+-]?\d+)?|\.\d+))\s*([a-zA-Z]*)$/i.exec(value.trim()) ?? []
  if (digits === undefined) return `"${value}" is not a number`
  const number = Number(digits)
  const [, pages = '1', base = ''] = /^(\d*)([a-zA-Z]*)$/.exec(setting.unit) ?? []
  const units = base in MEMORY ? MEMORY : base in TIME ? TIME : undefined
  const one = units === undefined ? 1 : Number(pages || '1') * (units[base] ?? 1)
  if (unit === '') return number * one
  if (units === undefined) return `${setting.name} takes no unit`
  const factor = units[unit]
  return factor === undefined
    ? `"${unit}" is no unit of it: ${Object.keys(units).join(', ')} are (case matters)`
    : number * factor
}

/** A limit of a setting in the same terms as `measure`. */
export function limitOf(setting: KnownSetting, limit: number): number {
  const measured = measure(setting, String(limit))
  return typeof measured === 'number' ? measured : limit
}

/** What PostgreSQL takes for true and false; undefined for neither. */
export function truth(value: string): boolean | undefined {
  const text = value.toLowerCase()
  if (
    text === '1' ||
    text === 'on' ||
    ('true'.startsWith(text) && text !== '') ||
    ('yes'.startsWith(text) && text !== '')
  )
    return true
  if (
    text === '0' ||
    /^of?f$/.test(text) ||
    ('false'.startsWith(text) && text !== '') ||
    ('no'.startsWith(text) && text !== '')
  )
    return false
  return undefined
}
