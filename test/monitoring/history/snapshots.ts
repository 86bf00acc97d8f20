import type { Sample, ServerState, Snapshot } from '../../../dist/monitoring/snapshot.js'

/** A server that never changes, and what of it does. */
export function serverOf(more: Partial<ServerState> = {}): ServerState {
  return {
    systemIdentifier: '7300000000000000001',
    timeline: 1,
    startedAt: new Date('2026-01-01T00:00:00Z'),
    inRecovery: false,
    major: 17,
    version: '17.5',
    database: 'app',
    user: 'monitor',
    seesAll: true,
    ...more,
  }
}

/** A snapshot of these samples. */
export function snapshotOf(at: Date, samples: readonly Sample[], more: Partial<Snapshot> = {}): Snapshot {
  return { at, server: serverOf(), isUp: true, samples, failures: [], milliseconds: 1, ...more }
}

/** A sample of a metric that is a gauge (`pg_stat_activity_count`) or a counter (`pg_stat_database_xact_commit`). */
export function sample(metric: string, labels: Readonly<Record<string, string>>, value: number): Sample {
  return { metric, labels, value }
}
