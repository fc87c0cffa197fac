// One pane of the wall in the headset: the slice drawn from the voxels themselves, and what lies over it on a canvas.

import * as THREE from "three";

import { PaneCanvas } from "./pane_canvas";
import type { Pointer } from "../pointers";
import type { Theme } from "../theme";
import type { Vec3 } from "../../model/affine";
import { dot, minus, normalOf, plus, span_mm, type Cut } from "../../model/reading/cut";
import type { Desk } from "../../model/reading/state";
import type { Shown } from "../../model/reading/viewing";
import { createSliceMaterial } from "../../volume/slice_material";
import { matrix, textureUnit, type VolumeTexture } from "../../volume/texture";

/** Part of the pane that the volume fills at zoom 1. */
const FILL = 0.94;
/** A fingertip this near in front of a pane points by itself. */
const TIP_RANGE_M = 0.05;
const TIP_DEPTH_M = 0.05;
/** Steps of a slab to each side: a headset draws each of them for every pixel, twice. */
const MOST_SLAB_STEPS = 12;

export interface PaneHit {
  readonly x_m: number;
  readonly y_m: number;
  readonly distance_m: number;
  readonly by: "ray" | "tip";
  /** Of a fingertip: in front of the pane. */
  readonly depth_m: number;
}

export class WallPane {
  readonly group = new THREE.Group();
  readonly #back: THREE.Mesh<THREE.PlaneGeometry, THREE.MeshBasicMaterial>;
  readonly #slice: THREE.Mesh<THREE.PlaneGeometry, THREE.ShaderMaterial>;
  readonly #canvas: PaneCanvas;
  readonly #headsetFromPatient: THREE.Matrix4;
  #cut: Cut | null = null;

