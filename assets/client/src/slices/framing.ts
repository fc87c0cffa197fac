// What of the patient slices show: how near, and about which place. All planes share it.

import type { Vec3 } from "../model/affine";

const MOST_ZOOM = 12;

export interface Framing {
  readonly zoom: number;
  readonly focus: Vec3;
}

/** Nearer or farther; the place `at` under the pointer stays where it is. */
export function zoomed({ zoom, focus }: Framing, factor: number, at: Vec3): Framing {
  const next = Math.min(MOST_ZOOM, Math.max(1, zoom * factor));
  const keep = zoom / next;
  return { zoom: next, focus: focus.map((f, axis) => at[axis]! + (f - at[axis]!) * keep) as unknown as Vec3 };
}

/** The place that was at `from` comes to `to`. */
export function panned(focus: Vec3, from: Vec3, to: Vec3): Vec3 {
  return focus.map((f, axis) => f - (to[axis]! - from[axis]!)) as unknown as Vec3;
}
