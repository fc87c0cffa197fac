// A line of text standing in the room: faces the eyes, keeps its angular size, stays level.

import * as THREE from "three";

import { setCapHeight } from "./canvas_text";
import { lengthFor } from "./legibility";
import type { Theme } from "./theme";

const CAP_PX = 30;
const PADDING_PX = 22;
const WEIGHT = 600;

export class TextLabel {
  readonly mesh: THREE.Mesh<THREE.PlaneGeometry, THREE.MeshBasicMaterial>;
  #text = "";
  readonly #canvas = document.createElement("canvas");
  #texture: THREE.CanvasTexture | null = null;

  /** `cap_deg` is the angle its capitals fill, whatever the distance. `through`: seen through what lies before it. */
  constructor(readonly cap_deg: number, private readonly theme: Theme, through: boolean) {
    const material = new THREE.MeshBasicMaterial({ transparent: true, depthTest: !through, toneMapped: false });
    this.mesh = new THREE.Mesh(new THREE.PlaneGeometry(1, 1), material);
    this.mesh.renderOrder = 190;
    this.mesh.visible = false;
  }

  get text(): string {
    return this.#text;
  }

  set text(text: string) {
    if (text === this.#text) return;
    this.#text = text;
    this.#draw(text);
  }

  /** Width and height, seen from `distance_m`. */
  size_m(distance_m: number): { readonly width: number; readonly height: number } {
    const metres_per_px = lengthFor(this.cap_deg, distance_m) / CAP_PX;
    return { width: this.#canvas.width * metres_per_px, height: this.#canvas.height * metres_per_px };
  }

  /** Stands at `at`, turned to the eyes. */
  place(at: THREE.Vector3, eyes: THREE.Vector3): void {
    const { width, height } = this.size_m(at.distanceTo(eyes));
    this.mesh.position.copy(at);
    this.mesh.scale.set(width, height, 1);
    faceEyes(this.mesh, eyes);
    this.mesh.visible = this.#text !== "";
  }

  hide(): void {
    this.mesh.visible = false;
  }

  dispose(): void {
    this.#texture?.dispose();
    this.mesh.geometry.dispose();
    this.mesh.material.dispose();
    this.mesh.removeFromParent();
  }

  #draw(text: string): void {
    const context = this.#canvas.getContext("2d")!;
    setCapHeight(context, CAP_PX, WEIGHT);
    const width = Math.ceil(context.measureText(text).width) + 2 * PADDING_PX;
    this.#canvas.width = width;
    this.#canvas.height = CAP_PX + 2 * PADDING_PX;
    setCapHeight(context, CAP_PX, WEIGHT);
    if (this.theme.halo !== null) {
      context.fillStyle = this.theme.halo;
      context.beginPath();
      context.roundRect(0, 0, this.#canvas.width, this.#canvas.height, PADDING_PX);
      context.fill();
    }
    context.fillStyle = this.theme.text;
    context.fillText(text, PADDING_PX, PADDING_PX + CAP_PX);
    // A canvas of another size needs a texture of its own.
    this.#texture?.dispose();
    this.#texture = new THREE.CanvasTexture(this.#canvas);
    this.#texture.colorSpace = THREE.SRGBColorSpace;
    this.mesh.material.map = this.#texture;
    this.mesh.material.needsUpdate = true;
  }
}

const level = new THREE.Vector3(0, 1, 0);
const towards = new THREE.Matrix4();

/** Turns an object's +Z to the eyes and keeps it upright. */
export function faceEyes(object: THREE.Object3D, eyes: THREE.Vector3): void {
  object.quaternion.setFromRotationMatrix(towards.lookAt(eyes, object.position, level));
}
