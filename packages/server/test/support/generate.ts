// npm run generate -w packages/server: writes the package's generated files anew.
import { referencePage } from '../../src/config/describe.ts'
import { templatesPage } from '../../src/controller/templates/reference.ts'
import { generated, regenerate } from './generated.ts'
import { generatedMetrics } from './generate-metrics.ts'
import { generatedOpenApi } from './generate-openapi.ts'
import { generatedSchema } from './generate-schema.ts'

await regenerate(await generated('CONFIGURATION.md', referencePage()))
await regenerate(await generated('TEMPLATES.md', templatesPage()))
await regenerate(await generatedSchema())
await regenerate(await generatedOpenApi())
await regenerate(await generatedMetrics())
