import assert from "node:assert/strict";
import { describe, it } from "node:test";

import * as THREE from "three";

import { Grab, heldByOne, heldByTwo, restingScale, SCALE_LIMITS, scaledAbout, steered, type Placement } from "../src/xr/grab";

function pose(x: number, y: number, z: number, turn = new THREE.Quaternion()): THREE.Matrix4 {
  return new THREE.Matrix4().compose(new THREE.Vector3(x, y, z), turn, new THREE.Vector3(1, 1, 1));
}

function about(x: number, y: number, z: number, angle: number): THREE.Quaternion {
  return new THREE.Quaternion().setFromAxisAngle(new THREE.Vector3(x, y, z).normalize(), angle);
}

function world({ position, quaternion, scale }: Placement): THREE.Matrix4 {
  return new THREE.Matrix4().compose(position, quaternion, new THREE.Vector3().setScalar(scale));
}

function close(a: THREE.Vector3, b: THREE.Vector3, tolerance = 1e-9): void {
  assert.ok(a.distanceTo(b) < tolerance, `${a.toArray().join()} is not ${b.toArray().join()}`);
}

const start: Placement = { position: new THREE.Vector3(0.1, 1.4, -0.9), quaternion: about(1, 2, 3, 0.7), scale: 1.3 };

describe("one hand", () => {
  it("keeps every point of the anatomy where it is in the hand", () => {
    const from = pose(0.2, 1.2, -0.3, about(0, 1, 0, 0.2));
    const to = pose(-0.1, 1.5, -0.2, about(1, 0, 1, 1.1));
    const before = world(start);
    const after = world(heldByOne(start, from, to));
    for (const point of [new THREE.Vector3(), new THREE.Vector3(0.1, -0.2, 0.3)]) {
      const inHand = point.clone().applyMatrix4(before).applyMatrix4(from.clone().invert());
      close(point.clone().applyMatrix4(after), inHand.applyMatrix4(to), 1e-6);
    }
  });

  it("changes no size", () => {
    assert.equal(heldByOne(start, pose(0, 0, 0), pose(1, 2, 3, about(0, 0, 1, 2))).scale, start.scale);
  });

  it("pushes along its ray with the thumbstick, never through the hand", () => {
    const ray = new THREE.Ray(new THREE.Vector3(0.1, 1.4, 0), new THREE.Vector3(0, 0, -1));
    const away = steered(start, ray, new THREE.Vector2(0, -1), 0.1);
    assert.ok(away.position.z < start.position.z);
    const near = steered(start, ray, new THREE.Vector2(0, 1), 100);
    assert.ok(near.position.z < 0 && near.position.z > -0.1);
  });
});

describe("two hands", () => {
  const from = [pose(-0.2, 1.3, -0.4), pose(0.2, 1.3, -0.4)] as const;

  it("scales by the change of their distance and keeps what they hold between them", () => {
    const to = [pose(-0.3, 1.3, -0.4), pose(0.3, 1.3, -0.4)] as const;
    const after = heldByTwo(start, from, to);
    assert.ok(Math.abs(after.scale / start.scale - 1.5) < 1e-9);
    const middle = new THREE.Vector3(0, 1.3, -0.4);
    const held = middle.clone().applyMatrix4(world(start).invert());
    close(held.applyMatrix4(world(after)), middle);
  });

  it("turns with the line between them", () => {
    const quarter = about(0, 1, 0, Math.PI / 2);
    const to = from.map((hand) => new THREE.Matrix4().makeRotationFromQuaternion(quarter).multiply(hand)) as unknown as typeof from;
    const after = heldByTwo(start, from, to);
    assert.ok(after.quaternion.angleTo(quarter.clone().multiply(start.quaternion)) < 1e-6);
  });

  it("rolls when both turn about the line between them", () => {
    const roll = about(1, 0, 0, 0.5);
    const to = [pose(-0.2, 1.3, -0.4, roll), pose(0.2, 1.3, -0.4, roll)] as const;
    assert.ok(heldByTwo(start, from, to).quaternion.angleTo(roll.clone().multiply(start.quaternion)) < 1e-6);
  });

  it("stays inside the limits and rests at true size", () => {
    const wide = [pose(-9, 1.3, -0.4), pose(9, 1.3, -0.4)] as const;
    const narrow = [pose(-1e-4, 1.3, -0.4), pose(1e-4, 1.3, -0.4)] as const;
    assert.equal(heldByTwo(start, from, wide).scale, SCALE_LIMITS.most);
    assert.equal(heldByTwo(start, from, narrow).scale, SCALE_LIMITS.least);
    assert.equal(restingScale(1.03), 1);
    assert.equal(restingScale(0.97), 1);
    assert.equal(restingScale(1.1), 1.1);
  });
});

describe("who holds", () => {
  const hand = (x: number): { hold: THREE.Matrix4; ray: THREE.Ray; stick: THREE.Vector2 } => ({
    hold: pose(x, 1.3, -0.4),
    ray: new THREE.Ray(),
    stick: new THREE.Vector2(),
  });

  it("moves nothing at the moment a second hand comes or goes", () => {
    const grab = new Grab<ReturnType<typeof hand>>();
    const [left, right] = [hand(-0.2), hand(0.2)];
    grab.take(left, start);
    left.hold.copy(pose(-0.1, 1.4, -0.3, about(0, 1, 1, 0.4)));
    const carried = grab.move(0.01)!;
    grab.take(right, carried);
    close(grab.move(0.01)!.position, carried.position, 1e-6);
    right.hold.copy(pose(0.5, 1.2, -0.4));
    const stretched = grab.move(0.01)!;
    grab.letGo(left, stretched);
    close(grab.move(0.01)!.position, stretched.position, 1e-6);
    grab.letGo(right, stretched);
    assert.equal(grab.move(0.01), null);
  });

  it("leaves a third hand out", () => {
    const grab = new Grab<ReturnType<typeof hand>>();
    assert.deepEqual([hand(0), hand(1), hand(2)].map((each) => grab.take(each, start)), [true, true, false]);
  });
});

describe("scaling about a point", () => {
  it("leaves that point where it is", () => {
    const centre = new THREE.Vector3(0.3, 1.1, -0.7);
    const held = centre.clone().applyMatrix4(world(start).invert());
    close(held.applyMatrix4(world(scaledAbout(start, centre, 1))), centre);
  });
});
