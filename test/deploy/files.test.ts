import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { poolerSql } from '../../dist/pooling/pooler.js'

const ROOT = fileURLToPath(new URL('../../', import.meta.url))
const read = (file: string) => readFile(join(ROOT, file), 'utf8')

interface Service {
  readonly image?: string
  readonly build?: unknown
  readonly profiles?: readonly string[]
  readonly ports?: readonly string[]
  readonly volumes?: readonly string[]
  readonly environment?: Readonly<Record<string, string>>
  readonly healthcheck?: { readonly test: unknown }
  readonly depends_on?: Readonly<Record<string, { readonly condition: string }>>
  readonly privileged?: boolean
  readonly restart?: string
}

interface Compose {
  readonly services: Readonly<Record<string, Service>>
  readonly volumes: Readonly<Record<string, unknown>>
}

const text = await read('deploy/compose.yaml')
const compose = parse(text) as Compose
const services = Object.entries(compose.services)

describe('deploy/compose.yaml', () => {
  test('runs the images that the project’s own tests run, each of one version', async () => {
    const own = (parse(await read('compose.yaml')) as Compose).services
    for (const name of ['postgres', 'pgbouncer', 'valkey'])
      expect(compose.services[name]?.image, name).toBe(own[name]?.image)
    for (const [name, { image, build }] of services) {
      if (build !== undefined) continue
      // At least two numbers: `17` alone moves on by itself.
      expect(image, name).toMatch(/:v?\d+\.\d+[\w.-]*$/)
    }
  })

  test('lets its pooler look up what the generated configuration lets one look up, and no superuser', async () => {
    const lookup = /create or replace function pooler\.find_role[\s\S]*?\nend;\n/
    const [own] = lookup.exec(poolerSql({ user: 'pgfleet_pooler' }, '')) ?? []
    expect(own).toContain('and not a.rolsuper')
    expect(lookup.exec(await read('deploy/compose/pooler.sql'))?.[0]).toBe(own)
  })

  test('has a health check for whatever keeps running, and waits for it', () => {
    for (const [name, service] of services) {
      const isTool = service.profiles?.includes('tools') ?? false
      if (!isTool) expect(service.healthcheck?.test, name).toBeDefined()
      if (!isTool) expect(service.restart, name).toBe('unless-stopped')
      for (const [on, { condition }] of Object.entries(service.depends_on ?? {})) {
        expect(condition, name).toBe('service_healthy')
        expect(compose.services[on]?.healthcheck, `${name} waits for ${on}`).toBeDefined()
      }
    }
    expect([...new Set(services.flatMap(([, { profiles = [] }]) => profiles))].sort()).toEqual([
      'maintenance',
      'monitoring',
      'tools',
    ])
  })

  test('publishes on the loopback alone, is privileged nowhere, and mounts only files that are there', async () => {
    for (const [name, { ports = [], volumes = [], privileged }] of services) {
      for (const port of ports) expect(port, name).toMatch(/^127\.0\.0\.1:\$\{\w+:-\d+\}:\d+$/)
      expect(privileged, name).toBeUndefined()
      for (const volume of volumes) {
        const [from = '', , mode] = volume.split(':')
        if (!from.startsWith('.')) {
          expect(Object.keys(compose.volumes), name).toContain(from)
          continue
        }
        expect(mode, volume).toBe('ro')
        await read(join('deploy', from))
      }
    }
  })

  test('asks for every password, and env.example names each without a value', async () => {
    const example = await read('deploy/env.example')
    const named = [...example.matchAll(/^(\w+)=(.*)$/gm)]
    expect(named.map(([, , value]) => value)).toEqual(named.map(() => ''))
    const asked = new Set([...text.matchAll(/\$\{(\w+):\?[^}]+\}/g)].map(([, name]) => name as string))
    expect([...asked].sort()).toEqual(named.map(([, name]) => name as string).sort())
    // Whatever else is taken from outside is a port.
    for (const [, name] of text.matchAll(/\$\{(\w+)(?!\w|:\?)/g)) expect(name).toMatch(/_PORT$/)
  })
})

