// What is planned and what is touched, drawn in the patient: ways to the target, landmarks, how sure the tip is.

import * as THREE from "three";

import type { Vec3 } from "../model/affine";
import { LOOKS, type Shown } from "../model/overlay";
import { tipOf, type Sight } from "../model/sight";
import { BODY_CAP_DEG } from "../xr/legibility";
import { TextLabel } from "../xr/text_label";
import { themeFor } from "../xr/theme";
import type { Guidance, GuidedLandmark, Trajectory } from "../wire/messages";

const WAY = 0x5fd0e0;
const OTHER_WAY = 0x9fb0bc;
const LANDMARK = 0xf2f5f7;
const ENTRY_MM = 3;
const TARGET_MM = 1.6;
const LANDMARK_MM = 2.5;
const DASH_MM = 4;

/** Add `group` to the patient group, and `labels` to the room. Lengths are patient millimetres: the group's matrix makes them metres. */
export class PlanMarks {
  readonly group = new THREE.Group();
  readonly labels = new THREE.Group();
  private readonly drawn = new THREE.Group();
  private readonly label = new TextLabel(BODY_CAP_DEG, themeFor("opaque"), true);
  private readonly tip: THREE.Mesh<THREE.SphereGeometry, THREE.MeshBasicMaterial>;
  private guidance: Guidance | null = null;
  private next: GuidedLandmark | null = null;

  constructor() {
    this.group.name = "plan";
    this.group.userData["ofPatient"] = true;
    this.group.matrixAutoUpdate = false;
    this.tip = new THREE.Mesh(new THREE.SphereGeometry(1, 24, 12), new THREE.MeshBasicMaterial({ color: LANDMARK, transparent: true, opacity: 0.22, depthWrite: false, toneMapped: false }));
    this.tip.visible = false;
    this.tip.renderOrder = 1000;
    this.group.add(this.drawn, this.tip);
    this.labels.add(this.label.mesh);
  }

  setGuidance(guidance: Guidance | null): void {
    const old = this.guidance;
    this.guidance = guidance;
    if (old?.trajectories === guidance?.trajectories && old?.landmarks === guidance?.landmarks && old?.chosen === guidance?.chosen) return;
    clear(this.drawn);
    for (const way of guidance?.trajectories ?? []) this.drawn.add(...wayMarks(way, way.id === guidance?.chosen));
    const isTouching = guidance !== null && guidance.step !== "guide";
    for (const landmark of isTouching ? guidance.landmarks : []) this.drawn.add(landmarkMark(landmark));
    this.next = isTouching ? (guidance.landmarks.find(({ state }) => state === "touching") ?? guidance.landmarks.find(({ state }) => state === "waiting") ?? null) : null;
  }

  /** As much as the anatomy may be believed, and no more; only the landmark that is next has a name. */
  update(sight: Sight | null, headsetFromPatient: THREE.Matrix4, isOn: boolean, eyes: THREE.Vector3): void {
    this.group.matrix.copy(headsetFromPatient);
    this.group.visible = isOn && sight !== null && sight.anatomy.shown !== "hidden";
    this.label.hide();
    if (!this.group.visible || sight === null) return;
    fade(this.drawn, sight.anatomy.shown);
    const tip = tipOf(sight);
    const error_mm = sight.tools[0]?.tipError_mm ?? null;
    this.tip.visible = tip !== null && error_mm !== null;
    if (tip !== null && error_mm !== null) {
      this.tip.position.set(...tip);
      this.tip.scale.setScalar(error_mm);
    }
    if (this.next === null || this.group.parent === null) return;
    this.label.text = this.next.name;
    const at = new THREE.Vector3(...this.next.patient_mm).add(new THREE.Vector3(0, 0, 3 * LANDMARK_MM));
    this.label.place(this.group.parent.localToWorld(at.applyMatrix4(headsetFromPatient)), eyes);
  }
}

type Marked = THREE.Mesh<THREE.BufferGeometry, THREE.MeshBasicMaterial> | THREE.Line<THREE.BufferGeometry, THREE.LineBasicMaterial>;

/** The chosen way is a bright line with a ring and a ball; others are quiet, and one that must not be taken is broken. */
function wayMarks({ entry_mm, target_mm, refused }: Trajectory, isChosen: boolean): Marked[] {
  const colour = isChosen ? WAY : OTHER_WAY;
  const opacity = isChosen ? 1 : 0.55;
  const [entry, target] = [new THREE.Vector3(...entry_mm), new THREE.Vector3(...target_mm)];
  const along = target.clone().sub(entry);
  const length = along.length();
  if (length === 0) return [];
  const toward = new THREE.Quaternion().setFromUnitVectors(new THREE.Vector3(0, 1, 0), along.clone().normalize());
  const rod = (from: number, to: number): Marked => {
    const mesh = basic(new THREE.CylinderGeometry(isChosen ? 0.5 : 0.35, isChosen ? 0.5 : 0.35, to - from, 8), colour, opacity);
    mesh.position.copy(entry).addScaledVector(along, (from + to) / 2 / length);
    mesh.quaternion.copy(toward);
    return mesh;
  };
  const rods = refused ? Array.from({ length: Math.ceil(length / (2 * DASH_MM)) }, (_, n) => rod(2 * n * DASH_MM, Math.min(length, (2 * n + 1) * DASH_MM))) : [rod(0, length)];
  if (!isChosen) return rods;
  const ring = basic(new THREE.TorusGeometry(ENTRY_MM, 0.45, 8, 32).rotateX(Math.PI / 2), colour, 1);
  ring.position.copy(entry);
  ring.quaternion.copy(toward);
  const ball = basic(new THREE.SphereGeometry(TARGET_MM, 16, 10), colour, 1);
  ball.position.copy(target);
  return [...rods, ring, ball];
}

/** Waiting ones are rings, touched ones are full; check points are boxes. */
function landmarkMark({ patient_mm, use, state }: GuidedLandmark): Marked {
  const isDone = state === "touched";
  const shape = use === "check" ? new THREE.OctahedronGeometry(LANDMARK_MM * 1.2) : new THREE.SphereGeometry(LANDMARK_MM, 16, 10);
  const mark = basic(shape, LANDMARK, isDone ? 0.9 : 0.5);
  mark.material.wireframe = !isDone;
  mark.position.set(...(patient_mm as Vec3));
  return mark;
}

function basic(geometry: THREE.BufferGeometry, color: number, opacity: number): THREE.Mesh<THREE.BufferGeometry, THREE.MeshBasicMaterial> {
  const material = new THREE.MeshBasicMaterial({ color, opacity, transparent: true, depthTest: false, depthWrite: false, toneMapped: false });
  const mesh = new THREE.Mesh(geometry, material);
  mesh.renderOrder = 900;
  mesh.userData["opacity"] = opacity;
  return mesh;
}

function fade(group: THREE.Group, shown: Shown): void {
  for (const each of group.children as Marked[]) each.material.opacity = (each.userData["opacity"] as number) * LOOKS[shown].opacity;
}

function clear(group: THREE.Group): void {
  for (const each of [...group.children] as Marked[]) {
    each.removeFromParent();
    each.geometry.dispose();
    each.material.dispose();
  }
}
