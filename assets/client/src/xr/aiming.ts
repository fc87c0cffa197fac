// What a hand aims at: the anatomy under its ray or at its tip, the slice, or nothing.

import * as THREE from "three";

import type { HandSlice } from "./hand_slice";
import type { Pointer } from "./pointers";
import { aimError_m } from "./ruler";
import type { Stage } from "../three/stage";

/** A hand this near the anatomy holds and measures with its tip, not with its ray. */
const NEAR_M = 0.03;
const HOVER_EVERY_S = 0.08;

/** A place of a surface. */
export interface Hit {
  readonly point: THREE.Vector3;
  readonly distance_m: number;
  readonly error_mm: number;
  readonly key: string;
}

export class Aiming {
  readonly #hovers = new WeakMap<Pointer, { readonly at_s: number; readonly distance_m: number | null }>();

  constructor(
    private readonly stage: Stage,
    private readonly slice: HandSlice,
    private readonly worldBounds: () => THREE.Box3,
  ) {}

  /** The hand is at the anatomy, or its ray meets the box round it. */
  meetsAnatomy(pointer: Pointer): boolean {
    return this.isNear(pointer) || pointer.ray.intersectsBox(this.worldBounds());
  }

  isNear(pointer: Pointer): boolean {
    return pointer.kind !== "transient" && this.worldBounds().expandByScalar(NEAR_M).containsPoint(this.touchPoint(pointer));
  }

  /** What a tip stands for: the pinch point of a hand, the front of a controller. */
  touchPoint(pointer: Pointer): THREE.Vector3 {
    return pointer.kind === "hand" ? new THREE.Vector3().setFromMatrixPosition(pointer.hold) : pointer.tip.clone();
  }

  hit(pointer: Pointer, fast: boolean): Hit | null {
    const ray = pointer.ray.clone();
    // What is cut away is not there to be hit: the ray begins where it enters what is left.
    if (this.slice.isCutting && this.slice.cut.distanceToPoint(ray.origin) < 0) {
      const entry = ray.intersectPlane(this.slice.cut, new THREE.Vector3());
      if (entry === null) return null;
      ray.origin.copy(entry);
    }
    const caster = new THREE.Raycaster(ray.origin, ray.direction);
    const hit = this.stage.anatomy.pick(caster, fast);
    return hit && { ...hit, distance_m: hit.point.distanceTo(pointer.ray.origin) };
  }

  /** Where a pointer would measure: its tip at the anatomy, else the slice or surface under its ray, else its tip. */
  aim(pointer: Pointer, exact: boolean): { point: THREE.Vector3; error_m: number } | null {
    if (!pointer.tracked) return null;
    const tip = { point: this.touchPoint(pointer), error_m: aimError_m(null) };
    if (this.isNear(pointer)) return tip;
    const slice = this.slice.meet(pointer.ray);
    const surface = this.hit(pointer, !exact);
    const slice_m = slice?.distanceTo(pointer.ray.origin) ?? Infinity;
    if (slice !== null && slice_m <= (surface?.distance_m ?? Infinity)) return { point: slice, error_m: aimError_m(slice_m) };
    if (surface === null) return tip;
    const scale = this.stage.patient.scale.x;
    return { point: surface.point, error_m: Math.hypot(aimError_m(surface.distance_m), (surface.error_mm / 1000) * scale) };
  }

  /** Distance to the surface under a ray, looked up a few times a second: only a mark is drawn there. */
  hovered(pointer: Pointer, time_s: number): number | null {
    if (!pointer.ray.intersectsBox(this.worldBounds())) return null;
    const known = this.#hovers.get(pointer);
    if (known && time_s - known.at_s < HOVER_EVERY_S) return known.distance_m;
    const distance_m = this.hit(pointer, true)?.distance_m ?? null;
    this.#hovers.set(pointer, { at_s: time_s, distance_m });
    return distance_m;
  }
}