  constructor(
    readonly size_m: number,
    readonly volume: string,
    private readonly texture: VolumeTexture,
    headsetFromPatient: readonly number[],
    theme: Theme,
  ) {
    const square = new THREE.PlaneGeometry(size_m, size_m);
    this.#back = new THREE.Mesh(square, new THREE.MeshBasicMaterial({ color: 0x000000, toneMapped: false }));
    this.#back.position.z = -0.002;
    const material = createSliceMaterial(texture);
    // Each pane has a window of its own, which others of the same voxels do not share.
    material.uniforms["uWindow"] = { value: new THREE.Vector2(0, 1) };
    this.#slice = new THREE.Mesh(square, material);
    this.#canvas = new PaneCanvas(size_m, theme);
    this.#canvas.mesh.position.z = 0.001;
    this.#headsetFromPatient = matrix(headsetFromPatient);
    texture.setPalette([{ label: 1, colour: [240, 178, 62], visible: true }]);
    this.group.add(this.#back, this.#slice, this.#canvas.mesh);
  }

  /** Patient millimetres that a metre of the pane shows. */
  get mmPerMetre(): number {
    const cut = this.#cut;
    if (cut === null) return 1000;
    const size = (direction: Vec3): number => {
      const [low, high] = span_mm(this.texture.node, direction);
      return high - low;
    };
    return Math.max(size(cut.across), size(cut.down)) / (FILL * cut.zoom * this.size_m);
  }

  /** The patient position under a place of the pane (metres from its middle, y up). */
  at(x_m: number, y_m: number): Vec3 {
    const cut = this.#cut!;
    const normal = normalOf(cut);
    const middle = plus(cut.focus_mm, normal, dot(minus(cut.at_mm, cut.focus_mm), normal));
    return plus(plus(middle, cut.across, x_m * this.mmPerMetre), cut.down, -y_m * this.mmPerMetre);
  }

  /** The place of the pane at which a patient position is seen. */
  place(at_mm: Vec3): readonly [x_m: number, y_m: number] {
    const cut = this.#cut!;
    const from = minus(at_mm, this.at(0, 0));
    return [dot(from, cut.across) / this.mmPerMetre, -dot(from, cut.down) / this.mmPerMetre];
  }

  shown(): Shown | null {
    const cut = this.#cut;
    if (cut === null) return null;
    const half = this.size_m / 2;
    const centre = this.at(0, 0);
    return { volume: cut.volume, centre_mm: centre, right_mm: minus(this.at(half, 0), centre), down_mm: minus(this.at(0, -half), centre), slab_mm: cut.slab_mm, low: cut.window.low, high: cut.window.high };
  }

  draw(desk: Desk, cut: Cut, isActive: boolean, regionText: () => string | null, isThere: boolean): void {
    this.#cut = cut;
    this.#slice.visible = isThere;
    const { uniforms } = this.#slice.material;
    (uniforms["uWindow"]!.value as THREE.Vector2).set(textureUnit(this.texture.node, cut.window.low), textureUnit(this.texture.node, cut.window.high));
    this.#setSlab(cut);
    this.#canvas.draw(desk, cut, this.texture.node, (at) => this.place(at), this.mmPerMetre, isActive, regionText, isThere);
  }

  /** Where in the patient the pane's own places lie; called once it stands. */
  settle(): void {
    const cut = this.#cut;
    if (cut === null) return;
    this.group.updateMatrixWorld(true);
    const mm = this.mmPerMetre;
    const centre = this.at(0, 0);
    const column = (v: Vec3, times: number): THREE.Vector3 => new THREE.Vector3(...v).multiplyScalar(times);
    const patientFromPane = new THREE.Matrix4().makeBasis(column(cut.across, mm), column(cut.down, -mm), column(normalOf(cut), -mm)).setPosition(...centre);
    const paneFromWorld = this.#slice.matrixWorld.clone().invert();
    (this.#slice.material.uniforms["uHeadsetFromWorld"]!.value as THREE.Matrix4).copy(this.#headsetFromPatient).multiply(patientFromPane).multiply(paneFromWorld);
  }

  /** Where a pointer meets the pane: its tip when that is near, else its ray. */
  meet(pointer: Pointer): PaneHit | null {
    if (!pointer.tracked) return null;
    const tip = this.group.worldToLocal(pointer.tip.clone());
    if (pointer.kind !== "transient" && tip.z < TIP_RANGE_M && tip.z > -TIP_DEPTH_M && this.#holds(tip)) return { x_m: tip.x, y_m: tip.y, distance_m: 0, by: "tip", depth_m: tip.z };
    return this.meetRay(pointer.ray);
  }

  meetRay(ray: THREE.Ray, beyond = false): PaneHit | null {
    const origin = this.group.worldToLocal(ray.origin.clone());
    const ahead = this.group.worldToLocal(ray.at(1, new THREE.Vector3())).sub(origin);
    if (origin.z <= 0 || ahead.z >= 0) return null;
    const distance_m = -origin.z / ahead.z;
    const at = origin.addScaledVector(ahead, distance_m);
    return beyond || this.#holds(at) ? { x_m: at.x, y_m: at.y, distance_m, by: "ray", depth_m: 0 } : null;
  }

  dispose(): void {
    this.#back.geometry.dispose();
    this.#back.material.dispose();
    this.#slice.material.dispose();
    this.#canvas.dispose();
    this.group.removeFromParent();
  }

  #holds({ x, y }: THREE.Vector3): boolean {
    return Math.abs(x) <= this.size_m / 2 && Math.abs(y) <= this.size_m / 2;
  }

  #setSlab(cut: Cut): void {
    const { uniforms } = this.#slice.material;
    const { node, uniforms: shared } = this.texture;
    const steps = cut.slab_mm > 0 ? Math.min(MOST_SLAB_STEPS, Math.max(1, Math.round(cut.slab_mm / 2 / Math.min(...node.spacing_mm)))) : 0;
    uniforms["uSlabSteps"]!.value = steps;
    if (steps === 0) return;
    const textureFromPatient = shared.uTextureFromHeadset.value.clone().multiply(this.#headsetFromPatient);
    const from = new THREE.Vector3(0, 0, 0).applyMatrix4(textureFromPatient);
    const to = new THREE.Vector3(...normalOf(cut)).multiplyScalar(cut.slab_mm / 2 / steps).applyMatrix4(textureFromPatient);
    (uniforms["uSlab"]!.value as THREE.Vector3).copy(to.sub(from));
  }
}
