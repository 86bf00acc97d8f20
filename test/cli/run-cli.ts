import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'

/** How the program ended, and what it said. */
export interface Ended {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

const MAIN = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url))

/**
 * Runs `pgfleet` in a directory, without the database of the environment. With `interrupt` it is sent SIGINT so many
 * milliseconds after the text was seen on stderr.
 */
export async function runCli(
  cwd: string,
  parameters: readonly string[],
  options: { env?: Record<string, string>; stdin?: string; interrupt?: { after: string; milliseconds: number } } = {},
): Promise<Ended> {
  const { DATABASE_URL: _, FORCE_COLOR: __, ...env } = process.env
  const child = spawn(process.execPath, [MAIN, ...parameters], { cwd, env: { ...env, ...options.env } })
  // What waits for its input gets what there is, and its end.
  child.stdin.on('error', () => {})
  if (options.stdin !== undefined) child.stdin.end(options.stdin)
  let stdout = ''
  let stderr = ''
  let { interrupt } = options
  child.stdout.on('data', (data: Buffer) => {
    stdout += data.toString()
  })
  child.stderr.on('data', (data: Buffer) => {
    stderr += data.toString()
    if (interrupt === undefined || !stderr.includes(interrupt.after)) return
    setTimeout(() => child.kill('SIGINT'), interrupt.milliseconds)
    interrupt = undefined
  })
  const code = await new Promise<number | null>((resolve) => child.on('close', resolve))
  return { code, stdout, stderr }
}
