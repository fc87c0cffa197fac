import assert from "node:assert/strict";
import { describe, it } from "node:test";

import cases from "../../../tests/guidance/trajectory/alignment_cases.json";
import type { Vec3 } from "../src/model/affine";
import { align, basisOf } from "../src/model/alignment";
import { cross, dot, turned } from "../src/model/poses";

const near = (a: number | null, b: number): void => assert.ok(a !== null && Math.abs(a - b) < 1e-9, `${String(a)} is not ${b}`);
/** From the front of the head to its middle: posterior is +y. */
const WAY = { entry_mm: [0, -50, 0], target_mm: [0, 0, 0] } as const;

describe("a tool against a planned way", () => {
  it("on the way has no offset and no angle, and is as far as it is", () => {
    const found = align(WAY, [0, -20, 0], [0, 1, 0])!;
    near(found.lateral_mm, 0);
    near(found.angle_deg, 0);
    near(found.toTarget_mm, 20);
    near(found.length_mm, 50);
  });
  it("beyond the target is told by a negative way left", () => near(align(WAY, [0, 5, 0], null)!.toTarget_mm, -5));
  it("towards the head is up, and towards the left hand of one who looks backwards is right", () => {
    // Looking along +y (posterior) with the head up, the patient's right (-x) is at the right hand.
    const found = align(WAY, [-3, -20, 4], [0, 1, 0])!;
    near(found.right_mm, dot([-3, 0, 4], cross([0, 1, 0], [0, 0, 1])));
    near(found.up_mm, 4);
    near(found.lateral_mm, 5);
  });
  it("tilts by the angle that it is turned by", () => {
    const half = Math.PI / 36; // 10 degrees about x
    const ahead = turned([Math.cos(half), Math.sin(half), 0, 0], [0, 1, 0]);
    near(align(WAY, [0, 0, 0], ahead)!.angle_deg, 10);
    near(align(WAY, [0, 0, 0], ahead)!.tiltUp_deg, 10);
    near(align(WAY, [0, 0, 0], ahead)!.tiltRight_deg, 0);
  });
  it("has a basis at every direction, right-handed and square", () => {
    for (let n = 0; n < 100; n += 1) {
      const [a, b] = [n * 0.7, n * 1.3];
      const direction = [Math.cos(a) * Math.cos(b), Math.sin(a) * Math.cos(b), Math.sin(b)] as const;
      const { right, up } = basisOf(direction);
      for (const [x, y, want] of [[right, right, 1], [up, up, 1], [right, up, 0], [right, direction, 0], [up, direction, 0]] as const) near(dot(x, y), want);
      near(dot(cross(direction, up), right), 1);
    }
  });
  it("that leads nowhere has none", () => assert.equal(align({ entry_mm: [1, 1, 1], target_mm: [1, 1, 1] }, [0, 0, 0], null), null));
});

interface Case {
  readonly name: string;
  readonly tip_mm: number[];
  readonly axis: number[] | null;
  readonly entry_mm: number[];
  readonly target_mm: number[];
  readonly offset_mm: number[];
  readonly angle_deg: number | null;
  readonly depth_mm: number;
}

const triple = ([x, y, z]: number[]): Vec3 => [x!, y!, z!];
const close = (a: number, b: number): void => assert.ok(Math.abs(a - b) < 1e-3, `${a} is not ${b}`);

describe("the cases that the server is held to as well", () => {
  for (const one of cases as Case[]) {
    it(one.name, () => {
      const way = { entry_mm: triple(one.entry_mm), target_mm: triple(one.target_mm) };
      const found = align(way, triple(one.tip_mm), one.axis === null ? null : triple(one.axis))!;
      close(found.right_mm, one.offset_mm[0]!);
      close(found.up_mm, one.offset_mm[1]!);
      close(found.length_mm - found.toTarget_mm, one.depth_mm);
      if (one.angle_deg === null) assert.equal(found.angle_deg, null);
      else close(found.angle_deg!, one.angle_deg);
    });
  }
});
