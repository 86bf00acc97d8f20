import type { Metrics } from '../../stores/delivery/metrics/metrics.js'
import type { AlertReceiver } from './alert-message.js'

/** The name of the points that alerts are recorded as. */
export const ALERT_METRIC = 'pgfleet.alert'

/** Longest text of a dimension. */
const TEXT_MAX = 200

/** Most labels that become dimensions, besides those of the alert itself. */
const LABELS_MAX = 16

/**
 * A receiver that records each message as a point of a tenant's metrics: 1 while the alert fires, 0 when it is over. Its
 * dimensions are the rule, the severity and the alert's labels; recording it again changes nothing.
 */
export function createMetricsReceiver(tenant: string, metrics: Pick<Metrics, 'record'>): AlertReceiver {
  return {
    name: `metrics of tenant ${tenant}`,
    async send({ id, kind, alert, rule, severity, labels, value, summary, since, lastedMs, end, server }, signal) {
      const named = Object.entries(labels)
        .slice(0, LABELS_MAX)
        .map(([name, text]) => [name, text.slice(0, TEXT_MAX)])
      await metrics.record(
        [
          {
            id,
            name: ALERT_METRIC,
            category: 'infrastructure',
            type: 'gauge',
            numericValue: kind === 'resolved' ? 0 : 1,
            dimensions: {
              ...(server === null ? {} : { database: server.database }),
              ...Object.fromEntries(named),
              alert: rule,
              severity,
            },
            metadata: { kind, occurrence: alert, summary, value, since: since.toISOString(), lastedMs, end },
          },
        ],
        { signal },
      )
    },
  }
}
