// Words for directions of the patient: letters at the edges of slices, radiological convention.

import { apply, type Affine, type Vec3 } from "./affine";
import type { Plane } from "./state";

/** Letters at the left, right, top and bottom of a slice. Radiological: the patient's right is on the left. */
export const EDGES: Record<Plane, { left: string; right: string; top: string; bottom: string }> = {
  axial: { left: "R", right: "L", top: "A", bottom: "P" },
  coronal: { left: "R", right: "L", top: "S", bottom: "I" },
  sagittal: { left: "A", right: "P", top: "S", bottom: "I" },
};

/** Index in LPS of the axis that a plane stands across. */
export const NORMAL_AXIS: Record<Plane, 0 | 1 | 2> = { sagittal: 0, coronal: 1, axial: 2 };

/** Directions in headset axes from which each letter is seen face on. */
export const VIEWPOINTS: readonly { readonly letter: string; readonly name: string; readonly from: Vec3 }[] = [
  { letter: "A", name: "anterior", from: [0, 0, 1] },
  { letter: "P", name: "posterior", from: [0, 0, -1] },
  { letter: "L", name: "left", from: [1, 0, 0] },
  { letter: "R", name: "right", from: [-1, 0, 0] },
  { letter: "S", name: "superior", from: [0, 1, 0] },
  { letter: "I", name: "inferior", from: [0, -1, 0] },
];

/** A patient position as a radiologist says it: "L 12  P 40  S 103 mm". */
export function positionText(at_mm: Vec3): string {
  const letters = [["L", "R"], ["P", "A"], ["S", "I"]] as const;
  const part = (value: number, axis: number): string => `${letters[axis]![value >= 0 ? 0 : 1]} ${Math.abs(value).toFixed(0)}`;
  return `${at_mm.map(part).join("  ")} mm`;
}

/** How far one step along `plane`'s normal goes, in millimetres: the voxel spacing of the nearest axis. */
export function sliceStep_mm(patientFromVoxel: Affine, plane: Plane): number {
  const origin = apply(patientFromVoxel, [0, 0, 0]);
  const steps = ([[1, 0, 0], [0, 1, 0], [0, 0, 1]] as const).map((unit) => {
    const step = apply(patientFromVoxel, unit).map((value, axis) => value - origin[axis]!);
    const length = Math.hypot(...step);
    return { length, along: Math.abs(step[NORMAL_AXIS[plane]]!) / length };
  });
  return steps.reduce((nearest, step) => (step.along > nearest.along ? step : nearest)).length;
}
