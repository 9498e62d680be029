/** Contrast that dim text has with what is behind it; all other text has 4.5. */
const DIM_CONTRAST = 3

/** Red, green, blue and opacity, a byte each, as xterm has colours. */
export type Rgba = number

type Parts = readonly number[]

/** The colour of dim text before what is behind it: half of it shines through, or as much as leaves it readable. */
export function dimColour(text: Rgba, behind: Rgba): Rgba {
  const [from, to] = [partsOf(behind), partsOf(text)]
  const least = luminance(from)
  const isReadable = (colour: Parts): boolean => contrast(luminance(colour), least) >= DIM_CONTRAST
  if (isReadable(mix(from, to, 0.5))) return halfColour(text)
  // Not even the colour itself may do: then towards black or white, whichever differs more.
  const end = contrast(1, least) > contrast(0, least) ? [255, 255, 255] : [0, 0, 0]
  for (let share = 0.6; share < 2; share += 0.1) {
    const colour = share < 1 ? mix(from, to, share) : mix(to, end, share - 1)
    if (isReadable(colour)) return rgbaOf(colour)
  }
  return rgbaOf(end)
}

/** Without regard to whether it can be read. */
export function halfColour(text: Rgba): Rgba {
  return ((text & 0xffffff00) | 0x80) >>> 0
}

/** As style sheets have it. */
export function cssOf(colour: Rgba): string {
  return `#${colour.toString(16).padStart(8, '0')}`
}

function rgbaOf([red = 0, green = 0, blue = 0]: Parts): Rgba {
  return ((red << 24) | (green << 16) | (blue << 8) | 0xff) >>> 0
}

function partsOf(colour: Rgba): Parts {
  return [colour >>> 24, (colour >>> 16) & 0xff, (colour >>> 8) & 0xff]
}

function mix(from: Parts, to: Parts, share: number): Parts {
  return from.map((part, index) => Math.round(part + ((to[index] ?? 0) - part) * share))
}

/** As WCAG defines it. */
function luminance(colour: Parts): number {
  const [red = 0, green = 0, blue = 0] = colour.map((part) =>
    part <= 10 ? part / 255 / 12.92 : ((part / 255 + 0.055) / 1.055) ** 2.4,
  )
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue
}

function contrast(one: number, other: number): number {
  return (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05)
}
