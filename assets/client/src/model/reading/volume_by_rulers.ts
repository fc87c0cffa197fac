// A volume from three diameters.

import { distance } from "../affine";
import type { Ruler } from "./state";

/** Ellipsoid of the last three rulers, in ml; null with fewer. */
export function ellipsoid_ml(rulers: readonly Ruler[]): number | null {
  const last = rulers.slice(-3).map(({ from_mm, to_mm }) => distance(from_mm, to_mm));
  return last.length < 3 ? null : ((Math.PI / 6) * last[0]! * last[1]! * last[2]!) / 1000;
}
