import { FleetError } from '../errors.js'

/** Refuses what cannot be a tenant id, before anything is sent. Errors: TENANT_INVALID. */
export function assertTenantId(id: unknown): asserts id is string {
  if (typeof id === 'string' && /^[a-z0-9][a-z0-9._-]{0,62}$/.test(id)) return
  const shown = typeof id === 'string' ? `'${id.slice(0, 80)}'` : String(id === null ? null : typeof id)
  throw new FleetError('TENANT_INVALID', { message: `${shown} is not a tenant id`, field: 'tenant' })
}
