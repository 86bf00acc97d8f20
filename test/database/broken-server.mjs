// Run by failures.test.ts in a process of its own, which ends by itself only when no error was left unhandled: a server
// that ends each session in the same message that opens it, as a client reads it that was busy while its session ended.
import { createServer } from 'node:net'
import { openDatabase } from 'pgfleet'

/** A message of the protocol: type, length, body. */
function message(type, body) {
  const length = Buffer.alloc(4)
  length.writeInt32BE(4 + Buffer.byteLength(body))
  return Buffer.concat([Buffer.from(type), length, Buffer.from(body)])
}

const opened = Buffer.concat([message('R', '\0\0\0\0'), message('Z', 'I')])
const ended = message('E', 'SFATAL\0C57P01\0Mterminating connection due to administrator command\0\0')
let sessions = 0
const server = createServer((socket) => {
  sessions++
  socket.on('error', () => {})
  socket.once('data', () => socket.end(Buffer.concat([opened, ended])))
})
await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))
const database = await openDatabase({ url: `postgres://nobody@127.0.0.1:${server.address().port}/nothing` })
const error = await database.run({ name: 'test.one', text: 'select 1' }, []).catch((reason) => reason)
process.stdout.write(JSON.stringify({ code: error.code, sessions }))
await database.close()
server.close()
