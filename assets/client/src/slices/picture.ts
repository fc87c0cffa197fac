// Where a slice's picture lies on the canvas and in the patient. Pixels are CSS pixels of the canvas.

import type { Vec3 } from "../model/affine";

export interface Picture {
  readonly pixelsPerMm: number;
  /** The patient position (LPS mm) in the slice's plane under a pixel. */
  toPatient(x: number, y: number): Vec3;
  /** The pixel at which a patient position is seen, looking along the plane's normal. */
  toPixel(at_mm: Vec3): readonly [number, number];
}

const minus = (a: Vec3, b: Vec3): Vec3 => [a[0] - b[0], a[1] - b[1], a[2] - b[2]];
const dot = (a: Vec3, b: Vec3): number => a[0] * b[0] + a[1] * b[1] + a[2] * b[2];

/** From a rectangle of pixels in the picture, and the patient positions of three of its corners. */
export function createPicture(
  [left, top]: readonly [number, number],
  [width, height]: readonly [number, number],
  leftTop_mm: Vec3,
  rightTop_mm: Vec3,
  leftBottom_mm: Vec3,
): Picture {
  const across = minus(rightTop_mm, leftTop_mm);
  const down = minus(leftBottom_mm, leftTop_mm);
  return {
    pixelsPerMm: width / Math.sqrt(dot(across, across)),
    toPatient(x, y) {
      const u = (x - left) / width;
      const v = (y - top) / height;
      return [0, 1, 2].map((axis) => leftTop_mm[axis]! + u * across[axis]! + v * down[axis]!) as unknown as Vec3;
    },
    toPixel(at_mm) {
      const from = minus(at_mm, leftTop_mm);
      const u = dot(from, across) / dot(across, across);
      const v = dot(from, down) / dot(down, down);
      return [left + u * width, top + v * height];
    },
  };
}
