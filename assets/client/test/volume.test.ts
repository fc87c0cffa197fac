import assert from "node:assert/strict";
import { test } from "node:test";

import * as THREE from "three";

import { chooseLods } from "../src/three/lod";
import { demoScene } from "../src/demo/phantom";
import { surfaces } from "../src/model/structures";
import { halfFromInteger } from "../src/volume/half";
import { reduceSlices } from "../src/volume/reduce";
import { fit } from "../src/volume/texture";

test("every int16 becomes the half float that three makes of it", () => {
  for (let value = -32768; value <= 32767; value += 1) {
    const ours = THREE.DataUtils.fromHalfFloat(halfFromInteger(value));
    const step = Math.max(1, 2 ** (Math.floor(Math.log2(Math.max(1, Math.abs(value)))) - 10));
    assert.ok(Math.abs(ours - value) <= step / 2, `${value} became ${ours}`);
  }
});

test("whole numbers up to 2048 are exact", () => {
  for (let value = -2048; value <= 2048; value += 1) assert.equal(THREE.DataUtils.fromHalfFloat(halfFromInteger(value)), value);
});

test("slabs reduced one by one are the volume reduced whole", () => {
  const shape: [number, number, number] = [7, 5, 11];
  const whole = Int16Array.from({ length: 7 * 5 * 11 }, (_, n) => n);
  const all = reduceSlices({ kStart: 0, kCount: 11, data: whole }, shape, 3);
  assert.equal(all.kCount, 4);
  const parts = [[0, 4], [4, 4], [8, 3]].map(([kStart, kCount]) =>
    reduceSlices({ kStart: kStart!, kCount: kCount!, data: whole.slice(kStart! * 35, (kStart! + kCount!) * 35) }, shape, 3),
  );
  assert.deepEqual(parts.flatMap((part) => [...part.data]), [...all.data]);
  for (const part of parts) if (part.kCount > 0) assert.ok(part.kStart < all.kCount);
});

test("a volume is reduced only as far as the device demands", () => {
  assert.equal(fit([512, 512, 275], 2048, 1e9).reduction, 1);
  assert.equal(fit([512, 512, 275], 2048, 200e6).reduction, 2);
  assert.equal(fit([4096, 16, 16], 2048, 1e9).reduction, 2);
});

test("the finest surface is asked for near, a coarser one far, and the budget is kept", () => {
  const nodes = surfaces(demoScene());
  assert.deepEqual(new Set(chooseLods(nodes, { pixelsPerMm: 2, bytes: 1e9 }).values()), new Set([0]));
  assert.deepEqual(new Set(chooseLods(nodes, { pixelsPerMm: 0.1, bytes: 1e9 }).values()), new Set([1]));
  assert.deepEqual(new Set(chooseLods(nodes, { pixelsPerMm: 2, bytes: 0 }).values()), new Set([1]));
});
