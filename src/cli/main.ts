#!/usr/bin/env node
import { setMaxListeners } from 'node:events'
import { CommanderError } from 'commander'
import picocolors from 'picocolors'
import { describeFailure, EXIT, withoutPasswords } from './failure.js'
import { createProgram } from './program.js'
import { hasColors } from './terminal.js'

const interruption = new AbortController()
// Every call in flight listens to it.
setMaxListeners(0, interruption.signal)
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, () => {
    // The first asks to end in order; the second does not wait.
    if (interruption.signal.aborted) process.exit(EXIT.interrupted)
    interruption.abort(new Error(signal))
  })
}
// `pgfleet status | head` closes the pipe early, and a terminal may be closed: not an error.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE' && error.code !== 'EIO') throw error
})

process.exitCode = await main(process.argv)

async function main(argv: string[]): Promise<number> {
  let exitCode: number = EXIT.ok
  const shell = {
    signal: interruption.signal,
    exit: (code: number) => {
      exitCode = code
    },
  }
  try {
    const program = await createProgram(shell, argv.slice(2))
    await program.parseAsync(argv)
    return interruption.signal.aborted ? EXIT.interrupted : exitCode
  } catch (error) {
    // Help and version were printed and asked for.
    if (error instanceof CommanderError && error.exitCode === 0) return EXIT.ok
    // No command was given, and commander has printed the help in its place.
    if (error instanceof CommanderError && error.code === 'commander.help') return EXIT.usage
    return tell(error, argv)
  }
}

/** Tells the error on stderr: a line and a hint, or with `--json` one document. */
function tell(error: unknown, argv: string[]): number {
  const { code, message, hint, exitCode, json } = describeFailure(error, interruption.signal.aborted)
  // An error may come before the options are parsed, or be about them.
  const asJson = argv.includes('--json')
  const colors = picocolors.createColors(hasColors(process.stderr))
  if (asJson) process.stderr.write(`${JSON.stringify({ error: json })}\n`)
  else process.stderr.write(`${colors.red(`error ${code}:`)} ${message}\n${colors.dim(`hint: ${hint}`)}\n`)
  if (argv.includes('--debug') && error instanceof Error) {
    process.stderr.write(`${withoutPasswords(error.stack ?? '')}\n`)
    if (error.cause instanceof Error) process.stderr.write(`cause: ${withoutPasswords(error.cause.stack ?? '')}\n`)
  }
  return exitCode
}
