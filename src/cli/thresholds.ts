import { InvalidArgumentError } from 'commander'
import { THRESHOLDS, type ThresholdName } from '../doctor/thresholds.js'

/** Parses `name=value`, one of the doctor's thresholds, and adds it to those before. */
export function threshold(
  text: string,
  before: Partial<Record<ThresholdName, number>>,
): Partial<Record<ThresholdName, number>> {
  const [, name = '', value] = /^(\w+)=(\d+(?:\.\d+)?)$/.exec(text) ?? []
  if (value === undefined) throw new InvalidArgumentError('A threshold is name=value, with a number.')
  if (!(name in THRESHOLDS))
    throw new InvalidArgumentError(`There is no threshold '${name}'; they are listed in docs/doctor.md.`)
  return { ...before, [name]: Number(value) }
}
