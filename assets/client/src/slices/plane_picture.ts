// Where a plane's slice lies in its pane: along the patient's own axes, radiological convention, whole or zoomed.

import { createPicture, type Picture } from "./picture";
import type { Vec3 } from "../model/affine";
import type { Plane } from "../model/state";

/** Patient directions (LPS) across and down the picture. The patient's right is on the left. */
const AXES: Record<Plane, { readonly across: Vec3; readonly down: Vec3 }> = {
  axial: { across: [1, 0, 0], down: [0, 1, 0] },
  coronal: { across: [1, 0, 0], down: [0, 0, -1] },
  sagittal: { across: [0, 1, 0], down: [0, 0, -1] },
};

/** Part of the pane that the volume fills at zoom 1. */
const FILL = 0.96;

export interface Sight {
  readonly width: number;
  readonly height: number;
  /** Smallest and largest patient coordinates of the volume. */
  readonly extent_mm: readonly [Vec3, Vec3];
  /** Where the slice is cut. */
  readonly cursor_mm: Vec3;
  /** What stands in the middle of the pane. */
  readonly focus_mm: Vec3;
  readonly zoom: number;
}

const along = (direction: Vec3, vector: Vec3): number =>
  direction[0] * vector[0] + direction[1] * vector[1] + direction[2] * vector[2];

export function planePicture(plane: Plane, sight: Sight): Picture {
  const { across, down } = AXES[plane];
  const [low, high] = sight.extent_mm;
  const size: Vec3 = [high[0] - low[0], high[1] - low[1], high[2] - low[2]];
  const fitting = Math.min(sight.width / Math.abs(along(across, size)), sight.height / Math.abs(along(down, size)));
  const mm = 1 / (FILL * fitting * sight.zoom);
  // In the plane the pane is centred on the focus; along the normal it stands at the cursor.
  const at = (x: number, y: number): Vec3 =>
    [0, 1, 2].map((axis) => {
      const [u, v] = [across[axis]!, down[axis]!];
      if (u === 0 && v === 0) return sight.cursor_mm[axis]!;
      return sight.focus_mm[axis]! + u * (x - sight.width / 2) * mm + v * (y - sight.height / 2) * mm;
    }) as unknown as Vec3;
  return createPicture([0, 0], [sight.width, sight.height], at(0, 0), at(sight.width, 0), at(0, sight.height));
}
