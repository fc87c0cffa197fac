// Which level of detail each structure deserves: as fine as the screen can show and the memory can hold.

import type { SurfaceNode } from "../wire/messages";

/** GPU bytes a triangle costs: half a vertex of 12 quantised bytes and three 4-byte indices. */
export const BYTES_PER_TRIANGLE = 18;

export interface LodBudget {
  /** How many pixels one millimetre at the patient's centre covers. */
  readonly pixelsPerMm: number;
  /** Bytes that all surfaces together may take. */
  readonly bytes: number;
}

/** An error below this many pixels is hardly seen on shaded surfaces. */
const VISIBLE_ERROR_PX = 0.75;

/** Index into `lods` (0 is finest) of the coarsest level whose error cannot be seen. */
function wanted(node: SurfaceNode, pixelsPerMm: number): number {
  const index = node.lods.findLastIndex((lod) => lod.error_mm * pixelsPerMm <= VISIBLE_ERROR_PX);
  return Math.max(0, index);
}

/** Level for each node id, coarsened largest first until the budget holds. */
export function chooseLods(nodes: readonly SurfaceNode[], budget: LodBudget): Map<string, number> {
  const chosen = new Map(nodes.filter((n) => n.lods.length > 0).map((n) => [n.id, wanted(n, budget.pixelsPerMm)]));
  const cost = (node: SurfaceNode): number => (node.lods[chosen.get(node.id) ?? -1]?.triangles ?? 0) * BYTES_PER_TRIANGLE;
  for (;;) {
    const total = nodes.reduce((sum, node) => sum + cost(node), 0);
    if (total <= budget.bytes) return chosen;
    const coarser = nodes.filter((node) => (chosen.get(node.id) ?? Infinity) + 1 < node.lods.length);
    if (coarser.length === 0) return chosen;
    const largest = coarser.reduce((a, b) => (cost(b) > cost(a) ? b : a));
    chosen.set(largest.id, chosen.get(largest.id)! + 1);
  }
}
