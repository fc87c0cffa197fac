// Distances at which warnings begin, as a hand sets them. Pure; the words are for who types.

import type { GuidedBands } from "../wire/messages";

export const BANDS: readonly (readonly [key: keyof GuidedBands, word: string])[] = [
  ["near_mm", "Near"],
  ["risk_mm", "Risk"],
  ["breach_mm", "Inside"],
];
/** As the wire has them. */
export const BAND_MM = { least: -50, most: 100 };

/** Why these bands are not to be asked for; "" where they are. */
export function bandsFault(bands: GuidedBands): string {
  const all = BANDS.map(([key]) => bands[key]);
  if (!all.every(Number.isFinite)) return "Three distances in millimetres.";
  if (!all.every((mm) => mm >= BAND_MM.least && mm <= BAND_MM.most) || bands.near_mm <= 0) return `Between ${BAND_MM.least} and ${BAND_MM.most} mm, and “near” outside the structure.`;
  return bands.breach_mm < bands.risk_mm && bands.risk_mm < bands.near_mm ? "" : "“Near” must begin farther out than “risk”, and “risk” farther out than “inside”.";
}
