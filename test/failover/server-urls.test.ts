import { openFleet } from 'pgfleet'
import { expect, test } from 'vitest'
import { serverUrls } from '../../dist/database/primary/server-urls.js'
import { failure } from '../setup/index.js'

test('a url of one host stays as it is', () => {
  const url = 'postgres://agents:p%40ss,word@db:5433/app?sslmode=require'
  expect(serverUrls(url)).toEqual({ urls: [url], wantsPrimary: false })
})

test('of several hosts each has a url, with the login, the database and the parameters of all', () => {
  expect(
    serverUrls('postgresql://a:s,e@db1,db2:5433,[::1]:5434/app?sslmode=require&target_session_attrs=read-write'),
  ).toEqual({
    urls: ['db1', 'db2:5433', '[::1]:5434'].map((host) => `postgresql://a:s,e@${host}/app?sslmode=require`),
    wantsPrimary: true,
  })
  expect(serverUrls('postgres://db1,db2').urls).toEqual(['postgres://db1', 'postgres://db2'])
})

test('of one host the primary is wanted when the url says so', () => {
  expect(serverUrls('postgres://db/app?target_session_attrs=primary')).toEqual({
    urls: ['postgres://db/app'],
    wantsPrimary: true,
  })
})

test.each([
  'postgres://a:secret@db1,db2/app?target_session_attrs=standby',
  'postgres://a:secret@db1,,db2/app',
  'postgres://a:secret@db1,db1/app',
  `postgres://a:secret@${Array.from({ length: 17 }, (_, i) => `db${i}`).join()}/app`,
])('%s is refused, without telling the password', async (url) => {
  const error = await failure(openFleet({ url }), 'OPTIONS_INVALID')
  expect(error.field).toBe('url')
  expect(error.message).not.toContain('secret')
})
