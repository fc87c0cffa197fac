// Touching landmarks with what the headset itself tracks, for browsers give no picture from its cameras: a controller's
// tip, its trigger held; or a fingertip, the other hand pinching. Places are of the headset's own world.

import * as THREE from "three";

import type { Pointer } from "./pointers";
import { ACCENT } from "./theme";
import { progress, touched, UNTOUCHED, type Touch } from "../model/touching";
import type { TouchAsk } from "../wire/messages";

const RING_M = 0.012;
const LINE_M = 0.0022;
const SEGMENTS = 48;

export class LandmarkTouch {
  readonly group = new THREE.Group();
  /** Touched in this session, here. */
  readonly done = new Set<string>();
  #landmark: string | null = null;
  #touch: Touch = UNTOUCHED;
  readonly #ring: THREE.Mesh<THREE.BufferGeometry, THREE.MeshBasicMaterial>;

  constructor(private readonly send: (ask: TouchAsk) => void, private readonly felt: (pointer: Pointer) => void) {
    this.#ring = new THREE.Mesh(new THREE.BufferGeometry(), new THREE.MeshBasicMaterial({ color: ACCENT, depthTest: false, side: THREE.DoubleSide, transparent: true, toneMapped: false }));
    this.#ring.renderOrder = 1900;
    this.#ring.visible = false;
    this.group.add(this.#ring);
  }

  /** Which landmark the next touch is of; null for none. */
  get landmark(): string | null {
    return this.#landmark;
  }

  choose(landmark: string | null): void {
    this.#landmark = landmark;
    this.#touch = UNTOUCHED;
  }

  get progress(): number {
    return this.#touch.points_mm.length;
  }

  /** Whether this press is a touch: then it takes nothing else. */
  wants(pointer: Pointer): boolean {
    return this.#landmark !== null && pointer.kind !== "transient";
  }

  /** `isFree` are pointers that are at no panel. */
  step(pointers: readonly Pointer[], isFree: (pointer: Pointer) => boolean, eyes: THREE.Vector3, time_s: number): void {
    this.#ring.visible = false;
    const toucher = this.#landmark === null ? null : toucherOf(pointers.filter((each) => each.tracked && isFree(each)));
    if (toucher === null || this.#landmark === null) {
      this.#touch = UNTOUCHED;
      return;
    }
    const { x, y, z } = toucher.tip;
    this.#touch = touched(this.#touch, [1000 * x, 1000 * y, 1000 * z], time_s);
    const part = progress(this.#touch, time_s);
    if (part >= 1) this.#finish(toucher, this.#landmark);
    else this.#show(toucher.tip, part, eyes);
  }

  dispose(): void {
    this.#ring.geometry.dispose();
    this.#ring.material.dispose();
    this.group.removeFromParent();
  }

  #finish(pointer: Pointer, landmark: string): void {
    this.send({ kind: "touch", landmark, points_mm: this.#touch.points_mm.map(([x, y, z]) => [x, y, z]), with_hand: pointer.kind === "hand" });
    this.done.add(landmark);
    this.felt(pointer);
    this.choose(null);
  }

  #show(tip: THREE.Vector3, part: number, eyes: THREE.Vector3): void {
    this.#ring.geometry.dispose();
    this.#ring.geometry = new THREE.RingGeometry(RING_M - LINE_M, RING_M, SEGMENTS, 1, Math.PI / 2, -2 * Math.PI * Math.max(0.02, part));
    this.#ring.position.copy(tip);
    this.#ring.lookAt(eyes);
    this.#ring.visible = true;
  }
}

/** A controller whose trigger is held; or a hand while the other pinches. */
function toucherOf(pointers: readonly Pointer[]): Pointer | null {
  const controller = pointers.find((each) => each.kind === "controller" && each.select.held);
  if (controller) return controller;
  const pinching = pointers.find((each) => each.kind === "hand" && each.select.held);
  return pinching ? (pointers.find((each) => each.kind === "hand" && each !== pinching) ?? null) : null;
}
