import { mkdirSync } from 'node:fs'
import { type MessagePort, parentPort, workerData } from 'node:worker_threads'
import { PGlite } from '@electric-sql/pglite'
import { btree_gin } from '@electric-sql/pglite/contrib/btree_gin'
import { btree_gist } from '@electric-sql/pglite/contrib/btree_gist'
import { pg_stat_statements } from '@electric-sql/pglite/contrib/pg_stat_statements'
import { pg_trgm } from '@electric-sql/pglite/contrib/pg_trgm'
import { vector } from '@electric-sql/pglite-pgvector'
import { PGLiteSocketServer } from '@electric-sql/pglite-socket'
import type { EmbeddedMessage, EmbeddedStart } from './embedded.js'

const { dataDir, socket } = workerData as EmbeddedStart
const port = parentPort as MessagePort
const answer = (message: EmbeddedMessage) => port.postMessage(message)

try {
  if (!dataDir.startsWith('memory://')) mkdirSync(dataDir, { recursive: true, mode: 0o700 })
  const engine = await PGlite.create({
    dataDir,
    extensions: { btree_gin, btree_gist, pg_trgm, pg_stat_statements, vector },
  })
  // One connection is used; a second may come while a broken one is still being let go.
  const server = new PGLiteSocketServer({
    db: engine,
    maxConnections: 2,
    ...('path' in socket ? socket : { ...socket, port: 0 }),
  })
  await server.start()
  port.on('message', async () => {
    await server.stop().catch(() => {})
    await engine.close().catch(() => {})
    answer({ stopped: true })
  })
  answer({ ready: { port: Number(server.getServerConn().split(':').at(-1)) || 0 } })
} catch (error) {
  answer({ failed: error instanceof Error ? error.message : String(error) })
}
