// The newest pose of each thing, and how fast it moved: kept outside the state, which changes less often. Pure.

import { apply, distance, type Vec3 } from "./affine";
import type { Pose } from "../wire/binary";
import type { Scene, TrackedNode } from "../wire/messages";

/** Speed is taken over at least this long: over one sample it would be the tracker's noise. */
const SPEED_OVER_S = 0.04;
const KEPT_S = 0.25;

export class Poses {
  private readonly newest = new Map<number, Pose>();
  private readonly past = new Map<number, Pose[]>();

  /** Takes a pose unless a newer one of its entity is known; a pose that says "lost" has the time of the last one. */
  take(pose: Pose): void {
    const known = this.newest.get(pose.entity);
    const isNewer = known === undefined || pose.time_s > known.time_s || (pose.time_s === known.time_s && !pose.isTracked);
    if (!isNewer) return;
    this.newest.set(pose.entity, pose);
    if (!pose.isTracked) return;
    const past = (this.past.get(pose.entity) ?? []).filter((each) => pose.time_s - each.time_s < KEPT_S && each.frame === pose.frame && each.epoch === pose.epoch);
    this.past.set(pose.entity, [...past, pose]);
  }

  of(entity: number): Pose | undefined {
    return this.newest.get(entity);
  }

  /** How fast it moved when it was last seen; 0 while that is not known. */
  speed_mm_s(entity: number): number {
    const past = this.past.get(entity) ?? [];
    const last = past.at(-1);
    const before = past.findLast((each) => last !== undefined && last.time_s - each.time_s >= SPEED_OVER_S) ?? past[0];
    if (last === undefined || before === undefined || before === last) return 0;
    return distance(last.position_mm, before.position_mm) / (last.time_s - before.time_s);
  }

  /** Those of things that are no more are forgotten. */
  keep(entities: ReadonlySet<number>): void {
    for (const entity of this.newest.keys()) if (!entities.has(entity)) this.newest.delete(entity);
    for (const entity of this.past.keys()) if (!entities.has(entity)) this.past.delete(entity);
  }

  forget(): void {
    this.newest.clear();
    this.past.clear();
  }

  get any(): boolean {
    return this.newest.size > 0;
  }
}

/** A vector turned by a unit quaternion w, x, y, z. */
export function turned([w, x, y, z]: Pose["orientation"], [a, b, c]: Vec3): Vec3 {
  const [tx, ty, tz] = [2 * (y * c - z * b), 2 * (z * a - x * c), 2 * (x * b - y * a)];
  return [a + w * tx + y * tz - z * ty, b + w * ty + z * tx - x * tz, c + w * tz + x * ty - y * tx];
}

export interface ToolPlace {
  readonly tip_mm: Vec3;
  /** Points of the shaft from the tip on. */
  readonly shaft_mm: readonly Vec3[];
  /** Unit direction in which the tool points; null where its shaft has no length. */
  readonly ahead: Vec3 | null;
}

/** Where a tool lies in the patient; null where its pose is of a world that no registration joins to the patient. */
export function placeOf(pose: Pose, node: TrackedNode, scene: Scene): ToolPlace | null {
  const inFrame = node.shaft_mm.map((point) => plus(pose.position_mm, turned(pose.orientation, point)));
  const matrix = scene.registration?.patient_from_world ?? null;
  if (pose.frame === "world" && matrix === null) return null;
  const shaft_mm = pose.frame === "world" ? inFrame.map((point) => apply(matrix!, point)) : inFrame;
  const [tip, next] = shaft_mm;
  if (tip === undefined) return null;
  return { tip_mm: tip, shaft_mm, ahead: next ? unit(minus(tip, next)) : null };
}

export const plus = (a: Vec3, b: Vec3): Vec3 => [a[0] + b[0], a[1] + b[1], a[2] + b[2]];
export const minus = (a: Vec3, b: Vec3): Vec3 => [a[0] - b[0], a[1] - b[1], a[2] - b[2]];
export const dot = (a: Vec3, b: Vec3): number => a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
export const cross = (a: Vec3, b: Vec3): Vec3 => [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]];
export const times = (a: Vec3, by: number): Vec3 => [a[0] * by, a[1] * by, a[2] * by];

/** Of length 1; null for one of no length. */
export function unit(a: Vec3): Vec3 | null {
  const length = Math.hypot(...a);
  return length > 0 ? times(a, 1 / length) : null;
}
