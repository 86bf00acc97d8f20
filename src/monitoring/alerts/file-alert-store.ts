import { open, readFile, rename } from 'node:fs/promises'
import { type AlertStore, decodeAlerts, encodeAlerts } from './open-alert.js'

/** Keeps alerts in a JSON file, which is replaced as a whole: a crash leaves the old one or the new one. Errors: ALERTS_UNREADABLE. */
export function createFileAlertStore(file: string): AlertStore {
  return {
    async load() {
      const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
        if (error.code === 'ENOENT') return '[]'
        throw error
      })
      return decodeAlerts(text, file)
    },
    async save(alerts) {
      const partial = `${file}.partial`
      const handle = await open(partial, 'w', 0o600)
      try {
        await handle.writeFile(`${encodeAlerts(alerts)}\n`)
        await handle.sync()
      } finally {
        await handle.close()
      }
      await rename(partial, file)
    },
  }
}
