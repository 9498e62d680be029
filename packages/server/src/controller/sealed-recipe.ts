import type { Sealer } from '../auth/sealer.ts'
import type { Sessions } from '../store/sessions.ts'
import type { Recipe } from './templates/apply.ts'

/** Seals a recipe, with the env and secrets in it, for one session. */
export function sealRecipe(sealer: Sealer, sessionId: string, recipe: Recipe): Buffer {
  return sealer.seal(Buffer.from(JSON.stringify(recipe)), sessionId)
}

/** Opens what {@link sealRecipe} made; null when the session has none any more. @throws {UnsealError} */
export async function openRecipe(
  sealer: Sealer,
  sessions: Sessions,
  sessionId: string,
): Promise<Recipe | null> {
  const sealed = await sessions.readSealed(sessionId)
  if (sealed === null) return null
  // Only this module writes sealed recipes, and the seal proves that nobody changed it.
  return JSON.parse(sealer.unseal(sealed, sessionId).toString('utf8')) as Recipe
}
