// A thick slab as pixels: the brightest of it under each pixel (maximum intensity projection).

import { applyVector, inverse, type Vec3 } from "../model/affine";
import type { Picture } from "./picture";
import { reslice, type Look, type Voxels } from "./reslice";

/** No slab is looked through in more steps than this. */
const MOST_STEPS = 48;

/** Middles of the slices that a slab is made of, from the cut, along the normal: no farther apart than voxels are. */
export function slabSteps(spacing_mm: number, slab_mm: number): number[] {
  const count = Math.min(MOST_STEPS, 2 * Math.round(slab_mm / spacing_mm / 2) + 1);
  const apart = count > 1 ? slab_mm / count : 0;
  return Array.from({ length: count }, (_, index) => (index - (count - 1) / 2) * apart);
}

/** Fills `pixels` as `reslice` does, with the brightest of `slab_mm` about the picture's plane. `normal` is of unit length. */
export function projectSlab(voxels: Voxels, picture: Picture, normal: Vec3, slab_mm: number, scale: number, look: Look, pixels: Uint8ClampedArray<ArrayBuffer>, width: number): void {
  const way = applyVector(inverse(voxels.node.patient_from_voxel), normal);
  const spacing_mm = 1 / Math.max(...way.map(Math.abs));
  const layer = new Uint8ClampedArray(pixels.length);
  slabSteps(spacing_mm, slab_mm).forEach((off, index) => {
    const moved: Picture = {
      ...picture,
      toPatient: (x, y) => {
        const at = picture.toPatient(x, y);
        return [at[0] + off * normal[0], at[1] + off * normal[1], at[2] + off * normal[2]];
      },
    };
    reslice(voxels, moved, scale, look, index === 0 ? pixels : layer, width);
    if (index === 0) return;
    for (let at = 0; at < pixels.length; at += 4) {
      if (layer[at + 1]! <= pixels[at + 1]!) continue;
      pixels[at] = layer[at]!;
      pixels[at + 1] = layer[at + 1]!;
      pixels[at + 2] = layer[at + 2]!;
    }
  });
}
