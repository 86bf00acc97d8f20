import { addAbortSignal } from 'node:stream'
import { FleetError } from '../errors.js'

/** What is piped in is kept in memory, so it has a limit. */
const BYTES_MAX = 50 * 1024 * 1024

/** Reads standard input to its end. Errors: INPUT_INVALID for more than 50 MB. */
export async function readStdin(signal: AbortSignal): Promise<Buffer> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of addAbortSignal(signal, process.stdin)) {
    size += (chunk as Buffer).length
    if (size > BYTES_MAX) {
      throw new FleetError('INPUT_INVALID', {
        message: `standard input holds more than ${BYTES_MAX / 1024 ** 2} MB`,
        field: 'file',
      })
    }
    chunks.push(chunk as Buffer)
  }
  return Buffer.concat(chunks)
}
