// A box of voxels, where it lies in the patient.

import { apply, type Vec3 } from "../affine";
import { dot, minus, normalOf, type Cut } from "./cut";
import type { VolumeNode } from "../../wire/messages";
import type { BoxAnswer } from "../../wire/training_messages";

/** Where the box's two opposite corners lie, its voxels whole. */
export function boxCorners_mm(node: VolumeNode, { low, high }: Pick<BoxAnswer, "low" | "high">): readonly [Vec3, Vec3] {
  const at = (index: readonly number[], by: number): Vec3 => apply(node.patient_from_voxel, index.map((each) => each + by) as unknown as Vec3);
  return [at(low, -0.5), at(high, 0.5)];
}

/** Whether the cut lies between two places. */
export function isBetween(cut: Cut, from: Vec3, to: Vec3): boolean {
  const normal = normalOf(cut);
  const sides = [dot(minus(from, cut.at_mm), normal), dot(minus(to, cut.at_mm), normal)];
  return Math.min(...sides) <= 0 && Math.max(...sides) >= 0;
}
