import { createReadStream } from 'node:fs'
import { Readable } from 'node:stream'
import type * as ClientS3 from '@aws-sdk/client-s3'
import type { RecordingStorage, StoredFile } from './storage.ts'

/** Which bucket, and how to reach it. */
export interface S3Place {
  readonly bucket: string
  /** What every key begins with: empty, or ends in a slash. */
  readonly prefix: string
  /** Of a store that is not Amazon's. */
  readonly endpoint?: string
  /** Default: what the client finds in environment and profile, `us-east-1` with an endpoint. */
  readonly region?: string
  /** Puts the bucket's name into the path instead of the host name. */
  readonly pathStyle: boolean
}

const CONTENT_TYPE = 'application/x-asciicast'

/** Larger files go in parts of this size. The smallest that S3 takes is 5 MiB. */
const PART_BYTES = 8_388_608
const PARTS_AT_ONCE = 2

/**
 * Keeps recordings in a bucket, by the official client, which is loaded when the first one is touched. Credentials come
 * from the client's own chain: environment, profile, web identity, container, instance.
 */
export class S3Storage implements RecordingStorage {
  readonly #place: S3Place
  #open: Promise<{ readonly s3: typeof ClientS3; readonly client: ClientS3.S3Client }> | undefined

  constructor(place: S3Place) {
    this.#place = place
  }

  async put(key: string, file: string): Promise<void> {
    const { client } = await this.#connect()
    const { Upload } = await import('@aws-sdk/lib-storage')
    const body = createReadStream(file)
    try {
      const params = { ...this.#object(key), Body: body, ContentType: CONTENT_TYPE }
      await new Upload({ client, params, partSize: PART_BYTES, queueSize: PARTS_AT_ONCE }).done()
    } finally {
      body.destroy()
    }
  }

  async read(key: string): Promise<StoredFile | null> {
    const { s3, client } = await this.#connect()
    const found = await absentAsNull(client.send(new s3.GetObjectCommand(this.#object(key))))
    if (found === null) return null
    if (!(found.Body instanceof Readable) || found.ContentLength === undefined)
      throw new Error('The storage answered without a body.')
    return { bytes: found.ContentLength, body: found.Body }
  }

  async size(key: string): Promise<number | null> {
    const { s3, client } = await this.#connect()
    const found = await absentAsNull(client.send(new s3.HeadObjectCommand(this.#object(key))))
    return found?.ContentLength ?? null
  }

  async remove(key: string): Promise<void> {
    const { s3, client } = await this.#connect()
    await absentAsNull(client.send(new s3.DeleteObjectCommand(this.#object(key))))
  }

  async check(): Promise<void> {
    const { s3, client } = await this.#connect()
    await client.send(new s3.HeadBucketCommand({ Bucket: this.#place.bucket }))
  }

  close(): void {
    void this.#open?.then(({ client }) => client.destroy()).catch(() => undefined)
  }

  #object(key: string): { readonly Bucket: string; readonly Key: string } {
    return { Bucket: this.#place.bucket, Key: `${this.#place.prefix}${key}` }
  }

  async #connect(): Promise<{ readonly s3: typeof ClientS3; readonly client: ClientS3.S3Client }> {
    this.#open ??= import('@aws-sdk/client-s3').then((s3) => ({ s3, client: this.#createClient(s3) }))
    return this.#open
  }

  #createClient(s3: typeof ClientS3): ClientS3.S3Client {
    const { endpoint, pathStyle } = this.#place
    const region = this.#place.region ?? (endpoint === undefined ? undefined : 'us-east-1')
    return new s3.S3Client({
      ...(region === undefined ? {} : { region }),
      ...(endpoint === undefined ? {} : { endpoint }),
      forcePathStyle: pathStyle,
      // Checksums in trailers are Amazon's own: other stores refuse them.
      requestChecksumCalculation: 'WHEN_REQUIRED',
      responseChecksumValidation: 'WHEN_REQUIRED',
    })
  }
}

async function absentAsNull<T>(work: Promise<T>): Promise<T | null> {
  try {
    return await work
  } catch (error) {
    const { name } = error as Error
    if (name === 'NoSuchKey' || name === 'NotFound') return null
    throw error
  }
}
