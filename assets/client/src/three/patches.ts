// Surfaces after an edit: each brick shows its patch, and the whole surface leaves out what stood there. Pure geometry.

import * as THREE from "three";

/** Cells along the edge of a brick (`engine.mesh.bricks`). */
export const BRICK_CELLS = 64;

export type Brick = readonly [number, number, number];

export const brickKey = (brick: Brick): string => brick.join();

/** The brick that owns a place in voxel indices: cell n lies between voxels n - 1 and n, a quad belongs to its highest. */
export function brickAt(voxel: THREE.Vector3): Brick {
  return [voxel.x, voxel.y, voxel.z].map((v) => Math.floor(Math.ceil(v + 0.5) / BRICK_CELLS)) as unknown as Brick;
}

/**
 * The triangles of `index` that do not lie in `bricks` with all three corners. Those that cross a border stay: they
 * overlap the patch by no more than the level's error, where leaving them out would leave a hole.
 */
export function withoutBricks(index: ArrayLike<number>, positions: THREE.BufferAttribute | THREE.InterleavedBufferAttribute, voxelFromLocal: THREE.Matrix4, bricks: ReadonlySet<string>): Uint32Array {
  const isIn = new Uint8Array(positions.count); // 0 not asked yet, 1 outside, 2 inside
  const place = new THREE.Vector3();
  const inside = (vertex: number): boolean => {
    if (isIn[vertex] === 0) {
      place.fromBufferAttribute(positions, vertex).applyMatrix4(voxelFromLocal);
      isIn[vertex] = bricks.has(brickKey(brickAt(place))) ? 2 : 1;
    }
    return isIn[vertex] === 2;
  };
  const kept = new Uint32Array(index.length);
  let count = 0;
  for (let n = 0; n < index.length; n += 3) {
    const [a, b, c] = [index[n]!, index[n + 1]!, index[n + 2]!];
    if (inside(a) && inside(b) && inside(c)) continue;
    kept[count] = a;
    kept[count + 1] = b;
    kept[count + 2] = c;
    count += 3;
  }
  return kept.slice(0, count);
}
