import type { Session } from '../../database/session.js'
import type { Statement } from '../../database/statement.js'
import type { ApiKeyUsage } from './api-key-usage.js'
import { API_KEY_STATEMENTS, type ApiKeys, createApiKeys } from './api-keys.js'
import { ARTIFACT_STATEMENTS, type Artifacts, createArtifacts } from './artifacts.js'
import type { DataKeys } from './data-keys.js'
import { createSecrets, SECRET_STATEMENTS, type Secrets } from './secrets.js'
import { createSessions, type MemorySessions, SESSION_STATEMENTS } from './sessions.js'

export type { ApiKey, ApiKeys, CreatedApiKey, NewApiKey, Principal } from './api-keys.js'
export type { GarbageOptions, GarbageReport } from './artifact-garbage.js'
export type { Artifact, ArtifactListOptions, ArtifactStatistics } from './artifact-list.js'
export type { ArtifactSource } from './artifact-source.js'
export type { Artifacts, NewArtifact, PutArtifact, ReadOptions } from './artifacts.js'
export type { Secrets, SecretVersion } from './secrets.js'
export type {
  MemorySession,
  MemorySessions,
  NewMemorySession,
  SessionChange,
  SessionState,
} from './sessions.js'

/** What the agents of one tenant remember. */
export interface MemoryStore {
  readonly sessions: MemorySessions
  readonly artifacts: Artifacts
  /** API keys, by which callers are known. */
  readonly keys: ApiKeys
  /** Secrets of services, encrypted before they leave this process. */
  readonly secrets: Secrets
}

/** What the stores of all tenants share. */
export interface MemoryServices {
  readonly usage: ApiKeyUsage
  readonly dataKeys: DataKeys
}

/** Every statement of the store, for the test that prepares them all. */
export const MEMORY_STATEMENTS: readonly Statement<unknown>[] = [
  ...SESSION_STATEMENTS,
  ...ARTIFACT_STATEMENTS,
  ...API_KEY_STATEMENTS,
  ...SECRET_STATEMENTS,
]

export function createMemoryStore(session: Session, services: MemoryServices): MemoryStore {
  return {
    sessions: createSessions(session),
    artifacts: createArtifacts(session),
    keys: createApiKeys(session, services.usage),
    secrets: createSecrets(session, services.dataKeys),
  }
}
