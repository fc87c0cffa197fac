import assert from "node:assert/strict";
import { describe, it } from "node:test";

import type { Vec3 } from "../src/model/affine";
import { progress, touched, UNTOUCHED, type Touch } from "../src/model/touching";

const along = (places: readonly (readonly [at: Vec3, at_s: number])[]): Touch => places.reduce<Touch>((touch, [at, at_s]) => touched(touch, at, at_s), UNTOUCHED);
/** At rest at `x` from `from_s` on, 30 times a second for `for_s`. */
const rest = (x: number, from_s: number, for_s: number): (readonly [Vec3, number])[] => Array.from({ length: Math.round(30 * for_s) + 1 }, (_, n) => [[x, 0, 0], from_s + n / 30]);

describe("touching a landmark", () => {
  it("is done after a second at rest, with at least eight places", () => {
    const touch = along(rest(100, 0.5, 1));
    assert.equal(progress(touch, 1.5), 1);
    assert.ok(touch.points_mm.length >= 8);
  });
  it("begins anew where the tip slips", () => {
    const touch = along([...rest(100, 0.5, 0.9), ...rest(106, 1.5, 0.5)]);
    assert.ok(progress(touch, 2) < 0.6);
    assert.ok(touch.points_mm.every(([x]) => x === 106));
  });
  it("is not done by few places, however long they took", () => assert.ok(progress(along([1, 2, 3, 4].map((s) => [[100, 0, 0], s] as const)), 9) < 1));
  it("has not begun before a place was seen", () => assert.equal(progress(UNTOUCHED, 99), 0));
});
