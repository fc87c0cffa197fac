// Blocks of cells, by which edits are told: a later patch takes the place of its blocks in earlier ones. Pure.

import type { SurfacePatch } from "../wire/messages";

/** Cells along the edge of a block (`engine.mesh.bricks`). */
export const BLOCK_CELLS = 8;

export type Block = readonly [number, number, number];

/** One number for a block: no volume has 8000 voxels along an axis. */
export const blockKey = ([i, j, k]: Block): number => (k << 22) | (j << 11) | i;

/** Which blocks of each patch show: those that no later patch has. In the order of `patches`. */
export function shownBlocks(patches: readonly SurfacePatch[]): readonly (readonly boolean[])[] {
  const covered = new Set<number>();
  const shown: (readonly boolean[])[] = [];
  for (const { blocks } of [...patches].reverse()) {
    shown.unshift(blocks.map((block) => !covered.has(blockKey(block))));
    for (const block of blocks) covered.add(blockKey(block));
  }
  return shown;
}

/** Patches of which any block shows. */
export function seenPatches(patches: readonly SurfacePatch[]): SurfacePatch[] {
  const shown = shownBlocks(patches);
  return patches.filter((_, n) => shown[n]!.some(Boolean));
}
