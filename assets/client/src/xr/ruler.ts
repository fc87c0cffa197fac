// Measuring in the headset: both hands hold the ends at once, or one hand places one end after the other.
// Ends are kept in patient millimetres, so the value is the patient's own at any scale of the display.

import * as THREE from "three";

import { BODY_CAP_DEG, lengthFor } from "./legibility";
import type { Pointer } from "./pointers";
import { TextLabel } from "./text_label";
import { ACCENT, MARK, type Theme } from "./theme";
import { withError } from "../model/number_text";
import type { Vec3 } from "../model/affine";
import type { AppStore, Measurement } from "../model/state";
import { volumeOf } from "../model/scene";
import { inPatient, inWorld } from "../three/patient_place";
import { addMeasurement, removeMeasurement, voxelError_mm } from "../model/view";

/** How well a point is placed by a tip in the air, and by a ray: common hand tremor, as standard deviations. */
const TIP_ERROR_M = 0.001;
const RAY_ERROR_DEG = 0.1;
/** An end is taken up again within this angle of a ray, or this distance of a tip. */
const TAKE_DEG = 2;
const TAKE_M = 0.02;
/** Sizes to the eye. */
const LINE_DEG = 0.12;
const DOT_DEG = 0.55;
const LABEL_GAP_DEG = 0.5;

/** One end: patient millimetres, with the standard uncertainty of its place. */
export interface End {
  readonly at_mm: Vec3;
  readonly error_mm: number;
}

type Side = "from" | "to";

/** What a pointer aims at; null when it aims at nothing. `exact` asks the finest surface, too slow for every frame. */
export type Aim = (pointer: Pointer, exact: boolean) => { readonly point: THREE.Vector3; readonly error_m: number } | null;

/** Standard uncertainty of a point set by a ray at that distance, or by a tip. */
export function aimError_m(distance_m: number | null): number {
  return distance_m === null ? TIP_ERROR_M : lengthFor(RAY_ERROR_DEG, distance_m);
}

interface Draft {
  from: End | null;
  to: End | null;
  readonly drivers: Map<Pointer, Side>;
}

export class Ruler {
  readonly group = new THREE.Group();
  #on = false;
  #draft: Draft | null = null;
  /** Where the free hand would put the second end. */
  #preview: End | null = null;
  readonly #lines = new Map<string, RulerLine>();

  constructor(
    private readonly store: AppStore,
    private readonly patient: THREE.Group,
    private readonly headsetFromPatient: THREE.Matrix4,
    private readonly aim: Aim,
    private readonly theme: Theme,
  ) {}

  get on(): boolean {
    return this.#on;
  }

  set on(on: boolean) {
    this.#on = on;
    if (!on) this.#draft = null;
  }

  /** What to do next, in words. */
  get prompt(): string {
    if (this.#draft === null) return "Hold the trigger or pinch at the first end";
    return this.#draft.drivers.size > 0 ? "Move to the place, then let go" : "Now the other end";
  }

  /** Takes an old end up again, sets the next end, or begins. Returns whether the pointer now holds an end. */
  press(pointer: Pointer): boolean {
    if (!this.#on || this.#aimed(pointer) === null) return false;
    this.#draft ??= this.#takeUp(pointer) ?? { from: null, to: null, drivers: new Map() };
    const first = this.#draft.from === null && !this.#drives("from");
    this.#draft.drivers.set(pointer, first ? "from" : "to");
    this.#follow();
    return true;
  }

  /** The end stays where it is. With both ends down the measurement is made. */
  release(pointer: Pointer): void {
    const draft = this.#draft;
    const side = draft?.drivers.get(pointer);
    if (draft === null || side === undefined) return;
    draft[side] = this.#aimed(pointer, true) ?? draft[side];
    draft.drivers.delete(pointer);
    if (draft.drivers.size > 0) return;
    if (draft.from === null || draft.to === null) return;
    this.#draft = null;
    this.store.update((state) => addMeasurement(state, measurementOf(draft.from!, draft.to!)));
  }

  drives(pointer: Pointer): boolean {
    return this.#draft?.drivers.has(pointer) ?? false;
  }

  clear(): void {
    this.#draft = null;
    this.store.update((state) => state.measurements.reduce((left, { id }) => removeMeasurement(left, id), state));
  }

  step(pointers: readonly Pointer[], idle: (pointer: Pointer) => boolean, eyes: THREE.Vector3): void {
    this.#follow();
    const waits = this.#draft?.from != null && this.#draft.to === null && this.#draft.drivers.size === 0;
    const hand = waits ? pointers.find((pointer) => pointer.tracked && idle(pointer)) : undefined;
    this.#preview = hand ? this.#aimed(hand) : null;
    this.#draw(eyes);
  }

  /** Everything shown: finished measurements and the one being made, with its live text. */
  shown(): { readonly id: string; readonly text: string; readonly length_mm: number }[] {
    return this.#shown().map(({ id, from_mm, to_mm, error_mm }) => {
      const length_mm = distance(from_mm, to_mm);
      return { id, length_mm, text: withError(length_mm, error_mm, "mm") };
    });
  }

