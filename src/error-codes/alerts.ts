import type { ErrorKind } from './kind.js'

/** What alerts may end with. */
export const ALERT_ERRORS = {
  ALERTS_UNREADABLE: {
    retryable: false,
    summary: 'What was kept of open alerts is not what the monitor writes.',
    hint: 'Move the file aside: alerts that are still due are then told once more.',
  },
  ALERT_REFUSED: {
    retryable: false,
    summary:
      'A webhook refused a message: an answer 3xx or 4xx other than 408, 425 and 429. Redirects are not followed.',
    hint: 'Check its url, and that both sides have the same secret.',
  },
  ALERT_UNDELIVERED: {
    retryable: true,
    summary: 'A webhook did not take a message: no connection, no answer in time, 408, 425, 429 or 5xx.',
    hint: 'It is sent again a few times; look at the other side when it stays so.',
  },
} as const satisfies Record<string, ErrorKind>
