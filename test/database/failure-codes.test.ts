import { expect, test } from 'vitest'
import { isConflict, isConnectionLoss, isRefusal, sqlstateOf, toFleetError } from '../../dist/database/failure.js'

/** An error as the driver throws it. */
const thrown = (code: string | undefined, message = 'as the driver says it') =>
  Object.assign(new Error(message), code === undefined ? {} : { code })

test.each([
  ['08006', 'OUTCOME_UNKNOWN', 'CONNECTION_FAILED'],
  ['57P01', 'OUTCOME_UNKNOWN', 'CONNECTION_FAILED'],
  ['53300', 'OUTCOME_UNKNOWN', 'CONNECTION_FAILED'],
  ['ECONNRESET', 'OUTCOME_UNKNOWN', 'CONNECTION_FAILED'],
  ['ECONNREFUSED', 'OUTCOME_UNKNOWN', 'CONNECTION_FAILED'],
  ['40001', 'CONFLICT', 'CONFLICT'],
  ['40P01', 'CONFLICT', 'CONFLICT'],
  ['PF001', 'TENANT_INVALID', 'TENANT_INVALID'],
  ['PF004', 'AGENT_TYPE_UNKNOWN', 'AGENT_TYPE_UNKNOWN'],
  ['25P02', 'TRANSACTION_ENDED', 'TRANSACTION_ENDED'],
  ['42501', 'PERMISSION_DENIED', 'PERMISSION_DENIED'],
  ['57014', 'TIMEOUT', 'TIMEOUT'],
  ['22003', 'INPUT_INVALID', 'INPUT_INVALID'],
  ['23514', 'INPUT_INVALID', 'INPUT_INVALID'],
  ['XX000', 'DATABASE_ERROR', 'DATABASE_ERROR'],
])('%s is %s once sent, and %s before', (code, sent, unsent) => {
  expect(toFleetError(thrown(code), true).code).toBe(sent)
  expect(toFleetError(thrown(code), false).code).toBe(unsent)
})

test.each([
  'Connection terminated unexpectedly',
  'Client has encountered a connection error and is not queryable',
  'timeout exceeded when trying to connect',
  'Query read timeout',
])('"%s" is a lost connection', (message) => {
  expect(isConnectionLoss(thrown(undefined, message))).toBe(true)
})

// Fails because a code of five capitals passes for an SQLSTATE, and EPIPE is one.
test('a broken pipe is a lost connection, not an SQLSTATE', () => {
  const error = thrown('EPIPE', 'write EPIPE')
  expect(sqlstateOf(error)).toBeUndefined()
  expect(isConnectionLoss(error)).toBe(true)
  expect(toFleetError(error, true).code).toBe('OUTCOME_UNKNOWN')
})

test('what was translated keeps its kind', () => {
  const conflict = toFleetError(thrown('40001'), true)
  expect(toFleetError(conflict, false)).toBe(conflict)
  expect([isConflict(conflict), isConnectionLoss(conflict), isRefusal(conflict), sqlstateOf(conflict)]).toEqual([
    true,
    false,
    false,
    '40001',
  ])
})
