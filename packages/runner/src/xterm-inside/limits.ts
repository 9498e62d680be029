/** A block of rows: so large that malloc(3) maps each by itself and gives all of it back, whatever lies around it. */
export const BLOCK_BYTES = 262_144
