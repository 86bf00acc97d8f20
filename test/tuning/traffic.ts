// Roles that work on a server as applications do: each loop has a session for a moment, then the next one.
import pg from 'pg'
import { afterFile } from '../setup/index.js'

/** Runs the statement again and again as that login, in short sessions, until `stop`, or the end of the file. */
export function startTraffic(url: string, statement: string, callsOfSession = 4): { stop(): Promise<void> } {
  let running = true
  let calls = 0
  let failure: unknown
  const loop = async () => {
    while (running) {
      const client = new pg.Client({ connectionString: url })
      client.on('error', () => {})
      try {
        await client.connect()
        for (let n = 0; n < callsOfSession && running; n++) {
          await client.query(statement)
          calls++
        }
      } catch (error) {
        failure = error
        // A server that is just being started anew.
        await new Promise((resolve) => setTimeout(resolve, 20))
      } finally {
        await client.end().catch(() => {})
      }
    }
  }
  const done = loop()
  const stop = async () => {
    running = false
    await done
    if (calls === 0) throw failure
  }
  afterFile(stop)
  return { stop }
}
