import type { Verdict } from './measurement.js'
import { type AlertNotice, idOf, type Labels, labelsKey, OPEN_ALERTS_MAX, type OpenAlert } from './open-alert.js'
import { type AlertRule, KEEP_FIRING_MS } from './rule.js'

/** How alerts go on from one moment to the next. */
export interface ChangeOptions {
  /** Tells alerts of several servers apart. */
  readonly server: string
  /** How often an alert that lasts is told again, in milliseconds. */
  readonly repeatMs: number
  /** Longest time between two looks over which a condition counts as having held, in milliseconds. */
  readonly gapMs: number
  /** Nothing is told of these rules, by id. */
  readonly silenced: ReadonlySet<string>
  /** For how long counters are known without a break, in milliseconds. */
  readonly knownMs: number
}

/** What one look at one rule brought. */
export interface Changes {
  /** The alerts of the rule that are open now, and those that have just ended. */
  readonly alerts: readonly OpenAlert[]
  /** Conditions that hold and were not opened, because too many are. */
  readonly refused: number
}

/**
 * How the open alerts of a rule go on. A condition that holds makes one pending, and after the rule's time firing; one that does not
 * drops a pending alert at once, and ends a firing one after KEEP_FIRING_MS, as Prometheus does with `keep_firing_for`.
 * Each change that somebody should know of is the alert's `unsent` message.
 */
export function changeAlerts(
  rule: AlertRule,
  open: readonly OpenAlert[],
  verdict: Verdict,
  at: Date,
  options: ChangeOptions & { readonly room?: number; readonly windowMs?: number },
): Changes {
  const { room = OPEN_ALERTS_MAX } = options
  const alerts: OpenAlert[] = []
  const known = new Set<string>()
  for (const each of open) {
    const alert = notAfter(each, at)
    const key = labelsKey(alert.labels)
    known.add(key)
    const due = verdict.due.get(key)
    const next = due === undefined ? ease(alert, verdict, at, options) : hold(rule, alert, due.value, at, options)
    if (next !== undefined) alerts.push(next)
  }
  let refused = 0
  for (const { labels, value } of verdict.due.values()) {
    if (known.has(labelsKey(labels))) continue
    if (alerts.length >= room) refused++
    else alerts.push(hold(rule, begin(rule, labels, value, at, options.server), value, at, options))
  }
  return { alerts, refused }
}

function begin(rule: AlertRule, labels: Labels, value: number, at: Date, server: string): OpenAlert {
  return {
    id: idOf(at, server, rule.id, labelsKey(labels)),
    rule: rule.id,
    labels,
    state: 'pending',
    value,
    since: at,
    lastAt: at,
    firedAt: null,
    easedAt: null,
    resolvedAt: null,
    end: null,
    noticedAt: null,
    unsent: null,
  }
}

function hold(rule: AlertRule, alert: OpenAlert, value: number, at: Date, options: ChangeOptions): OpenAlert {
  const { repeatMs, gapMs, silenced } = options
  // Nobody looked in between: whether it held all the time is not known.
  const isBroken = alert.state === 'pending' && at.getTime() - alert.lastAt.getTime() > gapMs
  const since = isBroken ? at : alert.since
  const held = { ...alert, since, value, lastAt: at, easedAt: null }
  const fires = held.state === 'firing' || at.getTime() - since.getTime() >= rule.forS * 1000
  if (!fires) return held
  const firing = { ...held, state: 'firing' as const, firedAt: held.firedAt ?? at }
  const { noticedAt } = firing
  const isDue = noticedAt === null || at.getTime() - noticedAt.getTime() >= repeatMs
  if (!isDue || silenced.has(rule.id)) return firing
  return { ...firing, noticedAt: at, unsent: notice(firing, noticedAt === null ? 'firing' : 'repeat', at) }
}

function ease(
  alert: OpenAlert,
  verdict: Verdict,
  at: Date,
  options: ChangeOptions & { readonly windowMs?: number },
): OpenAlert | undefined {
  if (alert.state !== 'firing') return undefined
  // Counters that are not known for as long as the rule looks back: that it does not hold may only mean so.
  if (options.knownMs < (options.windowMs ?? 0)) return alert
  const easedAt = alert.easedAt ?? at
  if (at.getTime() - easedAt.getTime() < KEEP_FIRING_MS) return { ...alert, easedAt }
  const end = verdict.measured.has(labelsKey(alert.labels)) ? ('over' as const) : ('gone' as const)
  const resolved = { ...alert, state: 'resolved' as const, easedAt, resolvedAt: at, end }
  // Of what nobody was told, nobody has to be told that it is over.
  return alert.noticedAt === null ? undefined : { ...resolved, noticedAt: at, unsent: notice(alert, 'resolved', at) }
}

function notice(alert: OpenAlert, kind: AlertNotice['kind'], at: Date): AlertNotice {
  return { id: idOf(at, alert.id, kind), kind, at }
}

/** With no time later than now: the clock was set back, and nothing may seem to lie ahead. */
function notAfter(alert: OpenAlert, at: Date): OpenAlert {
  const { since, lastAt, firedAt, easedAt, noticedAt } = alert
  const earlier = <T extends Date | null>(date: T): T => (date !== null && date > at ? (at as T) : date)
  return {
    ...alert,
    since: earlier(since),
    lastAt: earlier(lastAt),
    firedAt: earlier(firedAt),
    easedAt: earlier(easedAt),
    noticedAt: earlier(noticedAt),
  }
}
