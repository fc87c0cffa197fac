// Sizes by angle: a thing is read or hit by the angle it fills, so panels and labels are laid out for one distance
// and scaled with the distance they stand at. The limits are the product's own (experience.md "In the headset").

/** Cap height of text that is read: names, values, buttons. */
export const BODY_CAP_DEG = 0.8;
/** Cap height of text that only names: captions, units, tabs. */
export const LABEL_CAP_DEG = 0.55;
/** Smallest side of anything a fingertip presses. */
export const TOUCH_TARGET_MM = 22;
/** Smallest side of anything a ray presses. */
export const RAY_TARGET_DEG = 2;
/** Nearest and farthest a standing panel is put. */
export const PANEL_NEAR_M = 0.6;
export const PANEL_FAR_M = 1.2;
/** Panels are drawn to be read at this distance; farther away they grow in proportion. */
export const DESIGN_DISTANCE_M = PANEL_NEAR_M;

const RADIANS = Math.PI / 180;

/** The length that fills `angle_deg` when seen face on from `distance`; same unit as `distance`. */
export function lengthFor(angle_deg: number, distance: number): number {
  return 2 * distance * Math.tan((angle_deg * RADIANS) / 2);
}

/** The angle that `length` fills when seen face on from `distance` (same unit). */
export function angleOf_deg(length: number, distance: number): number {
  return (2 * Math.atan2(length / 2, distance)) / RADIANS;
}

/** Scale of a panel drawn for `DESIGN_DISTANCE_M`, standing at `distance_m`: never smaller to the eye, nor to the finger. */
export function panelScale(distance_m: number): number {
  return Math.max(1, distance_m / DESIGN_DISTANCE_M);
}
