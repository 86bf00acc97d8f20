import { InvalidArgumentError } from 'commander'

/** Makes an option's parser of a whole number. */
export function wholeNumber(min: number, max = Number.MAX_SAFE_INTEGER): (text: string) => number {
  return (text) => {
    const value = Number(text)
    if (/^-?\d+$/.test(text) && value >= min && value <= max) return value
    throw new InvalidArgumentError(
      `A whole number ${max === Number.MAX_SAFE_INTEGER ? `of ${min} or more` : `from ${min} to ${max}`} is expected.`,
    )
  }
}

/** Makes an option's parser of a number. */
export function numberBetween(min: number, max: number): (text: string) => number {
  return (text) => {
    const value = Number(text)
    if (text.trim() !== '' && value >= min && value <= max) return value
    throw new InvalidArgumentError(`A number from ${min} to ${max} is expected.`)
  }
}

/** Parses `1,2,3`. */
export function wholeNumbers(text: string): number[] {
  return text.split(',').map((part) => wholeNumber(Number.MIN_SAFE_INTEGER)(part.trim()))
}

/** Parses a limit: a whole number, or `none`, which is infinity (commander takes null for an option without a value). */
export function limit(text: string): number {
  return text === 'none' ? Number.POSITIVE_INFINITY : wholeNumber(0)(text)
}
