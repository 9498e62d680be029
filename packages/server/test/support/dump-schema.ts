import { join } from 'node:path'
import type { Queryable } from '../../src/store/database.ts'
import { migrationsFolder } from '../../src/store/migration-files.ts'
import type { Generated } from './generated.ts'

/** One thing of the schema, as a statement that would make it. */
interface Piece {
  readonly statement: string
}

const TABLES = `
SELECT format(E'CREATE %sTABLE %I (\\n%s\\n);', CASE c.relpersistence WHEN 'u' THEN 'UNLOGGED ' ELSE '' END, c.relname,
  (SELECT string_agg(line, E',\\n' ORDER BY kind, place) FROM (
    SELECT 1 AS kind, a.attnum::text::int AS place,
      format('  %I %s%s%s', a.attname, format_type(a.atttypid, a.atttypmod),
        CASE WHEN a.attnotnull THEN ' NOT NULL' ELSE '' END,
        COALESCE(' DEFAULT ' || pg_get_expr(d.adbin, d.adrelid), '')) AS line
    FROM pg_attribute a LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
    WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
    UNION ALL
    SELECT 2, row_number() OVER (ORDER BY k.contype DESC, k.conname), format('  CONSTRAINT %I %s', k.conname, pg_get_constraintdef(k.oid))
    FROM pg_constraint k WHERE k.conrelid = c.oid AND k.contype <> 'n'
  ) AS lines)) AS statement
FROM pg_class c WHERE c.relkind = 'r' AND c.relnamespace = current_schema()::regnamespace ORDER BY c.relname`

const INDEXES = `
SELECT indexdef || ';' AS statement FROM pg_indexes i
WHERE schemaname = current_schema() AND NOT EXISTS (
  SELECT FROM pg_constraint k JOIN pg_class c ON c.oid = k.conindid WHERE c.relname = i.indexname AND k.contype IN ('p', 'u'))
ORDER BY indexname`

const SEQUENCES = `
SELECT format('CREATE SEQUENCE %I AS %s;', sequencename, data_type) AS statement
FROM pg_sequences WHERE schemaname = current_schema() ORDER BY sequencename`

const FUNCTIONS = `
SELECT pg_get_functiondef(p.oid) || ';' AS statement FROM pg_proc p
WHERE p.pronamespace = current_schema()::regnamespace ORDER BY p.proname`

const TRIGGERS = `
SELECT pg_get_triggerdef(t.oid) || ';' AS statement FROM pg_trigger t
WHERE NOT t.tgisinternal ORDER BY t.tgname`

/** The schema of a migrated database as SQL: read from the catalog, sorted by name, so the same for the same schema. */
export async function schemaFile(database: Queryable): Promise<Generated> {
  const parts: string[] = [
    '-- Made by `npm run generate -w packages/server` from the migrations. Do not edit.',
  ]
  for (const text of [TABLES, INDEXES, SEQUENCES, FUNCTIONS, TRIGGERS]) {
    const pieces = await database.query<Piece>({ text })
    parts.push(...pieces.map(({ statement }) => statement.trim()))
  }
  return { path: join(migrationsFolder(), 'schema.sql'), content: `${parts.join('\n\n')}\n` }
}
