/** While output floods, a terminal is drawn at most this often. */
export const FLOOD_FRAME_MS = 50
