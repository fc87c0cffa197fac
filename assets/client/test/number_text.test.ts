import assert from "node:assert/strict";
import { test } from "node:test";

import { justified, timeLeft, volumeError_ml, withError } from "../src/model/number_text";

test("a value shows no digit that its error does not carry", () => {
  assert.equal(withError(42.317, 0.42, "mm"), "42.3 ± 0.5 mm");
  assert.equal(withError(42.317, 3.2, "mm"), "42 ± 4 mm");
  assert.equal(withError(1234.5, 23, "ml"), "1,230 ± 30 ml");
  assert.equal(justified(3054, 260, "ml"), "3,100 ml");
});

test("an error that rounds up to the next power of ten takes a digit with it", () => {
  assert.equal(withError(3.05, 0.96, "ml"), "3 ± 1 ml");
});

test("an exact error is not rounded up further", () => {
  assert.equal(withError(10, 0.3, "mm"), "10.0 ± 0.3 mm");
});

test("the volume error is the surface moved by a voxel's standard uncertainty", () => {
  assert.ok(Math.abs(volumeError_ml(1000, [1, 1, 1]) - 1 / Math.sqrt(12)) < 1e-12);
  assert.equal(volumeError_ml(1000, undefined), 0);
});

test("time left is said in round words", () => {
  assert.equal(timeLeft(null), "estimating time left");
  assert.equal(timeLeft(1), "nearly done");
  assert.equal(timeLeft(42), "about 45 s left");
  assert.equal(timeLeft(200), "about 3 min left");
});
