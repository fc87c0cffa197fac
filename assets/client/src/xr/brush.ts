// Correcting in the headset: a ball at the tip, or where the ray meets the anatomy, paints the chosen structure.

import * as THREE from "three";

import type { Pointer } from "./pointers";
import type { Aim } from "./ruler";
import type { Vec3 } from "../model/affine";
import type { AppStore, State } from "../model/state";
import { surfaceOf } from "../model/structures";
import { isPainting } from "../model/view";
import { createHand, type Hand, type Strokes } from "../model/hand";

/** A hand that trembles within this paints no further. */
const STEP_MM = 0.5;
const ERASER = 0xf2f6ff;

export class Brush {
  readonly group = new THREE.Group();
  readonly #hands = new Map<Pointer, { readonly hand: Hand; last: Vec3 }>();
  readonly #balls = new Map<Pointer, THREE.Mesh<THREE.SphereGeometry, THREE.MeshBasicMaterial>>();

  constructor(
    private readonly store: AppStore,
    private readonly patient: THREE.Group,
    private readonly headsetFromPatient: THREE.Matrix4,
    private readonly aim: Aim,
    private readonly strokes: Strokes,
  ) {}

  /** Begins a stroke; false where no brush is in hand, no structure is chosen, or nothing is aimed at. */
  press(pointer: Pointer): boolean {
    const state = this.store.get();
    const at_mm = this.#aimed(pointer);
    if (!isPainting(state.view) || chosen(state) === null || at_mm === null) return false;
    const hand = createHand(this.store, 0, this.strokes);
    if (!hand.begin(at_mm)) return false;
    this.#hands.set(pointer, { hand, last: at_mm });
    return true;
  }

  release(pointer: Pointer): void {
    this.#hands.get(pointer)?.hand.end();
    this.#hands.delete(pointer);
  }

  /** Follows the hands, and shows at each idle one what it would paint. */
  step(pointers: readonly Pointer[], idle: (pointer: Pointer) => boolean): void {
    for (const [pointer, held] of this.#hands) {
      const at_mm = this.#aimed(pointer);
      if (at_mm === null || Math.hypot(...at_mm.map((x, n) => x - held.last[n]!)) < STEP_MM) continue;
      held.hand.go(at_mm);
      held.last = at_mm;
    }
    const state = this.store.get();
    const isShown = (pointer: Pointer): boolean => isPainting(state.view) && pointer.tracked && (this.#hands.has(pointer) || idle(pointer));
    for (const pointer of [...this.#balls.keys()]) if (!pointers.includes(pointer) || !isShown(pointer)) this.#hide(pointer);
    for (const pointer of pointers) if (isShown(pointer)) this.#show(pointer, state);
  }

  /** What a hand is about to do, in words. */
  static prompt(state: State): string {
    const structure = chosen(state);
    if (!isPainting(state.view)) return "Take a brush or an eraser";
    if (structure === null) return "Tap a structure to choose it";
    return `${state.view.tool === "eraser" ? "Erasing" : "Painting"} ${structure.name}: trigger or pinch`;
  }

  dispose(): void {
    for (const pointer of [...this.#hands.keys()]) this.release(pointer);
    for (const pointer of [...this.#balls.keys()]) this.#hide(pointer);
    this.group.removeFromParent();
  }

  #aimed(pointer: Pointer): Vec3 | null {
    const point = this.aim(pointer, false)?.point;
    if (!point) return null;
    const { x, y, z } = this.patient.worldToLocal(point.clone()).applyMatrix4(this.headsetFromPatient.clone().invert());
    return [x, y, z];
  }

  #show(pointer: Pointer, state: State): void {
    const at = this.aim(pointer, false)?.point;
    if (!at) {
      this.#hide(pointer);
      return;
    }
    const ball = this.#balls.get(pointer) ?? this.#newBall(pointer);
    const colour = state.view.tool === "eraser" ? ERASER : (state.structures[chosen(state)?.key ?? ""]?.colour ?? [255, 255, 255]);
    if (typeof colour === "number") ball.material.color.set(colour);
    else ball.material.color.setRGB(colour[0] / 255, colour[1] / 255, colour[2] / 255, THREE.SRGBColorSpace);
    ball.material.opacity = this.#hands.has(pointer) ? 0.75 : 0.4;
    ball.position.copy(at);
    ball.scale.setScalar((state.view.radius_mm / 1000) * this.patient.scale.x);
  }

  #newBall(pointer: Pointer): THREE.Mesh<THREE.SphereGeometry, THREE.MeshBasicMaterial> {
    const material = new THREE.MeshBasicMaterial({ transparent: true, depthWrite: false, toneMapped: false, wireframe: true });
    const ball = new THREE.Mesh(new THREE.SphereGeometry(1, 16, 10), material);
    // After the anatomy, so that what lies within is seen through it.
    ball.renderOrder = 1000;
    this.group.add(ball);
    this.#balls.set(pointer, ball);
    return ball;
  }

  #hide(pointer: Pointer): void {
    const ball = this.#balls.get(pointer);
    if (ball === undefined) return;
    this.group.remove(ball);
    ball.geometry.dispose();
    ball.material.dispose();
    this.#balls.delete(pointer);
  }
}

function chosen(state: State): { readonly key: string; readonly name: string } | null {
  const { selection } = state;
  return selection?.kind === "structure" ? (surfaceOf(state.scene, selection.key)?.structure ?? null) : null;
}
