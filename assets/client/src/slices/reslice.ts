// A flat slice through the voxels in memory, as pixels: interpolated grey, tinted by the structure under each pixel.
// On the processor: no texture limit, no second copy of the volume, right from the first slab that arrives.

import { apply, applyVector, inverse, type Vec3 } from "../model/affine";
import type { Picture } from "./picture";
import type { VolumeNode } from "../wire/messages";

/** Device pixels to a CSS pixel on slices, at most: finer is not seen, and every pixel is computed. */
export const MOST_SCALE = 1.5;

export interface Voxels {
  readonly node: VolumeNode;
  /** i fastest, as the wire sends them. */
  readonly samples: Int16Array;
  readonly labels: Uint8Array;
}

export interface Look {
  /** Display window in wire samples. */
  readonly low: number;
  readonly high: number;
  /** 256 times red, green, blue, strength (0..255); strength 0 leaves the grey as it is. */
  readonly palette: Uint8Array;
}

/** Voxel indices of the middle of pixel (0, 0), and the step per pixel across and down. */
interface Walk {
  readonly start: Vec3;
  readonly across: Vec3;
  readonly down: Vec3;
}

function walk(node: VolumeNode, picture: Picture, scale: number): Walk {
  const voxelFromPatient = inverse(node.patient_from_voxel);
  const at = (x: number, y: number): Vec3 => picture.toPatient(x / scale, y / scale);
  const from = at(0.5, 0.5);
  const step = (to: Vec3): Vec3 => applyVector(voxelFromPatient, [to[0] - from[0], to[1] - from[1], to[2] - from[2]]);
  return { start: apply(voxelFromPatient, from), across: step(at(1.5, 0.5)), down: step(at(0.5, 1.5)) };
}

/**
 * Fills `pixels` (RGBA, `width` to a row, `scale` pixels to a CSS pixel) with the slice that `picture` shows.
 * Outside the volume is black. Grey is trilinear between voxel centres; labels are the nearest voxel's.
 */
export function reslice(voxels: Voxels, picture: Picture, scale: number, look: Look, pixels: Uint8ClampedArray, width: number): void {
  const { samples, labels, node } = voxels;
  const [ni, nj, nk] = node.shape;
  const { start, across, down } = walk(node, picture, scale);
  const height = pixels.length / 4 / width;
  const perUnit = 255 / (look.high - look.low);
  const slab = ni * nj;
  const { palette } = look;
  pixels.fill(0);
  for (let row = 0, out = 0; row < height; row += 1) {
    let i = start[0] + row * down[0];
    let j = start[1] + row * down[1];
    let k = start[2] + row * down[2];
    for (let column = 0; column < width; column += 1, out += 4, i += across[0], j += across[1], k += across[2]) {
      pixels[out + 3] = 255;
      if (i < -0.5 || j < -0.5 || k < -0.5 || i >= ni - 0.5 || j >= nj - 0.5 || k >= nk - 0.5) continue;
      const ci = i < 0 ? 0 : i > ni - 1 ? ni - 1 : i;
      const cj = j < 0 ? 0 : j > nj - 1 ? nj - 1 : j;
      const ck = k < 0 ? 0 : k > nk - 1 ? nk - 1 : k;
      const i0 = ci | 0;
      const j0 = cj | 0;
      const k0 = ck | 0;
      const fi = ci - i0;
      const fj = cj - j0;
      const fk = ck - k0;
      const at = k0 * slab + j0 * ni + i0;
      const di = i0 + 1 < ni ? 1 : 0;
      const dj = j0 + 1 < nj ? ni : 0;
      const dk = k0 + 1 < nk ? slab : 0;
      const near =
        (samples[at]! * (1 - fi) + samples[at + di]! * fi) * (1 - fj) +
        (samples[at + dj]! * (1 - fi) + samples[at + dj + di]! * fi) * fj;
      const far =
        fk === 0
          ? near
          : (samples[at + dk]! * (1 - fi) + samples[at + dk + di]! * fi) * (1 - fj) +
            (samples[at + dk + dj]! * (1 - fi) + samples[at + dk + dj + di]! * fi) * fj;
      const value = (near * (1 - fk) + far * fk - look.low) * perUnit;
      const grey = value < 0 ? 0 : value > 255 ? 255 : value;
      const label = 4 * labels[((ck + 0.5) | 0) * slab + ((cj + 0.5) | 0) * ni + ((ci + 0.5) | 0)]!;
      const tint = palette[label + 3]! / 255;
      pixels[out] = grey + (palette[label]! - grey) * tint;
      pixels[out + 1] = grey + (palette[label + 1]! - grey) * tint;
      pixels[out + 2] = grey + (palette[label + 2]! - grey) * tint;
    }
  }
}
