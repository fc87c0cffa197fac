import assert from "node:assert/strict";
import { test } from "node:test";

import { apply, applyVector, compose, IDENTITY, inverse, type Affine } from "../src/model/affine";
import { sliceStep_mm } from "../src/model/anatomical";

const turned: Affine = [0, -2, 0, 5, 0.5, 0, 0.1, -3, 0, 0.2, 3, 7, 0, 0, 0, 1];

function close(a: readonly number[], b: readonly number[]): void {
  a.forEach((value, index) => assert.ok(Math.abs(value - b[index]!) < 1e-9, `${value} is not ${b[index]}`));
}

test("an affine after its inverse is the identity, both ways", () => {
  close(compose(turned, inverse(turned)), IDENTITY);
  close(compose(inverse(turned), turned), IDENTITY);
});

test("applying a product is applying one after the other", () => {
  const other: Affine = [1, 0.3, 0, 1, 0, 1, 0, 2, 0.1, 0, 1, 3, 0, 0, 0, 1];
  close(apply(compose(turned, other), [1, 2, 3]), apply(turned, apply(other, [1, 2, 3])));
});

test("vectors are not moved", () => {
  close(applyVector(turned, [0, 0, 0]), [0, 0, 0]);
});

test("a slice step is the spacing of the axis nearest to the plane's normal, however the grid leans", () => {
  // j leans towards k as under a tilted gantry: 0.5 mm pixels, 5 mm slices.
  const tilted: Affine = [0.5, 0, 0, 0, 0, 0.47, -1.7, 0, 0, 0.17, 4.7, 0, 0, 0, 0, 1];
  assert.ok(Math.abs(sliceStep_mm(tilted, "sagittal") - 0.5) < 1e-9);
  assert.ok(Math.abs(sliceStep_mm(tilted, "coronal") - 0.5) < 0.01);
  assert.ok(Math.abs(sliceStep_mm(tilted, "axial") - 5) < 0.01);
});

test("a map that flattens space has no inverse", () => {
  assert.throws(() => inverse([1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1]), RangeError);
});
