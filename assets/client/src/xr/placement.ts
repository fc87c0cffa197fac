// Where the anatomy is put: at the start, turned to a side, and on its way there. World metres, pure.

import * as THREE from "three";

import type { Placement } from "./grab";
import type { Facing } from "./panel_pages";

/** The middle of the anatomy at the start: this far ahead and this far below the eyes, whether one sits or stands. */
export const START_AHEAD_M = 0.9;
export const START_BELOW_EYES_M = 0.16;
/** Deep anatomy is put farther away, so that this much air stays before it. */
const LEAST_AIR_M = 0.5;
/** Long anatomy is lifted off the floor. */
const ABOVE_FLOOR_M = 0.05;
const GLIDE_S = 0.3;

const UP = new THREE.Vector3(0, 1, 0);

/** Eyes and horizontal direction of sight. */
export interface Gaze {
  readonly eyes: THREE.Vector3;
  readonly ahead: THREE.Vector3;
}

export function gazeOf(head: THREE.Matrix4): Gaze {
  const ahead = new THREE.Vector3(0, 0, -1).transformDirection(head);
  // Looking straight down or up: the top of the head, or the chin, points ahead.
  if (Math.hypot(ahead.x, ahead.z) < 0.2) ahead.set(0, ahead.y < 0 ? 1 : -1, 0).transformDirection(head);
  return { eyes: new THREE.Vector3().setFromMatrixPosition(head), ahead: ahead.setY(0).normalize() };
}

/** Patient's own axes of each side (headset axes: x left, y superior, z anterior), and what is up when seen from it. */
const SIDES: Record<Facing, readonly [towardsEyes: THREE.Vector3, up: THREE.Vector3]> = {
  front: [new THREE.Vector3(0, 0, 1), UP],
  back: [new THREE.Vector3(0, 0, -1), UP],
  left: [new THREE.Vector3(1, 0, 0), UP],
  right: [new THREE.Vector3(-1, 0, 0), UP],
  head: [UP, new THREE.Vector3(0, 0, 1)],
  feet: [new THREE.Vector3(0, -1, 0), new THREE.Vector3(0, 0, 1)],
};

/** Rotation that turns one side of the anatomy to eyes that look along `ahead` (horizontal). */
export function facingTurn(side: Facing, ahead: THREE.Vector3): THREE.Quaternion {
  const [towards, up] = SIDES[side];
  const patientBasis = new THREE.Matrix4().makeBasis(new THREE.Vector3().crossVectors(up, towards), up, towards);
  const back = ahead.clone().negate();
  const worldBasis = new THREE.Matrix4().makeBasis(new THREE.Vector3().crossVectors(UP, back), UP, back);
  return new THREE.Quaternion().setFromRotationMatrix(worldBasis.multiply(patientBasis.transpose()));
}

/** Before the eyes, the patient's front towards them; `bounds` is the anatomy in its own metres. */
export function startPlacement(gaze: Gaze, bounds: THREE.Box3, scale: number): Placement {
  const size = bounds.getSize(new THREE.Vector3()).multiplyScalar(scale);
  const away_m = Math.max(START_AHEAD_M, size.z / 2 + LEAST_AIR_M);
  const centre = gaze.eyes.clone().addScaledVector(gaze.ahead, away_m);
  centre.y = Math.max(gaze.eyes.y - START_BELOW_EYES_M, Math.min(gaze.eyes.y, size.y / 2 + ABOVE_FLOOR_M));
  return centredAt(centre, facingTurn("front", gaze.ahead), scale, bounds);
}

/** The placement that has the middle of `bounds` at `centre`. */
export function centredAt(centre: THREE.Vector3, quaternion: THREE.Quaternion, scale: number, bounds: THREE.Box3): Placement {
  const middle = bounds.getCenter(new THREE.Vector3()).multiplyScalar(scale).applyQuaternion(quaternion);
  return { position: centre.clone().sub(middle), quaternion: quaternion.clone(), scale };
}

/** World centre of `bounds` under a placement. */
export function centreOf(placement: Placement, bounds: THREE.Box3): THREE.Vector3 {
  const middle = bounds.getCenter(new THREE.Vector3()).multiplyScalar(placement.scale);
  return middle.applyQuaternion(placement.quaternion).add(placement.position);
}

/** A short, eased way from one placement to another: the thing moves, never the person. */
export class Glide {
  constructor(private readonly from: Placement, readonly to: Placement, private readonly start_s: number) {}

  /** The placement now; the goal once it is reached. */
  at(time_s: number): Placement {
    const passed = Math.min(1, (time_s - this.start_s) / GLIDE_S);
    if (passed >= 1) return this.to;
    const eased = passed * passed * (3 - 2 * passed);
    return {
      position: this.from.position.clone().lerp(this.to.position, eased),
      quaternion: this.from.quaternion.clone().slerp(this.to.quaternion, eased),
      scale: this.from.scale * (this.to.scale / this.from.scale) ** eased,
    };
  }
}
