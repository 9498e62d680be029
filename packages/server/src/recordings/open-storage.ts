import { join } from 'node:path'
import type { Config } from '../config/config.ts'
import { LocalStorage } from './local-storage.ts'
import { S3Storage } from './s3-storage.ts'
import type { RecordingStorage } from './storage.ts'

/** The storage that the configuration names. Nothing is opened before it is used. */
export function openRecordingStorage(
  config: Pick<Config, 'recordings' | 's3Endpoint' | 's3Region' | 's3PathStyle' | 'dataDir'>,
): RecordingStorage {
  const place = /^s3:\/\/([^/]+)\/?(.*)$/.exec(config.recordings)
  if (place === null) return new LocalStorage(join(config.dataDir, 'recordings', 'stored'))
  const [, bucket = '', prefix = ''] = place
  return new S3Storage({
    bucket,
    prefix: prefix === '' || prefix.endsWith('/') ? prefix : `${prefix}/`,
    pathStyle: config.s3PathStyle,
    ...(config.s3Endpoint === null ? {} : { endpoint: config.s3Endpoint }),
    ...(config.s3Region === null ? {} : { region: config.s3Region }),
  })
}
