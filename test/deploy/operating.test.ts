// docs/operating.md: its commands, in their order, on a server of its own.
import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { chmod, copyFile, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { openFleet } from 'pgfleet'
import { expect, test } from 'vitest'
import { onScratchServers, startPoolerOf, startServer } from '../doctor/scratch-server.js'
import { afterFile } from '../setup/index.js'

const DIRECT = await onScratchServers()
const ROOT = fileURLToPath(new URL('../../', import.meta.url))
const page = await readFile(join(ROOT, 'docs/operating.md'), 'utf8')
const blocks = [...page.matchAll(/^```sh\n([\s\S]*?)^```$/gm)].map(([, block]) => block as string)
const LOGINS = ['migrator', 'programs', 'maintainer', 'backup', 'watch']

DIRECT.describe('docs/operating.md', () => {
  test('an operator who follows it ends with an installation', { timeout: 300_000 }, async () => {
    const server = await startServer(17)
    const cwd = await mkdtemp(join(tmpdir(), 'pgfleet-operating-'))
    afterFile(() => rm(cwd, { recursive: true, force: true }))
    // What an installation by npm and by apt would have put on the PATH.
    await mkdir(join(cwd, 'bin'))
    const { file, args } = server.command('psql')
    const program = async (name: string, line: string) => {
      await writeFile(join(cwd, 'bin', name), `#!/bin/sh\nexec ${line} "$@"\n`)
      await chmod(join(cwd, 'bin', name), 0o755)
    }
    await program('psql', [file, ...args].join(' '))
    await program('pgfleet', `${process.execPath} ${join(ROOT, 'dist/cli/main.js')}`)
    await mkdir(join(cwd, 'prefix/lib/node_modules'), { recursive: true })
    await symlink(ROOT, join(cwd, 'prefix/lib/node_modules/pgfleet'))
    const env: Record<string, string> = {
      ADMIN_URL: server.url,
      ADMIN_AGENTS_URL: server.urlOf({ database: 'agents' }),
      RESTORED_URL: server.urlOf({ database: 'restored' }),
    }
    for (const user of LOGINS) {
      const password = randomBytes(12).toString('hex')
      env[`${user.toUpperCase()}_PASSWORD`] = password
      env[`${user.toUpperCase()}_URL`] = server.urlOf({ database: 'agents', user, password })
    }
    const { DATABASE_URL: _, ...outer } = process.env
    const path = `${join(cwd, 'bin')}:${process.env.PATH}`
    const run = async (block: string) => {
      const shell = spawn('sh', ['-eu'], {
        cwd,
        env: { ...outer, ...env, PATH: path, npm_config_loglevel: 'silent', npm_config_prefix: join(cwd, 'prefix') },
      })
      let output = ''
      for (const stream of [shell.stdout, shell.stderr]) {
        stream.on('data', (data: Buffer) => {
          output += data.toString()
        })
      }
      shell.stdin.end(block)
      return { code: await new Promise((resolve) => shell.on('close', resolve)), output }
    }
    const tried = blocks.filter((block) => !block.startsWith('# by hand'))
    expect(tried.length).toBeGreaterThan(8)
    for (const block of tried) {
      const { code, output } = await run(block)
      expect(code, `${block}\n${output}`).toBe(0)
    }
    // A program of the fleet, through PgBouncer with what step 4 wrote, but for its port and where its file lies.
    const programs = (port: number) => env.PROGRAMS_URL?.replace(new URL(server.url).port, `${port}`) ?? ''
    const pooler = await startPoolerOf(async ({ outside, inside, port }) => {
      const ini = await readFile(join(cwd, 'pooler/pgbouncer.ini'), 'utf8')
      const moved = ini.replace(/^listen_port = .*$/m, `listen_port = ${port}`)
      await writeFile(join(outside, 'pgbouncer.ini'), moved.replace('/etc/pgbouncer/', `${inside}/`))
      await copyFile(join(cwd, 'pooler/userlist.txt'), join(outside, 'userlist.txt'))
    }, programs)
    const fleet = await openFleet({ url: programs(pooler.port), migrate: false })
    afterFile(() => fleet.close())
    await fleet.tenant('acme').memory.kv.set('k', 'v')
    expect(await fleet.tenant('acme').memory.kv.get('k')).toBe('v')
    // Nobody is a superuser for it, and programs reach the stores alone.
    const client = await server.client('agents')
    const { rows } = await client.query('select rolname from pg_roles where rolsuper and rolcanlogin')
    expect(rows).toEqual([{ rolname: 'postgres' }])
    const { code, output } = await run('pgfleet tenant create other --url "$PROGRAMS_URL"')
    expect({ code, denied: output.includes('PERMISSION_DENIED') }).toEqual({ code: 1, denied: true })
  })
})
