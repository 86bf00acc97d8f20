import type { Footprint } from '../footprint.js'

/** What is learned: one row for each pair of a state and an action that an agent type knows. */
const qValues: Footprint = {
  store: 'learning',
  table: 'learning.q_values',
  standing: ({ agents, valuesPerAgent }) => agents * valuesPerAgent,
  updated: ({ experiences }) => experiences,
  widths: ({ bytes }) => ({
    tenant_id: bytes.tenant,
    agent_type: bytes.agentType,
    state: bytes.state,
    action: bytes.action,
    q_b: null,
    session_id: null,
  }),
  scattered: ['state_hash', 'action_hash'],
}

/** The ids of experiences, by which a repeat is recognised. */
const experiences: Footprint = {
  store: 'learning',
  table: 'learning.experiences',
  daily: (workload) => workload.experiences * workload.experienceIdShare,
  widths: ({ bytes }) => ({ tenant_id: bytes.tenant, agent_type: bytes.agentType }),
}

const trajectories: Footprint = {
  store: 'learning',
  table: 'learning.trajectories',
  daily: (workload) => workload.trajectories,
  widths: ({ bytes, stepsPerTrajectory: steps }) => ({
    tenant_id: bytes.tenant,
    agent_type: bytes.agentType,
    initial_state: bytes.state,
    final_state: bytes.state,
    // An array of JSON has four bytes for each member, and four for itself.
    states: 4 + steps * (bytes.state + 4),
    actions: 4 + steps * (bytes.action + 4),
    session_id: null,
    // An empty array, and an empty object.
    pattern_ids: 12,
    metadata: 4,
  }),
  grouped: ({ agents }) => ({ agent_type: agents }),
}

const rewards: Footprint = {
  store: 'learning',
  table: 'learning.rewards',
  daily: ({ trajectories, stepsPerTrajectory }) => trajectories * stepsPerTrajectory,
  widths: ({ bytes }) => ({
    tenant_id: bytes.tenant,
    agent_type: bytes.agentType,
    reward_type: 9,
    state_hash: null,
    action_hash: null,
  }),
}

/** Tables of the learning store that grow with its use. */
export const LEARNING: readonly Footprint[] = [qValues, experiences, trajectories, rewards]
