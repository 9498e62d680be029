import { existsSync, mkdirSync } from 'node:fs'
import { Extractor, ExtractorConfig } from '@microsoft/api-extractor'
import { at } from './root.mjs'

/** Compiled entry points whose public types are written down in the package's etc/ folder. */
const entries = {
  sdk: { sdk: 'index.d.ts', 'sdk-protocol': 'protocol/index.d.ts', 'sdk-errors': 'errors.d.ts' },
  react: { react: 'index.d.ts', 'react-mount': 'mount.d.ts' },
  server: { server: 'index.d.ts' },
}

/** Compares the API reports with what is built, or renews them. Returns one sentence per difference. */
export function checkApiReports({ update }) {
  return Object.entries(entries).flatMap(([name, reports]) =>
    Object.entries(reports).flatMap(([report, file]) => checkReport(name, report, file, update)),
  )
}

function checkReport(name, report, file, update) {
  const folder = at('packages', name, 'etc')
  mkdirSync(folder, { recursive: true })
  const known = existsSync(at('packages', name, 'etc', `${report}.api.md`))
  const problems = []
  const config = ExtractorConfig.prepare({
    configObject: configFor(name, report, file),
    configObjectFullPath: undefined,
    packageJsonFullPath: at('packages', name, 'package.json'),
  })
  const { apiReportChanged } = Extractor.invoke(config, {
    localBuild: update,
    messageCallback(message) {
      message.handled = true
      if (message.logLevel === 'error') problems.push(`${report}: ${message.text}`)
    },
  })
  const changed = apiReportChanged || !known
  if (changed && update) console.log(`Renewed packages/${name}/etc/${report}.api.md`)
  if (changed && !update)
    problems.push(
      `The public types of ${report} changed. If that is meant: npm run check:packages -- --update, and a changeset.`,
    )
  return problems
}

function configFor(name, report, file) {
  return {
    projectFolder: at('packages', name),
    mainEntryPointFilePath: at('packages', name, 'dist', file),
    compiler: {
      overrideTsconfig: {
        compilerOptions: {
          target: 'ES2022',
          lib: ['ES2023', 'ESNext.Disposable', 'DOM', 'DOM.Iterable', 'DOM.AsyncIterable'],
          module: 'NodeNext',
          moduleResolution: 'NodeNext',
          jsx: 'react-jsx',
          types: ['node'],
          skipLibCheck: true,
          strict: true,
        },
        files: [at('packages', name, 'dist', file)],
      },
    },
    apiReport: {
      enabled: true,
      reportFileName: report,
      reportFolder: at('packages', name, 'etc'),
      reportTempFolder: at('.cache', 'api', report),
    },
    docModel: { enabled: false },
    dtsRollup: { enabled: false },
    tsdocMetadata: { enabled: false },
    newlineKind: 'lf',
    messages: {
      extractorMessageReporting: {
        default: { logLevel: 'none' },
        'ae-forgotten-export': { logLevel: 'none' },
      },
      tsdocMessageReporting: { default: { logLevel: 'none' } },
    },
  }
}
