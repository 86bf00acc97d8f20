import { createServer, connect as dial, type Socket } from 'node:net'
import { afterFile } from '../setup/index.js'

/** A way to a server that can vanish as a machine vanishes from the network: nothing is refused, and nothing is answered. */
export interface SilentProxy {
  readonly port: number
  /** From now on connections are accepted, and nothing passes any more, either way; nobody is told. */
  vanish(): void
  /** What was sent meanwhile passes, as TCP sends it again. */
  comeBack(): void
}

/** Starts one on loopback before that port; closed after the file. */
export async function startSilentProxy(target: number): Promise<SilentProxy> {
  const sockets = new Set<Socket>()
  let isSilent = false
  const keep = (socket: Socket) => {
    sockets.add(socket)
    socket.on('error', () => {})
    socket.on('close', () => sockets.delete(socket))
    if (isSilent) socket.pause()
  }
  // Half open: the end of one side is told to the other as data is, hence not while nothing passes.
  const server = createServer({ allowHalfOpen: true, pauseOnConnect: true }, (near) => {
    const far = dial({ host: '127.0.0.1', port: target, allowHalfOpen: true })
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      from.on('data', (data) => to.write(data))
      from.on('end', () => to.end())
      from.on('error', () => to.destroy())
      keep(from)
    }
    if (!isSilent) near.resume()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  afterFile(async () => {
    const closed = new Promise((resolve) => server.close(resolve))
    for (const socket of sockets) socket.destroy()
    await closed
  })
  return {
    port: (server.address() as { port: number }).port,
    vanish: () => {
      isSilent = true
      for (const socket of sockets) socket.pause()
    },
    comeBack: () => {
      isSilent = false
      for (const socket of sockets) socket.resume()
    },
  }
}
