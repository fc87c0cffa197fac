import assert from "node:assert/strict";
import { describe, it } from "node:test";

import * as THREE from "three";

import { Button } from "../src/xr/button";
import { crossSection } from "../src/xr/hand_slice";
import { scaleText } from "../src/xr/scale_text";
import { centreOf, facingTurn, gazeOf, Glide, START_AHEAD_M, startPlacement } from "../src/xr/placement";

const CHEST = new THREE.Box3(new THREE.Vector3(-0.18, -0.16, -0.12), new THREE.Vector3(0.18, 0.16, 0.12));

function head(x: number, y: number, z: number, yaw: number, pitch = 0): THREE.Matrix4 {
  const turn = new THREE.Quaternion().setFromEuler(new THREE.Euler(pitch, yaw, 0, "YXZ"));
  return new THREE.Matrix4().compose(new THREE.Vector3(x, y, z), turn, new THREE.Vector3(1, 1, 1));
}

describe("the start", () => {
  it("puts the middle of the anatomy 0.9 m ahead, a little below the eyes, at true size, its front to the person", () => {
    const gaze = gazeOf(head(0.4, 1.2, -0.3, Math.PI / 2, -0.2));
    const placed = startPlacement(gaze, CHEST, 1);
    const centre = centreOf(placed, CHEST);
    assert.ok(Math.abs(centre.x - (0.4 - START_AHEAD_M)) < 1e-9 && Math.abs(centre.z + 0.3) < 1e-9);
    assert.ok(centre.y < 1.2 && centre.y > 0.9);
    const anterior = new THREE.Vector3(0, 0, 1).applyQuaternion(placed.quaternion);
    assert.ok(anterior.distanceTo(new THREE.Vector3(1, 0, 0)) < 1e-9);
    assert.equal(placed.scale, 1);
  });

  it("leaves air before deep anatomy and keeps long anatomy off the floor", () => {
    const body = new THREE.Box3(new THREE.Vector3(-0.3, -0.9, -0.6), new THREE.Vector3(0.3, 0.9, 0.6));
    const centre = centreOf(startPlacement(gazeOf(head(0, 1.6, 0, 0)), body, 1), body);
    assert.ok(-centre.z - 0.6 >= 0.5 - 1e-9);
    assert.ok(centre.y - 0.9 >= 0);
  });

  it("knows ahead even when the person looks at the floor or the ceiling", () => {
    for (const pitch of [-Math.PI / 2, Math.PI / 2]) {
      assert.ok(gazeOf(head(0, 1.6, 0, 0, pitch)).ahead.distanceTo(new THREE.Vector3(0, 0, -1)) < 1e-6);
    }
  });
});

describe("turning a side to the eyes", () => {
  const cases = { front: [0, 0, 1], back: [0, 0, -1], left: [1, 0, 0], right: [-1, 0, 0], head: [0, 1, 0], feet: [0, -1, 0] } as const;
  for (const [side, axis] of Object.entries(cases)) {
    it(`shows the ${side}`, () => {
      const ahead = new THREE.Vector3(0.6, 0, -0.8);
      const turn = facingTurn(side as keyof typeof cases, ahead);
      const shown = new THREE.Vector3(...axis).applyQuaternion(turn);
      assert.ok(shown.distanceTo(ahead.clone().negate()) < 1e-9);
      assert.ok(Math.abs(turn.length() - 1) < 1e-9);
    });
  }
});

describe("a glide", () => {
  it("begins where the thing is and ends exactly where it goes", () => {
    const from = { position: new THREE.Vector3(1, 1, 1), quaternion: new THREE.Quaternion(), scale: 4 };
    const to = { position: new THREE.Vector3(), quaternion: new THREE.Quaternion(0, 1, 0, 0), scale: 1 };
    const glide = new Glide(from, to, 10);
    assert.ok(glide.at(10).position.distanceTo(from.position) < 1e-9);
    assert.ok(Math.abs(glide.at(10).scale - 4) < 1e-9);
    assert.equal(glide.at(11), to);
  });
});

describe("a slice through the volume", () => {
  const box = new THREE.Matrix4().makeScale(0.3, 0.2, 0.4);

  it("is the rectangle of the box where the plane lies along its faces", () => {
    const section = crossSection(new THREE.Plane(new THREE.Vector3(0, 0, 1), -0.1), box);
    assert.equal(section.length, 4);
    const around = section.reduce((sum, point, i) => sum + point.distanceTo(section[(i + 1) % 4]!), 0);
    assert.ok(Math.abs(around - 1) < 1e-9);
  });

  it("has six corners across the diagonal, in order round the middle", () => {
    const normal = new THREE.Vector3(1 / 0.3, 1 / 0.2, 1 / 0.4);
    const plane = new THREE.Plane().setFromNormalAndCoplanarPoint(normal.normalize(), new THREE.Vector3(0.15, 0.1, 0.2));
    const section = crossSection(plane, box);
    assert.equal(section.length, 6);
    const middle = new THREE.Vector3(0.15, 0.1, 0.2);
    section.forEach((point, i) => {
      const cross = point.clone().sub(middle).cross(section[(i + 1) % 6]!.clone().sub(middle));
      assert.ok(cross.dot(plane.normal) > 0);
    });
  });

  it("is nothing where the plane misses", () => {
    assert.deepEqual(crossSection(new THREE.Plane(new THREE.Vector3(0, 1, 0), -5), box), []);
  });
});

describe("numbers", () => {
  it("labels true size as 1:1 and nothing else so", () => {
    assert.deepEqual([1, 2.44, 0.5].map(scaleText), ["1:1", "2.4×", "0.50×"]);
  });
});

describe("a button", () => {
  it("loses neither edge of a press that begins and ends within one frame", () => {
    const button = new Button();
    button.set(true);
    button.set(false);
    button.step();
    assert.deepEqual([button.pressed, button.released, button.held], [true, true, false]);
    button.step();
    assert.deepEqual([button.pressed, button.released, button.held], [false, false, false]);
  });

  it("counts a repeated event once", () => {
    const button = new Button();
    button.set(true);
    button.step();
    button.set(true);
    button.step();
    assert.deepEqual([button.pressed, button.held], [false, true]);
  });
});
