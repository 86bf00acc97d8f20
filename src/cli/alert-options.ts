import { readFile } from 'node:fs/promises'
import type { Command } from 'commander'
import { resolveThresholds, type ThresholdName } from '../doctor/thresholds.js'
import { FleetError } from '../errors.js'
import { AlertEvaluator } from '../monitoring/alerts/alert-evaluator.js'
import type { AlertReceiver } from '../monitoring/alerts/alert-message.js'
import { createFileAlertStore } from '../monitoring/alerts/file-alert-store.js'
import { createMemoryAlertStore } from '../monitoring/alerts/memory-alert-store.js'
import { createMetricsReceiver } from '../monitoring/alerts/metrics-receiver.js'
import type { AlertStore } from '../monitoring/alerts/open-alert.js'
import { RULES, ruleOf } from '../monitoring/alerts/rules/index.js'
import { createWebhook } from '../monitoring/alerts/webhook.js'
import type { SnapshotObserver } from '../monitoring/snapshot.js'
import type { Context } from './context.js'
import { duration } from './durations.js'
import { threshold } from './thresholds.js'

/** Options of `pgfleet monitor` about alerts. */
export interface AlertOptions {
  readonly alerts?: string
  readonly webhook?: readonly string[]
  readonly webhookSecretFile?: string
  readonly webhookAuthorizationFile?: string
  readonly repeat?: number
  readonly alertTenant?: string
  readonly alertUrl?: string
  readonly silence?: readonly string[]
  readonly threshold: Readonly<Partial<Record<ThresholdName, number>>>
}

/** How often an alert that lasts is told again, in milliseconds, unless told otherwise. */
const REPEAT_MS = 4 * 3_600_000

/** An alert of Alertmanager lives on between two messages for so much longer, in milliseconds. */
const LASTS_MORE_MS = 1_800_000

/** Adds how alerts are kept and who is told. */
export function addAlertOptions(command: Command): Command {
  return command
    .option(
      '--alerts <file>',
      'evaluate alerts, and keep the open ones in this file, so that a restart tells nothing twice',
    )
    .option(
      '--webhook <url...>',
      'post alerts there as JSON; where the path ends in /api/v2/alerts, as Alertmanager takes them',
    )
    .option('--webhook-secret-file <file>', 'sign what is posted by the secret in this file (HMAC-SHA256)')
    .option('--webhook-authorization-file <file>', 'the header Authorization of what is posted, in this file')
    .option('--repeat <time>', 'how often an alert that lasts is told again (default: 4h)', duration)
    .option('--alert-tenant <id>', 'record alerts as metrics of this tenant')
    .option('--alert-url <url>', 'the database of that tenant (default: the one that is watched)')
    .option('--silence <rules...>', 'tell nothing of these rules; they are evaluated all the same')
    .option(
      '--threshold <name=value>',
      'one threshold of the doctor, which alerts go by; may be repeated',
      threshold,
      {},
    )
}

/**
 * The observer that evaluates alerts, when they are kept or somebody is told. Errors: OPTIONS_INVALID, ALERTS_UNREADABLE.
 */
export async function openAlerts(
  context: Context,
  options: AlertOptions & { readonly interval: number },
  kept?: AlertStore,
): Promise<SnapshotObserver | undefined> {
  const { webhook: urls = [], alertTenant, silence: silenced = [], repeat: repeatMs = REPEAT_MS } = options
  const unknown = silenced.find((id) => ruleOf(id) === undefined)
  if (unknown !== undefined) throw noSuchRule(unknown, 'silence')
  const store = options.alerts === undefined ? kept : createFileAlertStore(options.alerts)
  if (store === undefined && urls.length === 0 && alertTenant === undefined) {
    assertUnused(options)
    return undefined
  }
  // A file that cannot be read is told now, not at the first alert.
  if (options.alerts !== undefined) await store?.load()
  const secret = await secretOf(options.webhookSecretFile, 'webhookSecretFile')
  const authorization = await secretOf(options.webhookAuthorizationFile, 'webhookAuthorizationFile')
  const webhooks = urls.map((url) =>
    createWebhook({
      url,
      lastsMs: repeatMs + LASTS_MORE_MS,
      ...(secret === undefined ? {} : { secret }),
      ...(authorization === undefined ? {} : { authorization }),
    }),
  )
  const tenant = alertTenant === undefined ? undefined : tenantReceiver(context, alertTenant, options.alertUrl)
  const evaluator = new AlertEvaluator({
    rules: RULES,
    thresholds: resolveThresholds(options.threshold),
    store: store ?? createMemoryAlertStore(),
    receivers: [...webhooks, ...(tenant === undefined ? [] : [tenant])],
    intervalMs: options.interval,
    repeatMs,
    silenced,
    onProblem: (text) => context.terminal.note(`alerts: ${text}`),
  })
  return {
    name: evaluator.name,
    observe: (snapshot, signal) => evaluator.observe(snapshot, signal),
    close: async () => {
      await evaluator.close()
      await tenant?.close()
    },
  }
}

/** The error of a rule's id that is none. */
export function noSuchRule(id: string, field: string): FleetError {
  return new FleetError('OPTIONS_INVALID', {
    message: `there is no rule '${id}'`,
    field,
    hint: '`pgfleet monitor rules` lists them.',
  })
}

/** What would tell nobody anything is a mistake. */
function assertUnused(options: AlertOptions): void {
  const field = (['webhookSecretFile', 'webhookAuthorizationFile', 'alertUrl', 'silence'] as const).find(
    (name) => options[name] !== undefined,
  )
  if (field === undefined) return
  throw new FleetError('OPTIONS_INVALID', {
    message: 'nobody would be told of alerts: give --webhook or --alert-tenant, or keep them by --alerts',
    field,
  })
}

/** Opens the tenant's database when there is something to tell, and again when that failed. */
function tenantReceiver(context: Context, tenant: string, url: string | undefined) {
  let opened: Promise<{ receiver: AlertReceiver; close(): Promise<void> }> | undefined
  const open = async () => {
    const { openFleet } = await import('../fleet.js')
    const fleet = await openFleet({ ...(url === undefined ? context.where : { url }), migrate: false })
    return {
      receiver: createMetricsReceiver(tenant, fleet.tenant(tenant).delivery.metrics),
      close: () => fleet.close(),
    }
  }
  return {
    name: `metrics of tenant ${tenant}`,
    async send(...parameters: Parameters<AlertReceiver['send']>) {
      opened ??= open().catch((error: unknown) => {
        opened = undefined
        throw error
      })
      await (await opened).receiver.send(...parameters)
    },
    async close() {
      await (await opened?.catch(() => undefined))?.close()
    },
  }
}

/** The content of a file without the end of its line. */
async function secretOf(file: string | undefined, field: string): Promise<string | undefined> {
  if (file === undefined) return undefined
  const invalid = (why: string, cause?: unknown) =>
    new FleetError('OPTIONS_INVALID', { message: `${file} ${why}`, field, cause })
  const text = await readFile(file, 'utf8').catch((cause: Error) => {
    throw invalid(`cannot be read: ${cause.message}`, cause)
  })
  const secret = text.replace(/\r?\n$/, '')
  if (secret === '' || /[\r\n]/.test(secret)) throw invalid('has to hold one line')
  return secret
}