describe('everything in deploy/', async () => {
  const files = (await readdir(join(ROOT, 'deploy'), { recursive: true, withFileTypes: true }))
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(ROOT.length))

  test('holds no password, and trusts nobody without one', async () => {
    expect(files.length).toBeGreaterThan(10)
    for (const file of files) {
      const content = (await read(file)).replaceAll(/^\s*(#|;|--).*$/gm, '')
      // What a password is set to is a variable, of the shell or of psql, or nothing.
      for (const [all, value = ''] of content.matchAll(
        /pass(?:word|wd)?["']?(?:(?:=|:(?!\?)) *| +(?=:?'))([^\s,}]*)/gi,
      )) {
        expect(value, `${file}: ${all}`).toMatch(/^(\$\{\w+:\?|:'\w+'|$)/)
      }
      for (const [all, value] of content.matchAll(/requirepass (\S+)/g))
        expect(value, `${file}: ${all}`).toMatch(/^\$\{\w+:\?\}$/)
      expect(content, file).not.toMatch(
        /\b(auth_type\s*=\s*(any|trust|plain)|HOST_AUTH_METHOD:\s*trust|ALLOW_EMPTY_PASSWORD)\b/,
      )
      for (const [, secret] of content.matchAll(/\w+:\/\/[^\s:@/]+:([^@\n]+)@/g))
        expect(secret, file).toMatch(/^\$\{\w+:\?/)
    }
  })

  test('scripts stop at the first error and at a password that is not given', async () => {
    for (const file of files.filter((name) => name.endsWith('.sh'))) {
      const content = await read(file)
      expect(content, file).toMatch(/^set -eu$/m)
      expect(content, file).toMatch(/\$\{\w+:\?\}/)
    }
  })
})

describe('deploy/Dockerfile', async () => {
  const stages = (await read('deploy/Dockerfile'))
    .replaceAll(/^#.*\n/gm, '')
    .replaceAll(/\\\n\s*/g, ' ')
    .split(/^(?=FROM )/m)
    .filter((stage) => stage.startsWith('FROM '))
  const last = stages.at(-1) ?? ''

  test('is of several stages on one exact image, of a Node that the package supports', async () => {
    expect(stages.length).toBeGreaterThan(1)
    const images = new Set(stages.map((stage) => /^FROM (\S+)/.exec(stage)?.[1]))
    expect([...images]).toEqual([expect.stringMatching(/^node:20\.(19|[2-9]\d)\.\d+-\w+-slim$/)])
    expect(JSON.parse(await read('package.json')).engines.node).toBe('>=20.19')
  })

  test('installs from the lock file, and ships neither sources nor development packages', () => {
    for (const stage of stages) expect(stage).not.toMatch(/npm (install|i)\b/)
    expect(stages.join('')).toContain('npm ci --omit=dev')
    expect(last).not.toMatch(/COPY (--from=\S+ )?\S*(src|\.|test)\/? /)
    const copied = [...last.matchAll(/COPY (?:--from=(\w+) )?(\S+)/g)].map(([, from = '', what]) => `${from}:${what}`)
    expect(copied).toEqual(['dependencies:/app/node_modules', 'build:/app/dist', ':package.json', ':sql'])
  })

  test('ends as a user without rights that cannot change the program, and lets nobody hide in a shell', () => {
    const users = [...last.matchAll(/^USER (\S+)$/gm)].map(([, user]) => user)
    expect(users).toEqual(['node'])
    expect(last.indexOf('USER node')).toBeGreaterThan(last.lastIndexOf('COPY'))
    expect(last).not.toMatch(/--chown|chmod 777|ADD |sudo/)
    expect(last).toMatch(/^ENTRYPOINT \["node", "\/app\/dist\/cli\/main.js"\]$/m)
    expect(last).not.toMatch(/^(ENV|ARG) .*(PASSWORD|TOKEN|URL)/m)
  })

  test('sends to the build only what it copies', async () => {
    const ignored = (await read('deploy/Dockerfile.dockerignore')).trim().split('\n')
    expect(ignored[0]).toBe('*')
    const wanted = new Set(
      stages.flatMap((stage) =>
        [...stage.matchAll(/^COPY (?!--from)(.+) \S+$/gm)].flatMap(([, sources = '']) =>
          sources.split(' ').map((source) => `!${source.replace('./', '')}`),
        ),
      ),
    )
    expect(ignored.slice(1).sort()).toEqual([...wanted].sort())
  })
})

describe('a systemd unit', async () => {
  const units = (await readdir(join(ROOT, 'deploy'))).filter((file) => file.endsWith('.service'))

  test.each(units)('%s runs as nobody in particular, with nothing to change but its own directory', async (file) => {
    const lines = new Set((await read(`deploy/${file}`)).split('\n'))
    for (const wanted of [
      'DynamicUser=yes',
      'NoNewPrivileges=yes',
      'ProtectSystem=strict',
      'ProtectHome=yes',
      'PrivateTmp=yes',
      'PrivateDevices=yes',
      'CapabilityBoundingSet=',
      'RestrictNamespaces=yes',
      'SystemCallFilter=@system-service',
      'UMask=0077',
    ])
      expect(lines, wanted).toContain(wanted)
    const unit = [...lines].join('\n')
    expect(unit).toMatch(/^EnvironmentFile=\/etc\/pgfleet\/\w+\.env$/m)
    expect(unit).toMatch(/^StateDirectory=pgfleet/m)
    expect(unit).not.toMatch(/^(User=root|Environment=.*(URL|PASSWORD))/m)
    expect(unit).toMatch(/^ExecStart=\/usr\/bin\/env pgfleet (maintain|monitor --alerts |backup --to )/m)
    expect(unit).toMatch(/^Timeout(Stop|Start)Sec=/m)
  })
})
