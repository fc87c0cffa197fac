// Moving the anatomy: one hand holds and turns it, two hands also scale it. The maths is pure; `Grab` keeps who holds.

import * as THREE from "three";

/** Where the anatomy stands: rigid motion and one scale. World metres. */
export interface Placement {
  readonly position: THREE.Vector3;
  readonly quaternion: THREE.Quaternion;
  readonly scale: number;
}

/** Largest useful range: a skull held between the fingers, a nodule as large as a chair. */
export const SCALE_LIMITS = { least: 0.2, most: 8 } as const;
/** Within this factor of true size the scale rests at exactly 1. */
export const TRUE_SIZE_DETENT = 1.04;
/** Thumbstick fully pushed: metres and radians a second. */
const PUSH_M_PER_S = 0.6;
const TURN_PER_S = 1.2;
/** A held thing is not pulled through the hand. */
const NEAREST_M = 0.05;

export function copyPlacement(from: Placement): Placement {
  return { position: from.position.clone(), quaternion: from.quaternion.clone(), scale: from.scale };
}

/** Inside the limits, and resting at true size when close to it. */
export function restingScale(scale: number): number {
  if (Math.abs(Math.log(scale)) < Math.log(TRUE_SIZE_DETENT)) return 1;
  return Math.min(SCALE_LIMITS.most, Math.max(SCALE_LIMITS.least, scale));
}

/** The placement that keeps still in a hand that went from pose `from` to pose `to`. */
export function heldByOne(start: Placement, from: THREE.Matrix4, to: THREE.Matrix4): Placement {
  const turn = rotationOf(to).multiply(rotationOf(from).invert());
  const arm = start.position.clone().sub(positionOf(from)).applyQuaternion(turn);
  return { position: positionOf(to).add(arm), quaternion: turn.multiply(start.quaternion), scale: start.scale };
}

/**
 * The placement held between two hands: the line between them carries it along, turns it and scales it; turning both
 * hands about that line rolls it. `from` and `to` are the hands' poses at the start and now.
 */
export function heldByTwo(
  start: Placement,
  from: readonly [THREE.Matrix4, THREE.Matrix4],
  to: readonly [THREE.Matrix4, THREE.Matrix4],
): Placement {
  const lineBefore = positionOf(from[1]).sub(positionOf(from[0]));
  const line = positionOf(to[1]).sub(positionOf(to[0]));
  const stretch = line.length() / Math.max(lineBefore.length(), 1e-3);
  const scale = restingScale(start.scale * stretch);
  const axis = line.clone().normalize();
  const swing = new THREE.Quaternion().setFromUnitVectors(lineBefore.clone().normalize(), axis);
  const roll = (twistAbout(axis, from[0], to[0], swing) + twistAbout(axis, from[1], to[1], swing)) / 2;
  const turn = new THREE.Quaternion().setFromAxisAngle(axis, roll).multiply(swing);
  const middleBefore = positionOf(from[0]).addScaledVector(lineBefore, 0.5);
  const middle = positionOf(to[0]).addScaledVector(line, 0.5);
  const arm = start.position.clone().sub(middleBefore).multiplyScalar(scale / start.scale).applyQuaternion(turn);
  return { position: middle.add(arm), quaternion: turn.multiply(start.quaternion), scale };
}

/** Thumbstick on the holding hand: pushed away or pulled near along its ray, turned about the upright. */
export function steered(held: Placement, ray: THREE.Ray, stick: THREE.Vector2, dt_s: number): Placement {
  const along = held.position.clone().sub(ray.origin).dot(ray.direction);
  const push = Math.max(-stick.y * PUSH_M_PER_S * dt_s, NEAREST_M - along);
  const turn = new THREE.Quaternion().setFromAxisAngle(UP, stick.x * TURN_PER_S * dt_s);
  return {
    position: held.position.clone().addScaledVector(ray.direction, stick.y === 0 ? 0 : push),
    quaternion: turn.multiply(held.quaternion),
    scale: held.scale,
  };
}

/** The scale changed about a fixed point: what is at `centre` stays there. */
export function scaledAbout(held: Placement, centre: THREE.Vector3, scale: number): Placement {
  const position = held.position.clone().sub(centre).multiplyScalar(scale / held.scale).add(centre);
  return { position, quaternion: held.quaternion.clone(), scale };
}

const UP = new THREE.Vector3(0, 1, 0);

function positionOf(pose: THREE.Matrix4): THREE.Vector3 {
  return new THREE.Vector3().setFromMatrixPosition(pose);
}

function rotationOf(pose: THREE.Matrix4): THREE.Quaternion {
  return new THREE.Quaternion().setFromRotationMatrix(pose);
}

/** Angle by which a hand turned about `axis`, beyond the swing of the line between the hands. */
function twistAbout(axis: THREE.Vector3, from: THREE.Matrix4, to: THREE.Matrix4, swing: THREE.Quaternion): number {
  const rest = rotationOf(to).multiply(rotationOf(from).invert()).multiply(swing.clone().invert());
  const angle = 2 * Math.atan2(rest.x * axis.x + rest.y * axis.y + rest.z * axis.z, rest.w);
  return Math.atan2(Math.sin(angle), Math.cos(angle));
}

/** One hand on the anatomy. */
export interface Hold {
  readonly hold: THREE.Matrix4;
  readonly ray: THREE.Ray;
  readonly stick: THREE.Vector2;
}

/** Who holds the anatomy, and where it goes from there. */
export class Grab<H extends Hold> {
  #hands: { hand: H; from: THREE.Matrix4 }[] = [];
  #start: Placement | null = null;

  get count(): number {
    return this.#hands.length;
  }

  holds(hand: H): boolean {
    return this.#hands.some((each) => each.hand === hand);
  }

  /** A hand takes hold; a third one is not needed. Returns whether it holds now. */
  take(hand: H, placement: Placement): boolean {
    if (this.#hands.length === 2 || this.holds(hand)) return this.holds(hand);
    this.#restart([...this.#hands.map((each) => each.hand), hand], placement);
    return true;
  }

  letGo(hand: H, placement: Placement): void {
    if (!this.holds(hand)) return;
    this.#restart(this.#hands.map((each) => each.hand).filter((each) => each !== hand), placement);
  }

  /** The placement for this frame; null when nobody holds. */
  move(dt_s: number): Placement | null {
    const [first, second] = this.#hands;
    if (first === undefined || this.#start === null) return null;
    if (second !== undefined) {
      return heldByTwo(this.#start, [first.from, second.from], [first.hand.hold, second.hand.hold]);
    }
    const held = heldByOne(this.#start, first.from, first.hand.hold);
    if (first.hand.stick.lengthSq() === 0) return held;
    const next = steered(held, first.hand.ray, first.hand.stick, dt_s);
    this.#restart([first.hand], next);
    return next;
  }

  #restart(hands: readonly H[], placement: Placement): void {
    this.#hands = hands.map((hand) => ({ hand, from: hand.hold.clone() }));
    this.#start = hands.length > 0 ? copyPlacement(placement) : null;
  }
}
