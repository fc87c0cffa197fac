// A tip that rests on a landmark: held still for a second it is taken, with all the places where it was. Pure.

import { distance, type Vec3 } from "./affine";

/** Held for so long, and within this of where it began. A hand on bone trembles by less. */
export const HOLD_S = 1;
export const STILL_MM = 4;
/** The wire asks for no fewer, and takes no more. */
const LEAST_POINTS = 8;
const MOST_POINTS = 512;

export interface Touch {
  readonly since_s: number;
  readonly points_mm: readonly Vec3[];
}

export const UNTOUCHED: Touch = { since_s: 0, points_mm: [] };

/** One more place of the tip. Where it slipped, it begins anew. */
export function touched(touch: Touch, tip_mm: Vec3, now_s: number): Touch {
  const [first] = touch.points_mm;
  if (first === undefined || distance(first, tip_mm) > STILL_MM) return { since_s: now_s, points_mm: [tip_mm] };
  return { ...touch, points_mm: [...touch.points_mm, tip_mm].slice(-MOST_POINTS) };
}

/** 0 to 1. */
export function progress({ since_s, points_mm }: Touch, now_s: number): number {
  return points_mm.length === 0 ? 0 : Math.min(1, (now_s - since_s) / HOLD_S, points_mm.length / LEAST_POINTS);
}
