import { defineAlert } from '../rule.js'

/** Seen on the replica itself. */
export const replicaDisconnected = defineAlert({
  id: 'replica-disconnected',
  title: 'The replica has lost its primary',
  level: 'error',
  condition: { of: { metric: 'pgfleet_replica_receiver_up' }, is: '==', than: { value: 0 } },
  forS: 120,
  summary: 'This replica has not streamed from its primary for two minutes.',
  meaning: 'It falls behind, and its lag in seconds does not show it.',
  action:
    'Look at the log of the replica: the network, the slot, the login of replication, or WAL that the primary no longer has.',
})
