import type { Database } from './database.ts'

/** Whom API keys belong to. */
export interface ProjectRecord {
  readonly id: string
  readonly name: string
  readonly createdAt: Date
}

/** The table `projects`. */
export interface Projects {
  /** Makes the project unless it is there; its name stays as it was. */
  ensure(id: string, name: string): Promise<ProjectRecord>
  get(id: string): Promise<ProjectRecord | null>
  list(): Promise<ProjectRecord[]>
}

interface ProjectRow {
  readonly id: string
  readonly name: string
  readonly created_at: Date
}

const ENSURE = 'INSERT INTO projects (id, name) VALUES ($1, $2) ON CONFLICT (id) DO NOTHING'
const GET = 'SELECT id, name, created_at FROM projects WHERE id = $1'
const LIST = 'SELECT id, name, created_at FROM projects ORDER BY created_at, id'

/** Queries of the table `projects`. */
export function projectsOf(database: Database): Projects {
  const get = async (id: string): Promise<ProjectRecord | null> => {
    const [row] = await database.query<ProjectRow>({ text: GET, values: [id] })
    return row ? toRecord(row) : null
  }
  return {
    get,
    ensure: async (id, name) => {
      await database.query({ text: ENSURE, values: [id, name] })
      const project = await get(id)
      if (!project) throw new Error(`The project ${id} vanished while it was made.`)
      return project
    },
    list: async () => (await database.query<ProjectRow>({ text: LIST })).map(toRecord),
  }
}

function toRecord(row: ProjectRow): ProjectRecord {
  return { id: row.id, name: row.name, createdAt: row.created_at }
}
