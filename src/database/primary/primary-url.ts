import { Primary } from './primary.js'
import { serverUrls } from './server-urls.js'

/** Longest wait for a primary, in milliseconds. */
const WAIT_MS = 10_000

/**
 * The url of the one server that takes writes, of a url that may name several: for what makes connections of its own. A url of one
 * server comes back as it is, and nobody is asked. Errors: OPTIONS_INVALID; PRIMARY_UNAVAILABLE after ten seconds without one.
 */
export async function primaryUrl(url: string): Promise<string> {
  const { urls, wantsPrimary } = serverUrls(url)
  if (!wantsPrimary) return url
  const primary = new Primary(urls, { pollMs: WAIT_MS, waitMs: WAIT_MS })
  const unfollow = primary.follow(() => {})
  try {
    return (await primary.find(performance.now() + WAIT_MS)).url
  } finally {
    unfollow()
  }
}
