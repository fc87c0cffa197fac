import assert from "node:assert/strict";
import { describe, it } from "node:test";

import * as THREE from "three";

import { BLOCK_CELLS, shownBlocks } from "../src/model/blocks";
import { blockAt, BlockMask, shownIndex } from "../src/three/patches";
import { putBox, reducedBox } from "../src/volume/loader";

const patch = (...blocks: [number, number, number][]) => ({ blocks, counts: blocks.map((_, n) => n + 1), blob: "a", start: 0, bytes: 1, triangles: 1 });

describe("blocks", () => {
  it("own the quads between voxels as the server divides them", () => {
    // Cell n lies between voxels n - 1 and n; the quads of cell 8 stand between 6.5 and 7.5.
    const at = (x: number) => blockAt(new THREE.Vector3(x, 0, 0))[0];
    assert.deepEqual([0, 6.4, 6.6, 7.4, 14.4, 14.6].map(at), [0, 0, 1, 1, 1, 2]);
    assert.equal(BLOCK_CELLS, 8);
  });

  it("show of the latest patch that has them", () => {
    const shown = shownBlocks([patch([0, 0, 0], [1, 0, 0]), patch([1, 0, 0], [2, 0, 0]), patch([2, 0, 0])]);
    assert.deepEqual(shown, [[true, false], [true, false], [true]]);
  });

  it("leave of a patch the triangles of those that show", () => {
    const index = Uint16Array.from({ length: 18 }, (_, n) => n); // one triangle, two, three
    const { counts } = patch([0, 0, 0], [1, 0, 0], [2, 0, 0]);
    assert.equal(shownIndex(index, counts, [true, true, true]), index);
    assert.deepEqual([...shownIndex(index, counts, [true, false, true])], [0, 1, 2, 9, 10, 11, 12, 13, 14, 15, 16, 17]);
    assert.deepEqual([...shownIndex(index, counts, [false, false, false])], []);
  });

  it("are marked where patches stand, and nowhere else", () => {
    const mask = new BlockMask([20, 10, 10]); // three, two and two blocks
    mask.set([patch([2, 1, 0])]);
    assert.deepEqual([mask.has([2, 1, 0]), mask.has([0, 0, 0]), mask.isEmpty], [true, false, false]);
    assert.deepEqual([...(mask.texture.image.data as Uint8Array)].map((value, n) => (value ? n : -1)).filter((n) => n >= 0), [5]);
    mask.set([]);
    assert.ok(mask.isEmpty);
  });
});

describe("boxes of labels", () => {
  const shape = [5, 4, 6] as const;
  const low: [number, number, number] = [1, 2, 3];
  const size: [number, number, number] = [3, 2, 2];

  it("go where they belong, i fastest", () => {
    const labels = new Uint8Array(5 * 4 * 6);
    putBox(labels, shape, { low, shape: size }, Uint8Array.from({ length: 12 }, (_, n) => n + 1));
    const at = (i: number, j: number, k: number) => labels[(k * 4 + j) * 5 + i];
    assert.deepEqual([at(1, 2, 3), at(3, 2, 3), at(1, 3, 3), at(1, 2, 4), at(3, 3, 4), at(0, 2, 3), at(4, 3, 4)], [1, 3, 4, 7, 12, 0, 0]);
  });

  it("reach a reduced texture at the voxels that it shows", () => {
    const labels = Uint8Array.from({ length: 120 }, (_, n) => n);
    const whole = reducedBox(labels, shape, { low, shape: size }, 1)!;
    assert.deepEqual([whole.shape, whole.at], [size, low]);
    assert.equal(whole.data[0], (3 * 4 + 2) * 5 + 1);
    const half = reducedBox(labels, shape, { low, shape: size }, 2)!; // shows voxels 1, 3, 4 | 1, 3 | 1, 3, 5
    assert.deepEqual([half.shape, half.at], [[2, 1, 1], [0, 1, 1]]);
    assert.deepEqual([...half.data], [(3 * 4 + 3) * 5 + 1, (3 * 4 + 3) * 5 + 3]);
    assert.equal(reducedBox(labels, shape, { low: [0, 0, 0], shape: [1, 1, 1] }, 2), null);
  });
});
