import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'

/** Bytes of all files below a directory; 0 where there is none. Files that vanish meanwhile count nothing. */
export async function directoryBytes(directory: string): Promise<number> {
  const names = await readdir(directory, { recursive: true }).catch(() => [])
  let total = 0
  for (const name of names) {
    const found = await stat(join(directory, name)).catch(() => undefined)
    if (found?.isFile()) total += found.size
  }
  return total
}
