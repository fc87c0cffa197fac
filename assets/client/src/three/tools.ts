// What moves: tracked tools, others' heads and pointers. Each is drawn at its newest pose, faded with its age, or not at all.

import * as THREE from "three";

import { addMarks, setCut, sharedMarks, type Marks } from "./marks_material";
import type { Vec3 } from "../model/affine";
import { AS_FRESH, AS_SHOWN, toolFreshness, type Freshness } from "../model/freshness";
import { LOOKS, type Look, type Shown } from "../model/overlay";
import type { Poses } from "../model/poses";
import type { Sight } from "../model/sight";
import { BODY_CAP_DEG } from "../xr/legibility";
import { TextLabel } from "../xr/text_label";
import { themeFor } from "../xr/theme";
import type { Pose } from "../wire/binary";
import type { Scene, TrackedNode } from "../wire/messages";

const COLOUR: Readonly<Record<TrackedNode["thing"], number>> = { tool: 0xffb454, head: 0x8fd3ff, pointer: 0x8fd3ff, reference: 0xb9c4d0 };
const STALE_COLOUR = 0xb9c4d0;
const RADIAL_SEGMENTS = 12;
const LABEL_OVER_MM = new THREE.Vector3(0, 0, 30);

/** One thing as it is drawn now, for labels and for tests. */
export interface ShownTool {
  readonly id: string;
  readonly name: string;
  readonly freshness: Freshness;
  readonly shown: Shown;
  readonly age_ms: number;
  /** Tip in patient millimetres. */
  readonly tip_mm: Vec3;
  readonly error_mm: number;
}

interface Part {
  readonly group: THREE.Group;
  readonly material: THREE.MeshStandardMaterial;
  readonly marks: Marks;
  /** Says how old it is while it is faded. */
  readonly label: TextLabel;
  node: TrackedNode;
}

/** Add `group` to the patient group, and `labels` to the room. Lengths in `group` are millimetres: the matrix of each part makes them metres. */
export class Tools {
  readonly group = new THREE.Group();
  readonly labels = new THREE.Group();
  private readonly parts = new Map<number, Part>();
  private shown: readonly ShownTool[] = [];

  constructor(private readonly poses: Poses) {
    this.group.name = "tools";
    this.group.userData["ofPatient"] = true;
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
    this.poses.keep(new Set(wanted.keys()));
  }

  /** Puts everything where it is at `hub_s` on the hub's clock; nothing is shown while that time is not known. */
  update(scene: Scene | null, headsetFromPatient: THREE.Matrix4, hub_s: number | null, eyes: THREE.Vector3, sight: Sight | null, overlayOn: boolean): readonly ShownTool[] {
    const shown: ShownTool[] = [];
    for (const [entity, part] of this.parts) {
      const pose = this.poses.of(entity);
      part.group.visible = false;
      part.label.hide();
      if (pose === undefined || scene === null || hub_s === null) continue;
      const age_s = Math.max(0, hub_s - pose.time_s);
      const guided = sight?.tools.find(({ node }) => node.entity === entity);
      const state = guided?.drawn.shown ?? AS_SHOWN[toolFreshness(part.node, pose, age_s, scene)];
      const patientFromTool = patientFrom(pose, scene);
      const tip = new THREE.Vector3().setFromMatrixPosition(patientFromTool);
      shown.push({ id: part.node.id, name: part.node.name, freshness: AS_FRESH[state], shown: state, age_ms: age_s * 1000, tip_mm: [tip.x, tip.y, tip.z], error_mm: pose.error_mm });
      part.group.visible = state !== "hidden" && (overlayOn || sight?.overPatient !== true);
      part.group.matrix.copy(headsetFromPatient).multiply(patientFromTool);
      part.group.updateMatrixWorld(true);
      part.marks.mmFromWorld.value.copy(part.group.matrixWorld).invert();
      setLook(part, LOOKS[state]);
      if (state !== "stale" || !part.group.visible) continue;
      const why = guided?.drawn.why ?? null;
      part.label.text = why === null ? `${part.node.name}: ${age_s.toFixed(1)} s old` : `${part.node.name}: ${why}`;
      // Over the tip, not on what it points at.
      const over = tip.clone().add(LABEL_OVER_MM);
      part.label.place(this.group.localToWorld(over.applyMatrix4(headsetFromPatient)), eyes);
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
    const marks: Marks = { ...sharedMarks(), pattern: { value: 0 } };
    material.onBeforeCompile = (shader) => addMarks(shader, marks);
    material.customProgramCacheKey = () => "tool";
    const group = new THREE.Group();
    group.matrixAutoUpdate = false;
    group.visible = false;
    group.add(...shaft(node, material));
    this.group.add(group);
    const label = new TextLabel(BODY_CAP_DEG, themeFor("opaque"), true);
    this.labels.add(label.mesh);
    this.parts.set(node.entity, { group, material, marks, label, node });
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

/** Grey, in dots and see-through where it is stale: never by its colour alone. */
function setLook(part: Part, look: Look): void {
  setCut(part.marks, look.pattern);
  part.material.opacity = look.opacity;
  part.material.depthWrite = look.hasNumber;
  part.material.color.set(look.hasNumber ? COLOUR[part.node.thing] : STALE_COLOUR);
}

function sameShape(a: TrackedNode, b: TrackedNode): boolean {
  return a.thing === b.thing && a.radius_mm === b.radius_mm && a.shaft_mm.flat().join() === b.shaft_mm.flat().join();
}
