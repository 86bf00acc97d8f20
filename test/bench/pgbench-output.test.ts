import { parseLogLine, parsePgbenchOutput, pgbenchServer, samplingRate } from 'pgfleet/bench'
import { describe, expect, test } from 'vitest'

const SUMMARY = `pgbench (17.11)
transaction type: script.sql
scaling factor: 1
query mode: prepared
number of clients: 18
number of threads: 2
maximum number of tries: 1
duration: 5 s
number of transactions actually processed: 264511
number of failed transactions: 12 (0.005%)
latency average = 0.340 ms
initial connection time = 41.220 ms
tps = 52902.123456 (without initial connection time)
`

describe('the output of pgbench', () => {
  test('is read', () => {
    expect(parsePgbenchOutput(SUMMARY)).toEqual({
      transactions: 264_511,
      failed: 12,
      tps: 52_902.123456,
      latencyAverageMs: 0.34,
    })
  })

  test('of version 14 has no count of failed transactions', () => {
    expect(parsePgbenchOutput(SUMMARY.replace(/^number of failed.*\n/m, '')).failed).toBe(0)
  })

  test.for(['', 'pgbench: error: connection failed', SUMMARY.replace(/^tps.*$/m, '')])(
    'that lacks a figure is refused',
    (output) => {
      expect(() => parsePgbenchOutput(output)).toThrow(expect.objectContaining({ code: 'BENCH_FAILED' }))
    },
  )
})

describe('the log of pgbench', () => {
  test('tells microseconds in its third column, and failures by a word there', () => {
    expect(parseLogLine('0 199 2241 0 1175850568 995598')).toBe(2.241)
    expect(parseLogLine('0 84 serialization 0 1499414498 851667')).toBeNull()
    expect(parseLogLine('')).toBeNull()
  })

  test('is sampled to about 20,000 lines', () => {
    expect(samplingRate(1_000)).toBe(1)
    expect(samplingRate(2_000_000)).toBe(0.01)
    expect(samplingRate(1e12)).toBe(0.001)
    expect(samplingRate(0)).toBe(1)
    expect(samplingRate(null)).toBe(0.1)
  })
})

describe('the url for pgbench', () => {
  test('has no password, wherever it stood, and no parameters that libpq refuses', () => {
    expect(pgbenchServer('postgresql://me:p%40ss@db:5433/app?sslmode=require&max=5')).toEqual({
      url: 'postgresql://me@db:5433/app?sslmode=require',
      password: 'p@ss',
    })
    expect(pgbenchServer('postgresql:///app?host=/run/pg&password=secret')).toEqual({
      url: 'postgresql:///app?host=%2Frun%2Fpg',
      password: 'secret',
    })
    expect(pgbenchServer('postgres://db/app').password).toBeNull()
  })

  test('that is no url is refused without being repeated', () => {
    const refuse = () => pgbenchServer('me:secret@db')
    expect(refuse).toThrow(
      expect.objectContaining({ code: 'INPUT_INVALID', message: expect.not.stringContaining('secret') }),
    )
  })
})
