import type { ErrorKind } from './kind.js'

/** Errors of the memory store. */
export const MEMORY_ERRORS = {
  ENTITY_UNKNOWN: {
    retryable: false,
    sqlstate: 'PF030',
    summary: 'The knowledge graph knows no entity of that id, or not over all of that valid time.',
    hint: 'Assert the entity first, over a valid time that covers this one; without validFrom and validTo it is always valid.',
  },
  RELATIONSHIP_UNKNOWN: {
    retryable: false,
    sqlstate: 'PF031',
    summary: 'The knowledge graph knows no such relationship, or not at any moment of that valid time.',
    hint: 'List what is known with memory.graph.relationships.of(), or assert it.',
  },
  ENTITY_IN_USE: {
    retryable: false,
    sqlstate: 'PF032',
    summary: 'An entity that is to be retracted has relationships over that valid time.',
    hint: 'Retract them first, or pass detach: true to retract them with it.',
  },
  TRAVERSAL_BUDGET_SPENT: {
    retryable: false,
    sqlstate: 'PF033',
    summary: 'A traversal has followed as many relationships as its budget allows, and was not at its end.',
    hint: 'Lower depth or rows, name a type or a direction, or raise budget.',
  },
  VALUE_NOT_NUMBER: {
    retryable: false,
    sqlstate: 'PF061',
    summary: 'A value that is no number cannot be incremented, nor one beyond 2^53 - 1.',
    hint: 'Use another key for the counter, or set the key to a number first.',
  },
  CHECKSUM_MISMATCH: {
    retryable: false,
    summary: 'What is stored does not match the checksum that was stored with it.',
    hint: 'Somebody changed it past this library, or the storage is damaged: save it again from a trusted source, or restore a backup.',
  },
  ARCHIVE_UNKNOWN: {
    retryable: false,
    summary: 'The tenant has no archive of that id.',
    hint: 'List them with memory.hooks.archives().',
  },
  ARCHIVE_INCOMPLETE: {
    retryable: false,
    summary: 'An archive that has not been read to its end cannot be confirmed; nothing was deleted.',
    hint: 'Read the archive to its end, store what it gave, then confirm it.',
  },
  SESSION_STATE_ILLEGAL: {
    retryable: false,
    sqlstate: 'PF041',
    summary: 'The state of the session does not allow this; the message names it, and the states that it may go to.',
    hint: 'Read the session, and go to one of the states that the message names.',
  },
  ARTIFACT_UNKNOWN: {
    retryable: false,
    sqlstate: 'PF043',
    summary: 'The tenant has no artifact of that id, or it was deleted while it was read.',
    hint: 'List them with memory.artifacts.list().',
  },
  ARTIFACT_CORRUPT: {
    retryable: false,
    summary: 'The stored bytes of an artifact are not those that were written.',
    hint: 'Put the artifact again, and look for a failing disk or a restore that lost rows.',
  },
  HASH_MISMATCH: {
    retryable: false,
    summary: 'The bytes do not have the SHA-256 that they were announced with; nothing was kept.',
    hint: 'Send the right bytes, or the right hash.',
  },
  UPLOAD_BROKEN: {
    retryable: false,
    summary: 'The stream of an artifact failed before its end; nothing was kept.',
    hint: 'Put it again with a new stream; the cause is the error of the stream.',
  },
  UPLOAD_UNKNOWN: {
    retryable: false,
    sqlstate: 'PF045',
    summary: 'The chunks of an upload are gone: it was collected because it stood still for too long.',
    hint: 'Put the artifact again.',
  },
  KEY_UNKNOWN: {
    retryable: false,
    summary: 'The text is not an API key of this tenant.',
    hint: 'Send the key as it was shown when it was created.',
  },
  KEY_EXPIRED: {
    retryable: false,
    summary: 'The API key has expired.',
    hint: 'Create another, or rotate keys before they expire.',
  },
  KEY_REVOKED: {
    retryable: false,
    summary: 'The API key was revoked.',
    hint: 'Create another with memory.keys.create().',
  },
  KEY_SCOPE_MISSING: {
    retryable: false,
    summary: 'The API key is good, and has not the scope that was asked for.',
    hint: 'Create a key with that scope.',
  },
  KEY_PROVIDER_MISSING: {
    retryable: false,
    summary: 'The fleet was opened without a provider of master keys, which secrets need.',
    hint: 'Pass keyProvider to openFleet, for example staticKeyProvider({ key }).',
  },
  KEY_PROVIDER_FAILED: {
    retryable: true,
    summary: 'The provider of master keys failed, or does not have the master key that is needed.',
    hint: 'See the cause; keep old master keys with the provider until memory.secrets.rewrap() has run for every tenant.',
  },
  SECRET_UNKNOWN: {
    retryable: false,
    summary: 'The tenant has no active secret for that service.',
    hint: 'Set one with memory.secrets.set().',
  },
  SECRET_UNREADABLE: {
    retryable: false,
    summary: 'A secret cannot be decrypted: its row, or the key it was encrypted with, is not what it was.',
    hint: 'Look whether the rows were copied from another tenant or service, or the master key replaced; set the secret again.',
  },
  VECTOR_DIMENSION_UNKNOWN: {
    retryable: false,
    sqlstate: 'PF020',
    summary: 'There is no table for vectors of so many dimensions.',
    hint: 'Make it with `pgfleet vectors add-dimension N`, once for all tenants, or use the model whose vectors are kept already.',
  },
} as const satisfies Record<string, ErrorKind>
