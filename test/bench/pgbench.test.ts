import { access, chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { runPgbench } from 'pgfleet/bench'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'

const URL_OF_TESTS = 'postgresql://me:sesame@127.0.0.1:1/app'
const OUTPUT =
  'number of transactions actually processed: 500\nlatency average = 1.000 ms\ntps = 250.0 (without initial connection time)'

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'pgfleet-test-'))
})
afterEach(() => rm(folder, { recursive: true, force: true }))

/** A program in pgbench's place. */
async function programOf(body: string): Promise<string> {
  const path = join(folder, 'program.sh')
  await writeFile(path, `#!/bin/sh\nhere='${folder}'\n${body}\n`)
  await chmod(path, 0o755)
  return path
}

const times = (durationMs = 1_000, signal = new AbortController().signal) => ({ durationMs, warmUpMs: 0, signal })
const content = {
  name: 'pgbench',
  callers: 18,
  script: 'select :one::int;\n',
  url: URL_OF_TESTS,
  variables: { one: 1 },
}

describe('the program', () => {
  test('gets the script, the load and the password by its environment alone', async () => {
    const executable = await programOf(`
      echo "$@" > "$here/parameters"; echo "$PGPASSWORD" > "$here/password"
      while [ "$1" != -f ]; do shift; done; cat "$2" > "$here/script"; echo '${OUTPUT}'`)
    const outcome = await runPgbench({ ...content, executable, itemsPerOperation: 2 }, times(1_500))
    expect(outcome).toMatchObject({ sample: { operations: 500, throughput: 500, seconds: 2, p50: null, errors: 0 } })
    const read = (name: string) => readFile(join(folder, name), 'utf8')
    expect(await read('parameters')).toMatch(
      /^-M prepared -n -c 18 -j 2 -T 2 -f \S+ -D one=1 --log .* postgresql:\/\/me@127/,
    )
    expect(await read('parameters')).not.toContain('sesame')
    expect(await read('password')).toBe('sesame\n')
    expect(await read('script')).toBe(content.script)
    const script = /-f (\S+)/.exec(await read('parameters'))?.[1] ?? ''
    await expect(access(script)).rejects.toMatchObject({ code: 'ENOENT' })
  })

  test('is run without its log where that cannot be opened', async () => {
    const executable = await programOf(`
      case "$*" in *--log*) echo 'pgbench: error: could not open logfile "x"' >&2; exit 1;; esac; echo '${OUTPUT}'`)
    expect(await runPgbench({ ...content, executable }, times())).toMatchObject({
      sample: { throughput: 250, p99: null },
    })
  })

  test.for([
    { zeros: 0, p50: 2, share: 0 },
    { zeros: 1, p50: 2, share: 0.01 },
    { zeros: 2, p50: null, share: 0.02 },
  ])('logging $zeros of 100 latencies of nothing has a median of $p50', async ({ zeros, p50, share }) => {
    const executable = await programOf(`
      for word in "$@"; do case "$word" in --log-prefix=*) log="\${word#--log-prefix=}.123";; esac; done
      for i in $(seq 100); do
        if [ "$i" -le ${zeros} ]; then echo "0 $i 0 0 1 1"; else echo "0 $i 2000 0 1 1"; fi
      done > "$log"; echo '${OUTPUT}'`)
    const outcome = await runPgbench({ ...content, executable }, times())
    expect(outcome).toMatchObject({ sample: { p50, mean: 1, figures: { zeroLatencyShare: share } } })
  })

  test('that fails is reported without the password', async () => {
    const executable = await programOf('echo "login as sesame refused" >&2; exit 1')
    const running = runPgbench({ ...content, executable }, times())
    await expect(running).rejects.toMatchObject({
      code: 'BENCH_FAILED',
      message: expect.stringContaining('as *** refused'),
    })
  })

  test('that is absent, or has no server, is unavailable with the reason', async () => {
    const absent = await runPgbench({ ...content, executable: join(folder, 'absent') }, times())
    expect(absent).toEqual({ unavailable: expect.stringContaining('ENOENT') })
    expect(await runPgbench({ ...content, url: null }, times())).toEqual({
      unavailable: expect.stringContaining('server'),
    })
  })

  test('is ended by an abort, also when it was started by a script', async () => {
    const abort = new AbortController()
    const executable = await programOf('sleep 60 & echo $! > "$here/pid"; wait')
    const running = runPgbench({ ...content, executable }, times(1_000, abort.signal))
    setTimeout(() => abort.abort(), 200)
    await expect(running).rejects.toMatchObject({ code: 'ABORTED' })
    const pid = Number(await readFile(join(folder, 'pid'), 'utf8'))
    await expect.poll(() => isRunning(pid)).toBe(false)
  })
})

const url = process.env.DATABASE_URL
const reason = url && process.env.PGBENCH ? '' : ' (skipped: DATABASE_URL and PGBENCH are not set)'

describe.skipIf(reason)(`a real pgbench${reason}`, () => {
  test('measures a statement, with percentiles of one that takes its time', async () => {
    const script = 'select pg_sleep(:one * 0.002);'
    const outcome = await runPgbench(
      { ...content, callers: 2, script, url: url ?? null },
      { ...times(), warmUpMs: 1_000 },
    )
    if (!('sample' in outcome)) throw new Error(outcome.unavailable)
    const { throughput, mean, p50, p99, errors } = outcome.sample
    expect(throughput).toBeGreaterThan(10)
    expect(mean).toBeGreaterThan(2)
    expect(p50).toBeGreaterThan(2)
    expect(p99).toBeGreaterThanOrEqual(p50 ?? Number.NaN)
    expect(errors).toBe(0)
  })

  test('fails with what the server said', async () => {
    const running = runPgbench(
      { ...content, callers: 1, script: 'select 1 from no_such_table;', url: url ?? null },
      times(),
    )
    await expect(running).rejects.toMatchObject({
      code: 'BENCH_FAILED',
      message: expect.stringContaining('no_such_table'),
    })
  })
})

/** A process that has ended but that nobody waited for still has a number; its state tells. */
async function isRunning(pid: number): Promise<boolean> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => null)
  return stat !== null && !/\) Z /.test(stat)
}
