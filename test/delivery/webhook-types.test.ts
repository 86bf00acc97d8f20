import type { components } from '@octokit/openapi-webhooks-types'
import { expect, expectTypeOf, test } from 'vitest'
import type { z } from 'zod'
import { PAYLOADS } from '../../dist/stores/delivery/webhooks/payloads.js'

type Schemas = components['schemas']
type Input<Event extends keyof typeof PAYLOADS> = z.input<(typeof PAYLOADS)[Event]>

// Held by the compiler: what GitHub's OpenAPI description says is sent, is taken in.
test('the payloads that are taken in are those of GitHub’s description', () => {
  expectTypeOf<Schemas['webhook-push']>().toExtend<Input<'push'>>()
  expectTypeOf<Schemas['webhook-pull-request-opened']>().toExtend<Input<'pull_request'>>()
  expectTypeOf<Schemas['webhook-pull-request-closed']>().toExtend<Input<'pull_request'>>()
  expectTypeOf<Schemas['webhook-pull-request-review-submitted']>().toExtend<Input<'pull_request_review'>>()
  expectTypeOf<Schemas['webhook-check-run-completed']>().toExtend<Input<'check_run'>>()
  expectTypeOf<Schemas['webhook-check-suite-completed']>().toExtend<Input<'check_suite'>>()
  expectTypeOf<Schemas['webhook-workflow-run-completed']>().toExtend<Input<'workflow_run'>>()
  expectTypeOf<Schemas['webhook-workflow-job-completed']>().toExtend<Input<'workflow_job'>>()
  expectTypeOf<Schemas['webhook-deployment-created']>().toExtend<Input<'deployment'>>()
  expectTypeOf<Schemas['webhook-deployment-status-created']>().toExtend<Input<'deployment_status'>>()
  expect(Object.keys(PAYLOADS)).toHaveLength(9)
})
