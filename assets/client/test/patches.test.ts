import assert from "node:assert/strict";
import { describe, it } from "node:test";

import * as THREE from "three";

import { brickAt, BRICK_CELLS, withoutBricks } from "../src/three/patches";
import { putBox, reducedBox } from "../src/volume/loader";

describe("bricks", () => {
  it("own the quads between voxels as the server divides them", () => {
    // Cell n lies between voxels n - 1 and n; the quads of cell 64 stand between 62.5 and 63.5.
    const at = (x: number) => brickAt(new THREE.Vector3(x, 0, 0))[0];
    assert.deepEqual([0, 62.4, 62.6, 63.4, 126.4, 126.6].map(at), [0, 0, 1, 1, 1, 2]);
    assert.equal(BRICK_CELLS, 64);
  });

  it("take from a whole surface the triangles that lie in them, and leave those that cross their border", () => {
    const positions = new THREE.Float32BufferAttribute([0, 0, 0, 10, 0, 0, 0, 10, 0, 100, 0, 0, 110, 0, 0, 100, 10, 0], 3);
    const inside = [0, 1, 2];
    const crossing = [1, 3, 2];
    const outside = [3, 4, 5];
    const left = withoutBricks([...inside, ...crossing, ...outside], positions, new THREE.Matrix4(), new Set(["0,0,0"]));
    assert.deepEqual([...left], [...crossing, ...outside]);
    assert.deepEqual([...withoutBricks([...inside, ...crossing], positions, new THREE.Matrix4(), new Set(["0,0,0", "1,0,0"]))], []);
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
