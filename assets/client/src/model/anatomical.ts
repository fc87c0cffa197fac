// Words for directions of the patient: letters at the edges of slices, radiological convention.

import { apply, inverse, type Affine, type Vec3 } from "./affine";
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

/** Directions nearer than this to an axis of the patient lie along it: 0.8 degrees, half a voxel over a slice's width. */
const ALONG = 0.9999;

/** Whether slices along the patient's axes are the slices that were measured, and not cut across them. */
export function isAlongAxes(patientFromVoxel: Affine): boolean {
  const origin = apply(patientFromVoxel, [0, 0, 0]);
  return ([[1, 0, 0], [0, 1, 0], [0, 0, 1]] as const).every((unit) => {
    const step = apply(patientFromVoxel, unit).map((value, axis) => value - origin[axis]!);
    return Math.max(...step.map(Math.abs)) >= ALONG * Math.hypot(...step);
  });
}

/**
 * Where slices are cut for a cursor: through the nearest voxel, so that each slice shown is one that was measured and
 * none between two; at the cursor itself where the voxels lie across the patient's axes.
 */
export function cut_mm(patientFromVoxel: Affine, cursor_mm: Vec3): Vec3 {
  if (!isAlongAxes(patientFromVoxel)) return cursor_mm;
  return apply(patientFromVoxel, apply(inverse(patientFromVoxel), cursor_mm).map(Math.round) as unknown as Vec3);
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
