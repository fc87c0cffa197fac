// The ends of the chosen way in the hands: taken, carried, let go; what is asked for is shown until it is answered.

import * as THREE from "three";

import type { Pointer } from "./pointers";
import { ACCENT, MARK } from "./theme";
import type { Vec3 } from "../model/affine";
import { inPatient, inWorld } from "../three/patient_place";
import type { Trajectory, TrajectoryAsk } from "../wire/messages";

/** A tip this near an end takes it. */
const REACH_M = 0.025;
const BALL_M = 0.006;
type End = "entry_mm" | "target_mm";
const ENDS: readonly End[] = ["entry_mm", "target_mm"];

export class WayGrips {
  readonly group = new THREE.Group();
  readonly #balls: Readonly<Record<End, THREE.Mesh<THREE.SphereGeometry, THREE.MeshBasicMaterial>>>;
  readonly #line: THREE.Line<THREE.BufferGeometry, THREE.LineBasicMaterial>;
  #way: Trajectory | null = null;
  #held: { readonly pointer: Pointer; readonly end: End; at_mm: Vec3 } | null = null;

  constructor(private readonly patient: THREE.Group, private readonly headsetFromPatient: THREE.Matrix4, private readonly ask: (ask: TrajectoryAsk) => void) {
    const ball = (): THREE.Mesh<THREE.SphereGeometry, THREE.MeshBasicMaterial> => {
      const mesh = new THREE.Mesh(new THREE.SphereGeometry(BALL_M, 20, 12), new THREE.MeshBasicMaterial({ color: MARK, transparent: true, opacity: 0.8, depthTest: false, toneMapped: false }));
      mesh.renderOrder = 1001;
      return mesh;
    };
    this.#balls = { entry_mm: ball(), target_mm: ball() };
    const geometry = new THREE.BufferGeometry();
    geometry.setAttribute("position", new THREE.BufferAttribute(new Float32Array(6), 3));
    this.#line = new THREE.Line(geometry, new THREE.LineBasicMaterial({ color: ACCENT, depthTest: false, transparent: true, toneMapped: false }));
    this.#line.frustumCulled = false;
    this.#line.renderOrder = 1001;
    this.group.add(this.#balls.entry_mm, this.#balls.target_mm, this.#line);
    this.group.visible = false;
  }

  press(pointer: Pointer): boolean {
    if (!this.group.visible || this.#way === null || this.#held !== null) return false;
    const end = ENDS.find((each) => this.#balls[each].position.distanceTo(pointer.tip) < REACH_M);
    if (end === undefined) return false;
    this.#held = { pointer, end, at_mm: this.#way[end] };
    return true;
  }

  release(pointer: Pointer): void {
    const held = this.#held;
    if (held?.pointer !== pointer) return;
    this.#held = null;
    const way = this.#way;
    if (way === null) return;
    const end = (which: End): [number, number, number] => [...(which === held.end ? held.at_mm : way[which])] as [number, number, number];
    this.ask({ kind: "trajectory", id: way.id, entry_mm: end("entry_mm"), target_mm: end("target_mm") });
  }

  /** Where the ends are in the room, for those who reach for them. */
  get ends(): readonly number[][] {
    return this.group.visible ? ENDS.map((end) => this.#balls[end].position.toArray()) : [];
  }

  /** `way` is null where none is chosen, or none may be moved or seen. */
  step(way: Trajectory | null): void {
    this.#way = way;
    this.group.visible = way !== null;
    if (way === null) {
      this.#held = null;
      return;
    }
    if (this.#held !== null) this.#held.at_mm = this.#inPatient(this.#held.pointer.tip);
    ENDS.forEach((end, n) => {
      const at = this.#inRoom(this.#held?.end === end ? this.#held.at_mm : way[end]);
      this.#balls[end].position.copy(at);
      (this.#line.geometry.getAttribute("position") as THREE.BufferAttribute).setXYZ(n, at.x, at.y, at.z);
    });
    this.#line.geometry.getAttribute("position").needsUpdate = true;
    this.#line.visible = this.#held !== null;
  }

  dispose(): void {
    for (const each of [...Object.values(this.#balls), this.#line]) {
      each.geometry.dispose();
      each.material.dispose();
    }
    this.group.removeFromParent();
  }

  #inRoom(at_mm: Vec3): THREE.Vector3 {
    return inWorld(this.patient, this.headsetFromPatient, at_mm);
  }

  #inPatient(at: THREE.Vector3): [number, number, number] {
    return inPatient(this.patient, this.headsetFromPatient, at);
  }
}
