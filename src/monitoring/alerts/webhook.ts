import { createHmac } from 'node:crypto'
import { FleetError } from '../../errors.js'
import type { AlertMessage, AlertReceiver } from './alert-message.js'

/** The bodies that a webhook may be sent. */
export const WEBHOOK_FORMATS = ['json', 'alertmanager'] as const

/** What the body is: one message as JSON, or the list of alerts that Alertmanager's `/api/v2/alerts` takes. */
export type WebhookFormat = (typeof WEBHOOK_FORMATS)[number]

/** Where alerts are posted to. */
export interface WebhookOptions {
  /** http or https, without a login. A path or query may hold a secret: it is never told. */
  readonly url: string
  /** @default 'alertmanager' where the path ends in /api/v2/alerts, else 'json' */
  readonly format?: WebhookFormat
  /** Signs each body: `X-Pgfleet-Signature-256: sha256=HMAC`, in hex. @default unsigned */
  readonly secret?: string
  /** The header `Authorization`. @default none */
  readonly authorization?: string
  /** How long Alertmanager takes an alert for firing without hearing of it, in milliseconds. @default 4.5 hours */
  readonly lastsMs?: number
}

/** Answers after which it is worth trying again. */
const TRANSIENT: ReadonlySet<number> = new Set([408, 425, 429])

/** A receiver that posts each message to a url. Redirects are not followed. Errors: OPTIONS_INVALID. */
export function createWebhook(options: WebhookOptions): AlertReceiver {
  const { secret, authorization, lastsMs = 16_200_000 } = options
  const url = checkUrl(options.url)
  const { format = url.pathname.endsWith('/api/v2/alerts') ? 'alertmanager' : 'json' } = options
  const name = `webhook ${url.host}`
  return {
    name,
    async send(message, signal) {
      const body = JSON.stringify(format === 'json' ? message : [toAlertmanager(message, lastsMs)])
      const response = await fetch(url, {
        method: 'POST',
        redirect: 'manual',
        signal,
        body,
        headers: {
          'content-type': 'application/json',
          'user-agent': 'pgfleet',
          'idempotency-key': message.id,
          ...(authorization === undefined ? {} : { authorization }),
          ...(secret === undefined
            ? {}
            : { 'x-pgfleet-signature-256': `sha256=${createHmac('sha256', secret).update(body).digest('hex')}` }),
        },
      }).catch((error: Error) => {
        // The driver's text may hold the url, its cause has the reason alone.
        const code = (error.cause as NodeJS.ErrnoException | undefined)?.code ?? error.name
        throw new FleetError('ALERT_UNDELIVERED', { message: `no answer: ${code}` })
      })
      // Nobody reads what it says.
      await response.body?.cancel().catch(() => {})
      if (response.ok) return
      const isTransient = response.status >= 500 || TRANSIENT.has(response.status)
      throw new FleetError(isTransient ? 'ALERT_UNDELIVERED' : 'ALERT_REFUSED', {
        message: `it answered ${response.status}`,
        details: { status: response.status },
      })
    },
  }
}

function checkUrl(text: string): URL {
  const invalid = (why: string) =>
    new FleetError('OPTIONS_INVALID', { message: `a webhook's url ${why}`, field: 'webhook' })
  let url: URL
  try {
    url = new URL(text)
  } catch {
    throw invalid('cannot be read: https://host/path is expected')
  }
  if (!/^https?:$/.test(url.protocol)) throw invalid('begins with http:// or https://')
  if (url.username !== '' || url.password !== '')
    throw invalid('has no login in it: a file holds the Authorization header')
  return url
}

/** One alert of Alertmanager. */
interface AlertmanagerAlert {
  readonly labels: Readonly<Record<string, string>>
  readonly annotations: Readonly<Record<string, string>>
  readonly startsAt: Date
  readonly endsAt: Date
}

/** A firing alert ends by itself unless it is told again; so nobody is left alarmed by a monitor that died. */
function toAlertmanager(message: AlertMessage, lastsMs: number): AlertmanagerAlert {
  const { name, severity, labels, summary, meaning, action, rule, check, since, resolvedAt, at, server } = message
  return {
    labels: {
      alertname: name,
      severity,
      ...labels,
      ...(server === null ? {} : { server: server.systemIdentifier, database: labels.database ?? server.database }),
    },
    annotations: { summary, description: `${meaning} ${action}`, rule, ...(check === null ? {} : { check }) },
    startsAt: since,
    endsAt: resolvedAt ?? new Date(at.getTime() + lastsMs),
  }
}
