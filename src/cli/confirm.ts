import { createInterface } from 'node:readline/promises'
import { FleetError } from '../errors.js'

/**
 * Asks on the terminal whether to go on; anything but `y` or `yes` is no. Errors: INPUT_INVALID (`yes`) where nobody can be
 * asked, ABORTED for no, and for Ctrl-C.
 */
export async function confirm(question: string, given: boolean, signal: AbortSignal): Promise<void> {
  if (given) return
  if (!process.stdin.isTTY || !process.stderr.isTTY) {
    throw new FleetError('INPUT_INVALID', {
      message: `yes: nobody can be asked here. ${question}`,
      field: 'yes',
      hint: 'Give --yes when that is what you want.',
    })
  }
  const lines = createInterface({ input: process.stdin, output: process.stderr })
  try {
    const answer = await lines.question(`${question} Go on? [y/N] `, { signal })
    if (/^y(es)?$/i.test(answer.trim())) return
  } catch (cause) {
    throw new FleetError('ABORTED', { message: 'interrupted before it began', cause })
  } finally {
    lines.close()
  }
  throw new FleetError('ABORTED', { message: 'nothing was done' })
}
