// A worker that is going to be killed. It writes what it does into a file, which outlives it and any server:
//   node killed-worker.mjs URL TENANT FILE LEASE_MS
import { appendFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { openFleet } from '../../../dist/index.js'
import { createWorker } from '../../../dist/stores/delivery/index.js'

const [url, tenant, file, leaseMs] = process.argv.slice(2)
const note = (line) => appendFileSync(file, `${JSON.stringify(line)}\n`)

/** The server may be down just now. */
async function open() {
  for (;;) {
    try {
      return await openFleet({ url, migrate: false, poolMax: 4 })
    } catch {
      await sleep(100)
    }
  }
}

const worker = createWorker(await open(), {
  tenants: [tenant],
  concurrency: 8,
  leaseMs: Number(leaseMs),
  pollMs: 50,
  handlers: {
    job: async ({ workflowId, number, lease, expiresAt, signal }) => {
      const task = `${workflowId}/${number}`
      note({ at: Date.now(), task, lease, expiresAt: expiresAt.getTime() })
      await sleep(Math.random() * 60)
      // Whoever has lost the lease stops, and says nothing.
      signal.throwIfAborted()
      note({ at: Date.now(), task, lease, ended: true })
    },
  },
})
worker.start()
