import { FleetError } from '../../errors.js'

/** Why the database refused an item of a batch, while it took the others. */
export type Refusal = 'unknown_entity' | 'forbidden' | 'quota_key' | 'quota_value' | 'quota_keys' | 'stale'

/** What an error tells of the item. */
export interface Refused {
  readonly entity: string
  readonly key: string
  /** Where the item stands among the caller's arguments, like `items[3]`. */
  readonly field: string
  readonly agent: string | undefined
  readonly expected?: number | undefined
}

/** The error of a refused item; `version` is the present one, of a stale write. */
export function refusalError(refusal: Refusal, item: Refused, version = 0): FleetError {
  const entity = `entity ${JSON.stringify(item.entity)}`
  const key = `key ${JSON.stringify(item.key.slice(0, 100))} of ${entity}`
  switch (refusal) {
    case 'unknown_entity':
      return new FleetError('METADATA_ENTITY_UNKNOWN', {
        message: `there is no ${entity}`,
        field: `${item.field}.entity`,
      })
    case 'forbidden':
      return new FleetError('PERMISSION_DENIED', {
        message: `agent '${item.agent}' may not do this with ${key}`,
        hint: 'Grant the agent the right in the sync group of the entity: metadata.roles.grant().',
        field: `${item.field}.entity`,
      })
    case 'stale':
      return new FleetError('VERSION_CONFLICT', {
        message:
          version === 0
            ? `${key} is not there, version ${item.expected} was expected`
            : `${key} is at version ${version}, version ${item.expected} was expected`,
        field: `${item.field}.expectedVersion`,
        details: { present: version, expected: item.expected },
      })
    default: {
      const [what, member, quota] = {
        quota_key: [`the name of ${key} is too long`, 'key', 'metadata_key_length'],
        quota_value: [`the value of ${key} is too large`, 'value', 'metadata_value_bytes'],
        quota_keys: [`${entity} holds as many keys as are allowed`, 'key', 'metadata_keys_per_entity'],
      }[refusal] as [string, string, string]
      return new FleetError('QUOTA_EXCEEDED', {
        message: `${what}: see the tenant's quota ${quota}`,
        hint: `Raise the quota ${quota} with fleet.tenants.setQuotas, or write less.`,
        field: `${item.field}.${member}`,
        details: { quota },
      })
    }
  }
}
