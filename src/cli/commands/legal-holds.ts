import type { Command } from 'commander'
import type { LegalHold } from '../../tenants/legal-holds.js'
import { action, type Context, type Shell } from '../context.js'
import { EXIT } from '../failure.js'
import { minute } from '../figures.js'

/** `pgfleet tenant hold`, `lift` and `holds`: legal holds on tenants. */
export function addLegalHolds(tenant: Command, shell: Shell): void {
  tenant
    .command('hold <id>')
    .description('place a legal hold: nothing of the tenant is erased until it is lifted')
    .requiredOption('--reason <text>', 'the case or the order that it goes back to')
    .requiredOption('--by <who>', 'who places it')
    .option('--hold-id <uuid>', 'a UUIDv7; with the same one a repeated command places one hold')
    .action(action(shell, hold))
  tenant
    .command('lift <id> <hold>')
    .description('lift a legal hold')
    .requiredOption('--by <who>', 'who lifts it')
    .action(action(shell, lift))
  tenant.command('holds <id>').description('list legal holds, also lifted ones').action(action(shell, holds))
}

interface HoldOptions {
  readonly reason: string
  readonly by: string
  readonly holdId?: string
}

async function hold({ withFleet, terminal }: Context, { reason, by, holdId }: HoldOptions, id = '') {
  const placed = await withFleet((fleet) =>
    fleet.tenants.hold(id, { reason, by, ...(holdId === undefined ? {} : { holdId }) }),
  )
  terminal.result({ id, hold: placed }, () => `Tenant ${id} is held by ${placed.holdId}.`)
  return EXIT.ok
}

async function lift({ withFleet, terminal }: Context, { by }: { by: string }, id = '', holdId = '') {
  const { lifted, isHeld } = await withFleet(async (fleet) => ({
    lifted: await fleet.tenants.lift(id, holdId, { by }),
    isHeld: (await fleet.tenants.holds(id)).some(stands),
  }))
  terminal.result(
    { id, hold: lifted, isHeld },
    () => `The hold is lifted; tenant ${id} is ${isHeld ? 'held by others' : 'held no more'}.`,
  )
  return EXIT.ok
}

async function holds({ withFleet, terminal }: Context, _: object, id = '') {
  const found = await withFleet((fleet) => fleet.tenants.holds(id))
  terminal.result({ id, isHeld: found.some(stands), holds: found }, () =>
    found.length === 0
      ? `Tenant ${id} was never held.`
      : terminal.table(
          ['hold', 'reason', 'placed', 'by', 'lifted', 'by'],
          found.map((one) => [
            one.holdId,
            one.reason,
            minute(one.placedAt),
            one.placedBy,
            one.liftedAt === null ? 'stands' : minute(one.liftedAt),
            one.liftedBy ?? '',
          ]),
        ),
  )
  return EXIT.ok
}

function stands(hold: LegalHold): boolean {
  return hold.liftedAt === null
}