  dispose(): void {
    for (const line of this.#lines.values()) line.dispose();
    this.group.removeFromParent();
  }

  #drives(side: Side): boolean {
    return [...(this.#draft?.drivers.values() ?? [])].includes(side);
  }

  #follow(): void {
    for (const [pointer, side] of this.#draft?.drivers ?? []) {
      const end = this.#aimed(pointer);
      if (end !== null) this.#draft![side] = end;
    }
  }

  #aimed(pointer: Pointer, exact = false): End | null {
    const aimed = this.aim(pointer, exact);
    if (aimed === null) return null;
    const scale = this.patient.getWorldScale(new THREE.Vector3()).x;
    const voxel_mm = voxelError_mm(volumeOf(this.store.get().scene));
    return { at_mm: this.#toPatient(aimed.point), error_mm: Math.hypot(voxel_mm, (1000 * aimed.error_m) / scale) };
  }

  /** A finished measurement whose end lies under the pointer opens again, that end in the hand. */
  #takeUp(pointer: Pointer): Draft | null {
    for (const measurement of this.store.get().measurements) {
      const { id, from_mm, to_mm, error_mm } = measurement;
      const end = [from_mm, to_mm].find((at) => this.#near(pointer, at));
      if (end === undefined) continue;
      this.store.update((state) => removeMeasurement(state, id));
      const other = end === from_mm ? to_mm : from_mm;
      return { from: { at_mm: other, error_mm: error_mm / Math.SQRT2 }, to: null, drivers: new Map() };
    }
    return null;
  }

  #near(pointer: Pointer, at_mm: Vec3): boolean {
    const point = this.#toWorld(at_mm);
    if (point.distanceTo(pointer.tip) < TAKE_M) return true;
    const arm = point.sub(pointer.ray.origin);
    return arm.angleTo(pointer.ray.direction) < THREE.MathUtils.degToRad(TAKE_DEG);
  }

  #shown(): Measurement[] {
    const { measurements } = this.store.get();
    const { from = null, to = null } = this.#draft ?? {};
    if (from === null) return [...measurements];
    // A first end alone is shown as a line without length, so that it is seen where it was put.
    return [...measurements, { ...measurementOf(from, to ?? this.#preview ?? from), id: DRAFT_ID }];
  }

  #draw(eyes: THREE.Vector3): void {
    const shown = this.#shown();
    for (const [id, line] of this.#lines) {
      if (shown.some((each) => each.id === id)) continue;
      line.dispose();
      this.#lines.delete(id);
    }
    for (const each of shown) {
      const line = this.#lines.get(each.id) ?? this.#newLine(each.id);
      const length_mm = distance(each.from_mm, each.to_mm);
      line.text = length_mm > 0 ? withError(length_mm, each.error_mm, "mm") : "";
      line.place(this.#toWorld(each.from_mm), this.#toWorld(each.to_mm), eyes);
    }
  }

  #newLine(id: string): RulerLine {
    const line = new RulerLine(this.theme);
    this.#lines.set(id, line);
    this.group.add(line.group);
    return line;
  }

  #toPatient(world: THREE.Vector3): Vec3 {
    return inPatient(this.patient, this.headsetFromPatient, world);
  }

