import type { ServerState } from '../snapshot.js'
import type { AlertNotice, Labels, OpenAlert } from './open-alert.js'
import { type AlertRule, alertName, severityOf } from './rule.js'
import { fillSummary } from './summary.js'

/** What receivers are told about one alert; as JSON it is the body of a webhook. */
export interface AlertMessage {
  /** A UUIDv7, the same however often the message is sent: whoever has it already can leave it. */
  readonly id: string
  readonly kind: AlertNotice['kind']
  readonly at: Date
  /** The occurrence that it is about: the same from firing to recovery. */
  readonly alert: string
  /** The id of the rule. */
  readonly rule: string
  /** The name that Prometheus knows it by. */
  readonly name: string
  readonly title: string
  readonly severity: 'critical' | 'warning' | 'info'
  readonly labels: Labels
  /** The number, when the condition last held; null where it is infinite. */
  readonly value: number | null
  readonly summary: string
  readonly meaning: string
  readonly action: string
  /** The doctor's check that explains it; null where there is none. */
  readonly check: string | null
  /** Since when the condition holds. */
  readonly since: Date
  /** When it was over; null before. */
  readonly resolvedAt: Date | null
  /** How it ended: measured to be well, or no longer there to be measured. */
  readonly end: OpenAlert['end']
  /** How long the condition held, in milliseconds: until now, or until it last did. */
  readonly lastedMs: number
  readonly server: { readonly systemIdentifier: string; readonly database: string } | null
}

/** The message of an alert's notice. */
export function messageOf(
  rule: AlertRule,
  alert: OpenAlert,
  notice: AlertNotice,
  server: ServerState | undefined,
): AlertMessage {
  return {
    id: notice.id,
    kind: notice.kind,
    at: notice.at,
    alert: alert.id,
    rule: rule.id,
    name: alertName(rule),
    title: rule.title,
    severity: severityOf(rule),
    labels: alert.labels,
    value: Number.isFinite(alert.value) ? alert.value : null,
    summary: fillSummary(rule.summary, alert.labels, alert.value),
    meaning: rule.meaning,
    action: rule.action,
    check: rule.check ?? null,
    since: alert.since,
    resolvedAt: alert.resolvedAt,
    end: alert.end,
    lastedMs: Math.max(0, alert.lastAt.getTime() - alert.since.getTime()),
    server: server === undefined ? null : { systemIdentifier: server.systemIdentifier, database: server.database },
  }
}

/** Who is told of alerts. */
export interface AlertReceiver {
  /** Who it is, for messages; without secrets. */
  readonly name: string
  /**
   * Tells of one message; has to be harmless when it is told again. Rejects when it was not taken: with a FleetError that is not
   * retryable it is not tried again.
   */
  send(message: AlertMessage, signal: AbortSignal): Promise<void>
}
