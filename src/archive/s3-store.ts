import type { Readable } from 'node:stream'
import { FleetError } from '../errors.js'
import type { ArchiveStore } from './archive-store.js'
import { guarded } from './folder-store.js'
import { storeFailure } from './store-failure.js'

/** A bucket of Amazon S3, or of a store that speaks as it does. */
export interface S3Place {
  readonly bucket: string
  /** What the names of objects begin with; empty, or ends in a slash. */
  readonly prefix: string
  /** Undefined: by the SDK's own chain, with an endpoint us-east-1. */
  readonly region: string | undefined
  /** The url of a store that is not Amazon's. */
  readonly endpoint: string | undefined
  /** The bucket stands in the path instead of the host name. */
  readonly pathStyle: boolean
}

/** Bytes of a part, 16 MB: with the 10,000 parts that S3 takes, an object has up to 160 GB. */
const PART_BYTES = 16 * 1_048_576
/** Parts under way at once; as many lie in memory. */
const PARTS_AT_ONCE = 2
/** Longest time to reach the store, and longest silence of it, in milliseconds. */
const CONNECT_MS = 10_000
const SILENCE_MS = 60_000

/**
 * Archives in a bucket. Credentials are found by the SDK's own chain (environment, profile, role), and stay there. An object appears when
 * its upload is completed, and only where its name is free (`If-None-Match`). Loads the SDK, which takes no connection.
 */
export async function openS3Store(place: S3Place): Promise<ArchiveStore> {
  const { S3Client, GetObjectCommand, DeleteObjectCommand } = await import('@aws-sdk/client-s3')
  const { Upload } = await import('@aws-sdk/lib-storage')
  const { bucket, prefix, endpoint, pathStyle } = place
  const region = place.region ?? (endpoint === undefined ? undefined : (process.env.AWS_REGION ?? 'us-east-1'))
  const client = new S3Client({
    ...(region === undefined ? {} : { region }),
    ...(endpoint === undefined ? {} : { endpoint }),
    forcePathStyle: pathStyle,
    maxAttempts: 3,
    // Not every store knows the SDK's checksums; what is written is read back against SHA-256 anyway.
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    requestHandler: { connectionTimeout: CONNECT_MS, socketTimeout: SILENCE_MS },
  })
  const describe = (name: string) => `s3://${bucket}/${prefix}${name}`
  return {
    async write(name, content, signal) {
      const upload = new Upload({
        client,
        params: { Bucket: bucket, Key: prefix + name, Body: content, IfNoneMatch: '*' },
        partSize: PART_BYTES,
        queueSize: PARTS_AT_ONCE,
      })
      const abort = () => void upload.abort()
      signal?.addEventListener('abort', abort, { once: true })
      try {
        if (signal?.aborted) throw signal.reason
        await upload.done()
      } catch (error) {
        content.destroy()
        if (statusOf(error) === 412) {
          throw new FleetError('ARCHIVE_OBJECT_EXISTS', { message: `${describe(name)} is there already`, cause: error })
        }
        throw storeFailure(`writing ${describe(name)}`, error, signal)
      } finally {
        signal?.removeEventListener('abort', abort)
      }
    },
    async read(name, signal) {
      const doing = `reading ${describe(name)}`
      try {
        const { Body } = await client.send(
          new GetObjectCommand({ Bucket: bucket, Key: prefix + name }),
          signal === undefined ? {} : { abortSignal: signal },
        )
        return guarded(Body as Readable, doing, signal)
      } catch (error) {
        if (statusOf(error) !== 404) throw storeFailure(doing, error, signal)
        throw new FleetError('ARCHIVE_UNKNOWN', { message: `there is no ${describe(name)}`, cause: error })
      }
    },
    async remove(name) {
      try {
        await client.send(new DeleteObjectCommand({ Bucket: bucket, Key: prefix + name }))
      } catch (error) {
        throw storeFailure(`removing ${describe(name)}`, error)
      }
    },
    close: () => client.destroy(),
  }
}

function statusOf(error: unknown): number | undefined {
  return (error as { $metadata?: { httpStatusCode?: number } }).$metadata?.httpStatusCode
}
