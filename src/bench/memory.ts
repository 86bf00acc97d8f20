/** How often the resident memory is read, in milliseconds; a reading costs about 10 microseconds. */
const SAMPLE_MS = 100

/** Watches the resident memory of this process. */
export interface MemoryWatch {
  /** Ends the watch and returns the greatest size seen, in MB (10^6 bytes). A second call returns the same. */
  stop(): number
}

/** Begins to read the resident memory of this process ten times a second. The timer does not keep the process alive. */
export function watchMemory(): MemoryWatch {
  let peak = process.memoryUsage.rss()
  const sample = () => {
    peak = Math.max(peak, process.memoryUsage.rss())
  }
  const timer = setInterval(sample, SAMPLE_MS)
  timer.unref()
  let stopped = false
  return {
    stop() {
      if (!stopped) sample()
      stopped = true
      clearInterval(timer)
      return peak / 1e6
    },
  }
}
