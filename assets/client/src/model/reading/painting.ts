// Voxels painted for an answer, in memory and as runs.

import { apply, inverse, type Vec3 } from "../affine";
import { minus, normalOf, dot, step_mm, type Cut } from "./cut";
import type { VolumeNode } from "../../wire/messages";

/** Sets voxels of the slice within `radius_mm` of a stroke from one place to the next. Returns whether any changed. */
export function paintDisc(labels: Uint8Array, node: VolumeNode, cut: Cut, from_mm: Vec3, to_mm: Vec3, radius_mm: number, label: 0 | 1): boolean {
  const [ni, nj] = node.shape;
  let changed = false;
  inDisc(node, cut, from_mm, to_mm, radius_mm, (i, j, k) => {
    const at = (k * nj + j) * ni + i;
    changed ||= labels[at] !== label;
    labels[at] = label;
  });
  return changed;
}

/** Each voxel of the slice within `radius_mm` of a stroke. */
function inDisc(node: VolumeNode, cut: Cut, from_mm: Vec3, to_mm: Vec3, radius_mm: number, visit: (i: number, j: number, k: number) => void): void {
  const voxelFromPatient = inverse(node.patient_from_voxel);
  const normal = normalOf(cut);
  const half = step_mm(node, cut) / 2 + 1e-6;
  const [ni, nj, nk] = node.shape;
  const reach = radius_mm + half;
  const ends = [from_mm, to_mm].flatMap((place) =>
    [-reach, reach].flatMap((x) => [-reach, reach].flatMap((y) => [-reach, reach].map((z) => apply(voxelFromPatient, [place[0] + x, place[1] + y, place[2] + z])))),
  );
  const low = [0, 1, 2].map((axis) => Math.max(0, Math.floor(Math.min(...ends.map((end) => end[axis]!)))));
  const high = [ni, nj, nk].map((count, axis) => Math.min(count - 1, Math.ceil(Math.max(...ends.map((end) => end[axis]!)))));
  const way = minus(to_mm, from_mm);
  const length2 = dot(way, way);
  for (let k = low[2]!; k <= high[2]!; k += 1) {
    for (let j = low[1]!; j <= high[1]!; j += 1) {
      for (let i = low[0]!; i <= high[0]!; i += 1) {
        const from = minus(apply(node.patient_from_voxel, [i, j, k]), from_mm);
        if (Math.abs(dot(from, normal)) > half) continue;
        const part = length2 > 0 ? Math.min(1, Math.max(0, dot(from, way) / length2)) : 0;
        const flat = minus(from, [part * way[0], part * way[1], part * way[2]]);
        const off = dot(flat, normal);
        if (dot(flat, flat) - off * off <= radius_mm * radius_mm) visit(i, j, k);
      }
    }
  }
}

/** Runs along i, each its first voxel and how many; a run ends at the end of its row. */
export function runsOf(labels: Uint8Array, ni: number): [number, number][] {
  const runs: [number, number][] = [];
  let start = -1;
  for (let at = 0; at < labels.length; at += 1) {
    const row = at % ni === 0;
    if (start >= 0 && (labels[at] === 0 || row)) {
      runs.push([start, at - start]);
      start = -1;
    }
    if (start < 0 && labels[at] !== 0) start = at;
  }
  if (start >= 0) runs.push([start, labels.length - start]);
  return runs;
}

export function fillRuns(labels: Uint8Array, runs: readonly (readonly [number, number])[]): void {
  labels.fill(0);
  for (const [first, count] of runs) labels.fill(1, first, first + count);
}

export function paintedVoxels(runs: readonly (readonly [number, number])[]): number {
  return runs.reduce((sum, [, count]) => sum + count, 0);
}

export const voxel_ml = (node: VolumeNode): number => node.spacing_mm.reduce((a, b) => a * b, 1) / 1000;

/** Mean over voxels whose middles lie in a disc of the cut; null where there is none. */
export function meanInDisc(value: (i: number, j: number, k: number) => number | null, node: VolumeNode, cut: Cut, centre_mm: Vec3, radius_mm: number): number | null {
  let sum = 0;
  let count = 0;
  inDisc(node, cut, centre_mm, centre_mm, radius_mm, (i, j, k) => {
    const sample = value(i, j, k);
    if (sample === null) return;
    sum += sample;
    count += 1;
  });
  return count > 0 ? sum / count : null;
}

/** The box of voxels that two places span in the plane of a cut, as deep as `before` was, else as deep as it is wide. */
export function boxOf(node: VolumeNode, cut: Cut, from_mm: Vec3, to_mm: Vec3, before: { readonly low: readonly number[]; readonly high: readonly number[] } | null): { low: [number, number, number]; high: [number, number, number] } {
  const voxelFromPatient = inverse(node.patient_from_voxel);
  const [a, b] = [apply(voxelFromPatient, from_mm), apply(voxelFromPatient, to_mm)];
  const normal = apply(voxelFromPatient, normalOf(cut)).map((value, axis) => value - apply(voxelFromPatient, [0, 0, 0])[axis]!);
  const deep = normal.reduce((best, value, axis) => (Math.abs(value) > Math.abs(normal[best]!) ? axis : best), 0);
  const [low, high] = [[0, 0, 0], [0, 0, 0]] as [number[], number[]];
  const held = (value: number, axis: number): number => Math.min(node.shape[axis]! - 1, Math.max(0, value));
  for (const axis of [0, 1, 2]) {
    low[axis] = held(Math.ceil(Math.min(a[axis]!, b[axis]!) - 0.5), axis);
    high[axis] = held(Math.floor(Math.max(a[axis]!, b[axis]!) + 0.5), axis);
  }
  const wide_mm = Math.min(...[0, 1, 2].filter((axis) => axis !== deep).map((axis) => (high[axis]! - low[axis]!) * node.spacing_mm[axis]!));
  const half = wide_mm / 2 / node.spacing_mm[deep]!;
  low[deep] = before ? before.low[deep]! : held(Math.round(a[deep]! - half), deep);
  high[deep] = before ? before.high[deep]! : held(Math.round(a[deep]! + half), deep);
  return { low: low as [number, number, number], high: high as [number, number, number] };
}
