// What moves: tracked tools, others' heads and pointers. Each is drawn at its newest pose, faded with its age, or not at all.

import * as THREE from "three";

import { toolFreshness, type Freshness } from "../model/freshness";
import { BODY_CAP_DEG } from "../xr/legibility";
import { TextLabel } from "../xr/text_label";
import { themeFor } from "../xr/theme";
import type { Pose } from "../wire/binary";
import type { Scene, TrackedNode } from "../wire/messages";

const COLOUR: Readonly<Record<TrackedNode["thing"], number>> = { tool: 0xffb454, head: 0x8fd3ff, pointer: 0x8fd3ff, reference: 0xb9c4d0 };
const FADED_OPACITY = 0.3;
const RADIAL_SEGMENTS = 12;

/** One thing as it is drawn now, for labels and for tests. */
export interface ShownTool {
  readonly id: string;
  readonly name: string;
  readonly freshness: Freshness;
  readonly age_ms: number;
  /** Tip in patient millimetres. */
  readonly tip_mm: readonly [number, number, number];
  readonly error_mm: number;
}

interface Part {
  readonly group: THREE.Group;
  readonly material: THREE.MeshStandardMaterial;
  /** Says how old it is while it is faded. */
  readonly label: TextLabel;
  node: TrackedNode;
}

/** Add `group` to the patient group, and `labels` to the room. Lengths in `group` are millimetres: the matrix of each part makes them metres. */
export class Tools {
  readonly group = new THREE.Group();
  readonly labels = new THREE.Group();
  private readonly parts = new Map<number, Part>();
  private readonly poses = new Map<number, Pose>();
  private shown: readonly ShownTool[] = [];

  constructor() {
    this.group.name = "tools";
  }

  /** The things of a scene. Poses of those that are no more are forgotten. */
  setNodes(nodes: readonly TrackedNode[]): void {
    const wanted = new Map(nodes.map((node) => [node.entity, node]));
    for (const [entity, part] of this.parts) {
      const node = wanted.get(entity);
      if (node !== undefined && sameShape(node, part.node)) part.node = node;
      else this.remove(entity);
    }
    for (const node of nodes) if (!this.parts.has(node.entity)) this.add(node);
    for (const entity of [...this.poses.keys()]) if (!wanted.has(entity)) this.poses.delete(entity);
  }

  /** Takes a pose unless a newer one of its entity is known; a pose that says "lost" has the time of the last one. */
  take(pose: Pose): void {
    const known = this.poses.get(pose.entity);
    if (known === undefined || pose.time_s > known.time_s || (pose.time_s === known.time_s && !pose.isTracked)) this.poses.set(pose.entity, pose);
  }

  /** What was true of the connection that ended need not be of the next. */
  forgetPoses(): void {
    this.poses.clear();
  }

  get hasPoses(): boolean {
    return this.poses.size > 0;
  }

  /** Puts everything where it is at `hub_s` on the hub's clock; nothing is shown while that time is not known. */
  update(scene: Scene | null, headsetFromPatient: THREE.Matrix4, hub_s: number | null, eyes: THREE.Vector3): readonly ShownTool[] {
    const shown: ShownTool[] = [];
    for (const [entity, part] of this.parts) {
      const pose = this.poses.get(entity);
      part.group.visible = false;
      part.label.hide();
      if (pose === undefined || scene === null || hub_s === null) continue;
      const age_s = Math.max(0, hub_s - pose.time_s);
      const freshness = toolFreshness(part.node, pose, age_s, scene);
      const patientFromTool = patientFrom(pose, scene);
      const tip = new THREE.Vector3().setFromMatrixPosition(patientFromTool);
      shown.push({ id: part.node.id, name: part.node.name, freshness, age_ms: age_s * 1000, tip_mm: [tip.x, tip.y, tip.z], error_mm: pose.error_mm });
      part.group.visible = freshness !== "hidden";
      part.group.matrix.copy(headsetFromPatient).multiply(patientFromTool);
      setFaded(part.material, freshness === "faded");
      if (freshness !== "faded") continue;
      part.label.text = `${part.node.name}: ${age_s.toFixed(1)} s old`;
      part.label.place(this.group.localToWorld(tip.clone().applyMatrix4(headsetFromPatient)), eyes);
    }
    this.shown = shown;
    return shown;
  }

  /** As of the latest `update`. */
  report(): readonly ShownTool[] {
    return this.shown;
  }

  private add(node: TrackedNode): void {
    const material = new THREE.MeshStandardMaterial({ color: COLOUR[node.thing], roughness: 0.4, metalness: 0.1, transparent: true });
    const group = new THREE.Group();
    group.matrixAutoUpdate = false;
    group.visible = false;
    group.add(...shaft(node, material));
    this.group.add(group);
    const label = new TextLabel(BODY_CAP_DEG, themeFor("opaque"), true);
    this.labels.add(label.mesh);
    this.parts.set(node.entity, { group, material, label, node });
  }

  private remove(entity: number): void {
    const part = this.parts.get(entity)!;
    part.group.removeFromParent();
    for (const child of part.group.children) if (child instanceof THREE.Mesh) (child.geometry as THREE.BufferGeometry).dispose();
    part.material.dispose();
    part.label.dispose();
    this.parts.delete(entity);
  }
}

function patientFrom(pose: Pose, scene: Scene): THREE.Matrix4 {
  const [w, x, y, z] = pose.orientation;
  const placed = new THREE.Matrix4().compose(new THREE.Vector3(...pose.position_mm), new THREE.Quaternion(x, y, z, w).normalize(), new THREE.Vector3(1, 1, 1));
  if (pose.frame === "patient" || scene.registration === null) return placed;
  return new THREE.Matrix4().fromArray(scene.registration.patient_from_world).transpose().multiply(placed);
}

/** A ball at the tip, a rod between each point of the shaft and the next. */
function shaft(node: TrackedNode, material: THREE.Material): THREE.Mesh[] {
  const points = node.shaft_mm.map((point) => new THREE.Vector3(...point));
  const ball = new THREE.Mesh(new THREE.SphereGeometry(node.radius_mm, 2 * RADIAL_SEGMENTS, RADIAL_SEGMENTS), material);
  ball.position.copy(points[0]!);
  const rods = points.slice(1).map((end, n) => {
    const along = end.clone().sub(points[n]!);
    const rod = new THREE.Mesh(new THREE.CylinderGeometry(node.radius_mm, node.radius_mm, along.length(), RADIAL_SEGMENTS), material);
    rod.position.copy(points[n]!).addScaledVector(along, 0.5);
    rod.quaternion.setFromUnitVectors(new THREE.Vector3(0, 1, 0), along.normalize());
    return rod;
  });
  return [ball, ...rods];
}

function setFaded(material: THREE.MeshStandardMaterial, faded: boolean): void {
  material.opacity = faded ? FADED_OPACITY : 1;
  material.depthWrite = !faded;
}

function sameShape(a: TrackedNode, b: TrackedNode): boolean {
  return a.thing === b.thing && a.radius_mm === b.radius_mm && a.shaft_mm.flat().join() === b.shaft_mm.flat().join();
}
