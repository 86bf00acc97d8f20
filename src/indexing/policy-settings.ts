import type { Catalog } from './catalog.js'

/**
 * The settings that policies read, with a value for planning: the commonest of a column that the policy names beside it, or what
 * casts to a number. A policy whose setting is missing would refuse to be planned.
 */
export function policySettings({ tables }: Catalog): Record<string, string> {
  const settings: Record<string, string> = {}
  for (const { policies, columns } of tables)
    for (const policy of policies) {
      const named = [...columns.values()].find(({ name }) =>
        new RegExp(`\\b${name.replaceAll(/\W/g, '\\$&')}\\b`).test(policy),
      )
      const [value = named?.type === 'uuid' ? '00000000-0000-0000-0000-000000000000' : '1'] = named?.shares.keys() ?? []
      for (const [, name = ''] of policy.matchAll(/current_setting\('(\w+(?:\.\w+)+)'/g)) settings[name] ??= value
    }
  return settings
}
