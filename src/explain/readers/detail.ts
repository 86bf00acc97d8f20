const BLOCKS: Readonly<Record<string, string>> = { hit: 'Hit', read: 'Read', dirtied: 'Dirtied', written: 'Written' }

/** Lines that hold several amounts, by their first word: what each amount is called in JSON. */
const GROUPS: readonly { readonly test: RegExp; readonly names: Readonly<Record<string, string>> }[] = [
  {
    test: /^(Hits): /,
    names: {
      Hits: 'Cache Hits',
      Misses: 'Cache Misses',
      Evictions: 'Cache Evictions',
      Overflows: 'Cache Overflows',
      'Memory Usage': 'Peak Memory Usage',
    },
  },
  {
    test: /^Buckets: /,
    names: { Buckets: 'Hash Buckets', Batches: 'Hash Batches', 'Memory Usage': 'Peak Memory Usage' },
  },
  {
    test: /^(Planned Partitions|Batches): /,
    names: {
      'Planned Partitions': 'Planned Partitions',
      Batches: 'HashAgg Batches',
      'Memory Usage': 'Peak Memory Usage',
      'Disk Usage': 'Disk Usage',
    },
  },
]

/** Amounts that JSON gives as numbers under the very name. */
const NUMBERS =
  /^(Rows Removed by .+|Heap Fetches|Index Searches|Workers (Planned|Launched)|Subplans Removed|Tuples (Inserted|Updated|Deleted|Skipped)|Conflicting Tuples)$/

/** Reads a line below a node into details under their names in JSON. False for a line of another form. */
export function readDetail(line: string, details: Map<string, string | number>): boolean {
  const group = GROUPS.find(({ test }) => test.test(line))
  if (group !== undefined) {
    for (const [, name = '', value, , original] of line.matchAll(
      /([A-Z][A-Za-z ]*?): (\d+)(kB)?(?: \(originally (\d+)\))?/g,
    )) {
      const known = group.names[name.trim()]
      if (known === undefined) continue
      details.set(known, Number(value))
      if (/^Hash (Buckets|Batches)$/.test(known)) details.set(`Original ${known}`, Number(original ?? value))
    }
    return true
  }
  const [, name, value = ''] = /^([A-Z][\w/ -]*?): ?(.*)$/s.exec(line) ?? []
  if (name === undefined) return false
  switch (name) {
    case 'Buffers':
      for (const part of value.split(', ')) {
        const [kind = '', ...amounts] = part.trim().split(' ')
        for (const each of amounts) {
          const [what = '', blocks] = each.split('=')
          details.set(`${capital(kind)} ${BLOCKS[what] ?? capital(what)} Blocks`, Number(blocks))
        }
      }
      return true
    case 'I/O Timings':
      for (const part of value.split(', ')) {
        const words = part.trim().split(' ')
        const kind = words[0]?.includes('=') ? undefined : words.shift()
        for (const each of words) {
          const [what = '', ms] = each.split('=')
          details.set(`${kind === undefined ? '' : `${capital(kind)} `}I/O ${capital(what)} Time`, Number(ms))
        }
      }
      return true
    case 'WAL':
      for (const [, what = '', count] of value.matchAll(/([a-z ]+)=(\d+)/g)) {
        const known = { records: 'Records', fpi: 'FPI', bytes: 'Bytes', 'buffers full': 'Buffers Full' }[what.trim()]
        if (known !== undefined) details.set(`WAL ${known}`, Number(count))
      }
      return true
    case 'Heap Blocks':
      for (const [, what = '', count] of value.matchAll(/(exact|lossy)=(\d+)/g)) {
        details.set(`${capital(what)} Heap Blocks`, Number(count))
      }
      return true
    case 'Sort Method': {
      const [, method = value, type, size] = /^(.*?) {2}(Memory|Disk): (\d+)kB$/.exec(value) ?? []
      details.set('Sort Method', method)
      if (type !== undefined) details.set('Sort Space Type', type).set('Sort Space Used', Number(size))
      return true
    }
    case 'Full-sort Groups':
    case 'Pre-sorted Groups':
      details.set(name, Number.parseInt(value, 10))
      return true
    case 'Storage': {
      const [, storage = value, size] = /^(\w+) {2}Maximum Storage: (\d+)kB$/.exec(value) ?? []
      details.set('Storage', storage)
      if (size !== undefined) details.set('Maximum Storage', Number(size))
      return true
    }
    default:
      details.set(name, NUMBERS.test(name) ? Number.parseFloat(value) : value)
      return true
  }
}

const capital = (word: string) => word.charAt(0).toUpperCase() + word.slice(1)
