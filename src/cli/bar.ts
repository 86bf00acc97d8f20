/** A value as a bar of text, of `width` characters for the largest. */
export function bar(value: number, largest: number, width: number): string {
  const eighths = Math.round((largest === 0 ? 0 : value / largest) * width * 8)
  return '█'.repeat(eighths >> 3) + (eighths % 8 === 0 ? '' : ('▏▎▍▌▋▊▉'[(eighths % 8) - 1] as string))
}
