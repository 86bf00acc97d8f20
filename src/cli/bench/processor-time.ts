import { readdir, readFile } from 'node:fs/promises'

/** Milliseconds that a process of this machine has run since it began; undefined where the system does not tell. */
export async function processorTime(pid: number): Promise<number | undefined> {
  // Nanoseconds on a processor, of the main thread and of each other.
  const threads = await readdir(`/proc/${pid}/task`).catch(() => [])
  const times = await Promise.all(
    threads.map((thread) => readFile(`/proc/${pid}/task/${thread}/schedstat`, 'utf8').catch(() => '')),
  )
  const nanoseconds = times.map((text) => Number.parseInt(text, 10)).filter((time) => Number.isFinite(time))
  return nanoseconds.length === 0 ? undefined : nanoseconds.reduce((sum, time) => sum + time, 0) / 1e6
}