  #toWorld(at_mm: Vec3): THREE.Vector3 {
    return inWorld(this.patient, this.headsetFromPatient, at_mm);
  }
}

const DRAFT_ID = "draft";

function distance(a: Vec3, b: Vec3): number {
  return Math.hypot(a[0] - b[0], a[1] - b[1], a[2] - b[2]);
}

function measurementOf(from: End, to: End): Omit<Measurement, "id"> {
  const error_mm = Math.hypot(from.error_mm, to.error_mm);
  return { from_mm: from.at_mm, to_mm: to.at_mm, error_mm, where: "headset" };
}

const UPRIGHT = new THREE.Vector3(0, 1, 0);

/** Two dots, a line and its text; seen through what lies in front, for ends are often inside. */
class RulerLine {
  readonly group = new THREE.Group();
  readonly #rod: THREE.Mesh<THREE.CylinderGeometry, THREE.MeshBasicMaterial>;
  readonly #dots: readonly THREE.Mesh<THREE.SphereGeometry, THREE.MeshBasicMaterial>[];
  readonly #label: TextLabel;

  constructor(theme: Theme) {
    const seen = { depthTest: false, transparent: true, toneMapped: false };
    this.#rod = new THREE.Mesh(new THREE.CylinderGeometry(0.5, 0.5, 1, 8), new THREE.MeshBasicMaterial({ color: ACCENT, ...seen }));
    const dot = new THREE.SphereGeometry(0.5, 16, 12);
    const white = new THREE.MeshBasicMaterial({ color: MARK, ...seen });
    this.#dots = [new THREE.Mesh(dot, white), new THREE.Mesh(dot, white)];
    this.#label = new TextLabel(BODY_CAP_DEG, theme, true);
    this.#rod.renderOrder = 180;
    for (const each of this.#dots) each.renderOrder = 181;
    this.group.add(this.#rod, ...this.#dots, this.#label.mesh);
  }

  set text(text: string) {
    this.#label.text = text;
  }

  place(from: THREE.Vector3, to: THREE.Vector3, eyes: THREE.Vector3): void {
    const middle = from.clone().lerp(to, 0.5);
    const along = to.clone().sub(from);
    const away_m = middle.distanceTo(eyes);
    const thick = lengthFor(LINE_DEG, away_m);
    this.#rod.position.copy(middle);
    this.#rod.scale.set(thick, Math.max(along.length(), 1e-6), thick);
    this.#rod.quaternion.setFromUnitVectors(UPRIGHT, along.lengthSq() > 0 ? along.normalize() : UPRIGHT);
    [from, to].forEach((end, i) => {
      this.#dots[i]!.position.copy(end);
      this.#dots[i]!.scale.setScalar(lengthFor(DOT_DEG, end.distanceTo(eyes)));
    });
    this.#label.place(middle.add(this.#beside(to.clone().sub(from), middle, eyes)), eyes);
  }

  /** From the middle of the line to where its text stands clear of it: above, or to the right of an upright line. */
  #beside(along: THREE.Vector3, middle: THREE.Vector3, eyes: THREE.Vector3): THREE.Vector3 {
    const towards = eyes.clone().sub(middle);
    const away_m = towards.length();
    const right = new THREE.Vector3().crossVectors(UPRIGHT, towards).normalize();
    const aside = new THREE.Vector3().crossVectors(towards, along);
    if (aside.lengthSq() < 1e-12) aside.copy(UPRIGHT);
    aside.normalize();
    if (aside.dot(right) + 2 * aside.y < 0) aside.negate();
    const { width, height } = this.#label.size_m(away_m);
    const clear_m = (Math.abs(aside.dot(right)) * width + Math.abs(aside.y) * height) / 2;
    return aside.multiplyScalar(clear_m + lengthFor(LABEL_GAP_DEG, away_m));
  }

  dispose(): void {
    this.#label.dispose();
    for (const each of [this.#rod, ...this.#dots]) {
      each.geometry.dispose();
      each.material.dispose();
    }
    this.group.removeFromParent();
  }
}
