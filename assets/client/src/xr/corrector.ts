// Correcting in the headset: a ball at the tip paints or erases the chosen structure; a box between two places takes
// what lies in a range of values.

import * as THREE from "three";

import type { Pointer } from "./pointers";
import type { Aim } from "./ruler";
import { MARK } from "./theme";
import type { Vec3 } from "../model/affine";
import { createHand, type Hand, type Strokes } from "../model/hand";
import type { AppStore, State, Tool } from "../model/state";
import { surfaceOf } from "../model/structures";
import { isCorrecting, isPainting } from "../model/view";
import { inPatient } from "../three/patient_place";

/** A hand that trembles within this goes no further. */
const STEP_MM = 0.5;
/** Where a corner of a box would be. */
const CORNER_MM = 1.5;
const IDLE_OPACITY = 0.4;
const HELD_OPACITY = 0.75;

interface Held {
  readonly hand: Hand;
  readonly from_mm: Vec3;
  at_mm: Vec3;
}

const DOING: Partial<Record<Tool, (name: string) => string>> = {
  brush: (name) => `Painting ${name}: trigger or pinch`,
  eraser: (name) => `Erasing ${name}: trigger or pinch`,
  threshold: (name) => `Hold from corner to corner: its values become ${name}`,
};

export class Corrector {
  readonly group = new THREE.Group();
  readonly #held = new Map<Pointer, Held>();
  readonly #balls = new Map<Pointer, THREE.Mesh<THREE.SphereGeometry, THREE.MeshBasicMaterial>>();
  readonly #boxes = new Map<Pointer, THREE.LineSegments<THREE.EdgesGeometry, THREE.LineBasicMaterial>>();

  constructor(
    private readonly store: AppStore,
    private readonly patient: THREE.Group,
    private readonly headsetFromPatient: THREE.Matrix4,
    private readonly aim: Aim,
    private readonly strokes: Strokes,
  ) {}

  /** Begins; false where no tool is in hand, no structure is chosen, or nothing is aimed at. */
  press(pointer: Pointer): boolean {
    const state = this.store.get();
    const at_mm = this.#aimed(pointer);
    if (chosen(state) === null || at_mm === null) return false;
    const hand = createHand(this.store, null, this.strokes);
    if (!hand.begin(at_mm)) return false;
    this.#held.set(pointer, { hand, from_mm: at_mm, at_mm });
    return true;
  }

  release(pointer: Pointer): void {
    this.#held.get(pointer)?.hand.end();
    this.#held.delete(pointer);
  }

  /** Follows the hands, and shows at each idle one what it would do. */
  step(pointers: readonly Pointer[], idle: (pointer: Pointer) => boolean): void {
    for (const [pointer, held] of this.#held) {
      const at_mm = this.#aimed(pointer);
      if (at_mm === null || Math.hypot(...at_mm.map((x, n) => x - held.at_mm[n]!)) < STEP_MM) continue;
      held.hand.go(at_mm);
      held.at_mm = at_mm;
    }
    const state = this.store.get();
    const isShown = (pointer: Pointer): boolean => isCorrecting(state.view) && pointer.tracked && (this.#held.has(pointer) || idle(pointer));
    for (const pointer of new Set([...this.#balls.keys(), ...pointers])) {
      if (!pointers.includes(pointer) || !isShown(pointer)) this.#hide(pointer);
      else this.#show(pointer, state);
    }
  }

  /** What a hand is about to do, in words. */
  static prompt(state: State): string {
    const doing = DOING[state.view.tool];
    const structure = chosen(state);
    if (doing === undefined) return "Take a tool";
    return structure === null ? "Lay the tool down, then tap a structure to choose it" : doing(structure.name);
  }

  dispose(): void {
    for (const pointer of [...this.#held.keys()]) this.release(pointer);
    for (const pointer of [...this.#balls.keys()]) this.#hide(pointer);
    this.group.removeFromParent();
  }

  #aimed(pointer: Pointer): Vec3 | null {
    const point = this.aim(pointer, false)?.point;
    return point ? inPatient(this.patient, this.headsetFromPatient, point) : null;
  }

  #show(pointer: Pointer, state: State): void {
    const at = this.aim(pointer, false)?.point;
    if (!at) {
      this.#hide(pointer);
      return;
    }
    const held = this.#held.get(pointer);
    const ball = this.#balls.get(pointer) ?? this.#newBall(pointer);
    ball.material.color.copy(colourOf(state));
    ball.material.opacity = held ? HELD_OPACITY : IDLE_OPACITY;
    ball.position.copy(at);
    ball.scale.setScalar(((isPainting(state.view) ? state.view.radius_mm : CORNER_MM) / 1000) * this.patient.scale.x);
    if (held && !isPainting(state.view)) this.#box(pointer, held, colourOf(state));
    else this.#hideBox(pointer);
  }

  #box(pointer: Pointer, { from_mm, at_mm }: Held, colour: THREE.Color): void {
    const lines = this.#boxes.get(pointer) ?? this.#newBox(pointer);
    const [from, to] = [new THREE.Vector3(...from_mm), new THREE.Vector3(...at_mm)];
    const size = to.clone().sub(from).set(Math.abs(to.x - from.x), Math.abs(to.y - from.y), Math.abs(to.z - from.z));
    const patientFromBox = new THREE.Matrix4().compose(from.add(to).multiplyScalar(0.5), new THREE.Quaternion(), size);
    lines.material.color.copy(colour);
    lines.matrix.multiplyMatrices(this.headsetFromPatient, patientFromBox);
    lines.matrixWorldNeedsUpdate = true;
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

  #newBox(pointer: Pointer): THREE.LineSegments<THREE.EdgesGeometry, THREE.LineBasicMaterial> {
    const lines = new THREE.LineSegments(new THREE.EdgesGeometry(new THREE.BoxGeometry()), new THREE.LineBasicMaterial({ transparent: true, depthTest: false, toneMapped: false }));
    lines.renderOrder = 1000;
    lines.matrixAutoUpdate = false;
    this.patient.add(lines);
    this.#boxes.set(pointer, lines);
    return lines;
  }

  #hide(pointer: Pointer): void {
    remove(this.#balls, pointer);
    this.#hideBox(pointer);
  }

  #hideBox(pointer: Pointer): void {
    remove(this.#boxes, pointer);
  }
}

type Drawn = THREE.Object3D & { readonly geometry: THREE.BufferGeometry; readonly material: THREE.Material };

function remove(drawn: Map<Pointer, Drawn>, pointer: Pointer): void {
  const thing = drawn.get(pointer);
  if (thing === undefined) return;
  thing.removeFromParent();
  thing.geometry.dispose();
  thing.material.dispose();
  drawn.delete(pointer);
}

/** What is painted has the colour of its structure; what is erased has none. */
function colourOf(state: State): THREE.Color {
  const colour = state.view.tool === "eraser" ? undefined : state.structures[chosen(state)?.key ?? ""]?.colour;
  return colour === undefined ? new THREE.Color(MARK) : new THREE.Color().setRGB(colour[0] / 255, colour[1] / 255, colour[2] / 255, THREE.SRGBColorSpace);
}

function chosen(state: State): { readonly key: string; readonly name: string } | null {
  const { selection } = state;
  return selection?.kind === "structure" ? (surfaceOf(state.scene, selection.key)?.structure ?? null) : null;
}
