import { isSameValue } from './acceptance.js'
import type { Advice, AdvisedLine } from './advice.js'
import type { ServerSetting } from './server-settings.js'

/** A setting that is not what is advised. */
export interface Difference extends AdvisedLine {
  /** What it is now, with its unit. */
  readonly now: string
  /** Where that comes from: default, configuration file, command line ... */
  readonly source: string
}

/** What differs from the values that a server runs with. */
export function differences(
  { lines }: Pick<Advice, 'lines'>,
  settings: ReadonlyMap<string, ServerSetting>,
): readonly Difference[] {
  return lines.flatMap((line) => {
    const setting = settings.get(line.name)
    if (setting === undefined || isSameValue(setting, setting.value, line.value)) return []
    return [{ ...line, now: valueText(setting), source: setting.source }]
  })
}

const KILOBYTES: Readonly<Record<string, number>> = { kB: 1, '8kB': 8, MB: 1024 }

/** A value with its unit, sizes in the largest that leaves no remainder. */
function valueText({ value, unit }: ServerSetting): string {
  const factor = KILOBYTES[unit]
  if (factor === undefined || Number(value) <= 0 || !/^\d+$/.test(value)) {
    return value === '' ? 'empty' : Number(value) > 0 && unit !== '' ? `${value}${unit}` : value
  }
  let [size, name] = [Number(value) * factor, 'kB']
  for (const larger of ['MB', 'GB']) {
    if (size % 1024 !== 0) break
    size /= 1024
    name = larger
  }
  return `${size}${name}`
}
