// The commands of archives, as an operator types them.
import { expect } from 'vitest'
import { runCli } from '../cli/run-cli.js'
import { onEngines, sql } from '../setup/index.js'
import { fill, newFolder, openArchived, placeOf, rowsOf } from './support.js'

onEngines(['direct', 'pooled'], 'archives need a server')(
  'archives are written, listed, verified and restored from the command line',
  async () => {
    const place = await openArchived()
    const { fleet, directUrl, database } = place
    const [to, cwd] = [await newFolder(), await newFolder()]
    const env = { DATABASE_URL: database.options.url as string }
    const cli = (...parameters: string[]) => runCli(cwd, parameters, { env })
    const json = async (...parameters: string[]) => {
      const { code, stdout, stderr } = await cli('--json', ...parameters)
      return { code, value: JSON.parse(code === 0 ? stdout : stderr) as never }
    }
    const month = '2017-01'
    await fill(fleet, month)
    const before = await rowsOf(place, month)
    expect((await cli('archive', 'list')).stdout).toContain('There are no archives.')
    expect((await cli('maintain', 'retention', 'at-end', 'memory.events', 'archive')).stdout).toContain('are archived')
    expect(await cli('maintain', 'retention', 'at-end', 'memory.events', 'keep')).toMatchObject({ code: 2 })
    expect(await cli('maintain', 'retention', 'at-end', 'memory.key_values', 'archive')).toMatchObject({ code: 2 })
    expect((await cli('maintain', 'retention', 'list')).stdout).toMatch(/memory\.events .*archive/)
    const maintain = ['maintain', '--once', '--service', 'archive', '--direct-url', directUrl, '--archive-to', to]
    const written = await cli(...maintain)
    expect(written.stdout).toContain('pgfleet archive restore memory.events_p201701.1')
    expect(written.code).toBe(0)
    expect((await cli('archive', 'list')).stdout).toMatch(/memory\.events_p201701\.1 .*2017-01 .*archived/)
    expect(await json('archive', 'list', '--table', 'memory.events', '--state', 'archived')).toMatchObject({
      value: [{ name: 'memory.events_p201701.1', rows: 60 }],
    })
    expect(await json('archive', 'list', '--state', 'kept')).toEqual({ code: 0, value: [] })
    expect(await cli('archive', 'list', '--state', 'nonsense')).toMatchObject({ code: 2 })
    expect((await cli('archive', 'verify', 'memory.events_p201701.1')).stdout).toContain('holds: 60 rows')
    expect(await json('archive', 'verify', 'memory.events_p201701.9')).toMatchObject({
      code: 1,
      value: { error: { code: 'ARCHIVE_UNKNOWN' } },
    })
    expect(await cli('archive', 'restore')).toMatchObject({ code: 2 })
    expect(await cli('archive', 'restore', 'x', '--table', 'memory.events', '--month', month)).toMatchObject({
      code: 2,
    })
    expect(await cli('archive', 'restore', '--table', 'memory.events')).toMatchObject({ code: 2 })
    expect(await placeOf(place, month)).toBe('gone')
    const restore = ['archive', 'restore', '--table', 'memory.events', '--month', month, '--keep', '7d']
    const back = await cli(...restore, '--direct-url', directUrl)
    expect(back.stdout).toContain('events_p201701 of memory.events is back: 60 rows.')
    expect(await rowsOf(place, month)).toBe(before)
    const [kept] = await sql<{ days: number }>(
      fleet,
      'select round(extract(epoch from kept_until - now()) / 86400)::integer as days from platform.archives',
    )
    expect(kept?.days).toBe(7)
    expect(await json(...restore, '--direct-url', directUrl)).toMatchObject({
      code: 1,
      value: { error: { code: 'ARCHIVE_REFUSED' } },
    })
  },
)
