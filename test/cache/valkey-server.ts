// A Valkey of a test's own, to be stopped, killed and started again.
import { type ChildProcess, spawn } from 'node:child_process'
import { access } from 'node:fs/promises'
import { join } from 'node:path'
import { createClient } from '@redis/client'
import { freePort, programsOfServices } from '../doctor/scratch-server.js'
import { afterFile, engine, onEngines } from '../setup/index.js'

/** A running server. */
export interface ValkeyServer {
  readonly url: string
  /** A command to it, over a connection of its own. */
  command(...words: string[]): Promise<unknown>
  /** Ends it as a crash does. */
  kill(): Promise<void>
  /** Starts it again on the same port, empty. */
  restart(): Promise<void>
  /** Its connections stay, but nothing is answered. */
  pause(): void
  resume(): void
}

/** The program and what stands before its arguments. */
async function program(): Promise<readonly string[]> {
  const { command } = await programsOfServices()
  const { file, args } = command('x', [])
  const [userspec, root] = args as [string, string]
  await access(join(root, 'usr/bin/valkey-server'))
  return [file, userspec, root, '/usr/bin/valkey-server']
}

/** Tests that start a Valkey of their own: on the engine "direct", where it can be started; else skipped by name. */
export async function onValkey(): Promise<ReturnType<typeof onEngines>> {
  if (engine !== 'direct') return onEngines(['direct'], 'starts a Valkey of its own')
  return await program().then(
    () => onEngines(['direct'], ''),
    (error: Error) => onEngines([], error.message),
  )
}

/** Starts a server that keeps nothing on disk; ended after the file. */
export async function startValkey(): Promise<ValkeyServer> {
  const [file, ...before] = await program()
  const port = await freePort()
  const url = `redis://127.0.0.1:${port}`
  let child: ChildProcess | undefined
  const restart = async () => {
    child = spawn(file as string, [...before, '--port', `${port}`, '--bind', '127.0.0.1', '--save', ''], {
      stdio: 'ignore',
    })
    for (let tries = 0; tries < 600; tries++) {
      if (child.exitCode !== null) throw new Error('Valkey did not start')
      if (await command('PING').catch(() => false)) return
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
    throw new Error('Valkey does not answer')
  }
  const command = async (...words: string[]) => {
    const client = createClient({ url, socket: { reconnectStrategy: false } })
    client.on('error', () => {})
    try {
      await client.connect()
      return await client.sendCommand(words)
    } finally {
      client.destroy()
    }
  }
  const kill = async () => {
    const running = child
    if (running === undefined || running.exitCode !== null || running.signalCode !== null) return
    const ended = new Promise((resolve) => running.once('exit', resolve))
    running.kill('SIGKILL')
    await ended
  }
  afterFile(kill)
  await restart()
  return { url, command, kill, restart, pause: () => child?.kill('SIGSTOP'), resume: () => child?.kill('SIGCONT') }
}
