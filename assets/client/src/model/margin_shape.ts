// A margin as a hand sets it: one distance, or one to each side of the patient. Pure.

import type { MarginBand } from "../wire/messages";

export type MarginShape = Pick<MarginBand, "distance_mm" | "toward_mm">;
type Toward = NonNullable<MarginBand["toward_mm"]>;

/** In the order of the wire. */
export const SIDES = ["left", "right", "posterior", "anterior", "superior", "inferior"] as const;
/** As a slider has it. */
export const MARGIN_MM = { least: -10, most: 20, step: 0.5 };
/** As the wire has it. */
const MOST_MM = 50;

const within = (mm: number, least: number, most: number): number => Math.min(most, Math.max(least, mm)) + 0;
const each = (toward: Toward, change: (mm: number, side: number) => number): Toward => toward.map(change) as Toward;

export function towardOf({ distance_mm, toward_mm }: MarginShape): Toward {
  return toward_mm ?? [distance_mm, distance_mm, distance_mm, distance_mm, distance_mm, distance_mm];
}

/** One side elsewhere. A margin goes out on all sides, or in on all: a side that would cross the surface stops at it. */
export function withSide(shape: MarginShape, side: number, mm: number): MarginShape {
  const others = towardOf(shape).filter((_, n) => n !== side);
  const least = others.some((other) => other > 0) ? 0 : -MOST_MM;
  const most = others.some((other) => other < 0) ? 0 : MOST_MM;
  return { ...shape, toward_mm: each(towardOf(shape), (now, n) => (n === side ? within(mm, least, most) : now)) };
}

/** The whole margin elsewhere: sides keep their differences, as far as none crosses the surface. */
export function withDistance({ distance_mm, toward_mm }: MarginShape, to_mm: number): MarginShape {
  const [least, most] = to_mm < 0 ? [-MOST_MM, 0] : [0, MOST_MM];
  return { distance_mm: to_mm, toward_mm: toward_mm && each(toward_mm, (mm) => within(mm + to_mm - distance_mm, least, most)) };
}
