// The room itself: light that stands still, and in VR a quiet floor, so that the world does not move with the head.

import * as THREE from "three";

import { ROOM } from "./theme";
import type { Stage } from "../three/stage";

const FLOOR_RADIUS_M = 4;
const FLOOR_TEXELS = 1024;
const BACKDROP_M = 15;

/** What the stage looked like on the page; put back on leaving. */
interface FlatLook {
  readonly background: THREE.Scene["background"];
  readonly headlight: boolean;
  readonly clipping: boolean;
  readonly clearAlpha: number;
  readonly patient: THREE.Matrix4;
  readonly hidden: readonly THREE.Object3D[];
  /** While worn, three gives the camera the head's place and the headset's angle. */
  readonly eye: { readonly position: THREE.Vector3; readonly turn: THREE.Quaternion; readonly fov: number };
}

export class Surroundings {
  readonly #flat: FlatLook;
  readonly #group = new THREE.Group();

  /** `seeThrough` leaves the background clear: the room is the person's own. */
  constructor(private readonly stage: Stage, seeThrough: boolean, hasFloor: boolean) {
    const { scene, renderer, patient, headlight, camera } = stage;
    patient.updateMatrix();
    // What the page put beside the anatomy is drawn for its own camera, unless it says that it is of the patient.
    const hidden = patient.children.filter((child) => child !== stage.anatomy.group && child.visible && child.userData["ofPatient"] !== true);
    this.#flat = {
      background: scene.background,
      headlight: headlight.visible,
      clipping: renderer.localClippingEnabled,
      clearAlpha: renderer.getClearAlpha(),
      patient: patient.matrix.clone(),
      hidden,
      eye: { position: camera.position.clone(), turn: camera.quaternion.clone(), fov: camera.fov },
    };
    for (const child of hidden) child.visible = false;
    headlight.visible = false;
    renderer.localClippingEnabled = true;
    renderer.setClearAlpha(0);
    scene.background = null;
    this.#group.add(...lamps());
    if (!seeThrough) this.#group.add(backdrop());
    if (!seeThrough && hasFloor) this.#group.add(floor());
    scene.add(this.#group);
  }

  /** Turns the lamps so that they stand behind the person who looks along `head`. */
  faceFrom(head: THREE.Matrix4): void {
    const ahead = new THREE.Vector3(0, 0, -1).transformDirection(head);
    this.#group.position.setFromMatrixPosition(head).setY(0);
    this.#group.rotation.y = Math.atan2(-ahead.x, -ahead.z);
  }

  dispose(): void {
    const { scene, renderer, patient, headlight, camera } = this.stage;
    scene.remove(this.#group);
    this.#group.traverse((each) => {
      if (!(each instanceof THREE.Mesh)) return;
      const material = each.material as THREE.MeshBasicMaterial;
      material.map?.dispose();
      material.dispose();
      (each.geometry as THREE.BufferGeometry).dispose();
    });
    scene.background = this.#flat.background;
    headlight.visible = this.#flat.headlight;
    renderer.localClippingEnabled = this.#flat.clipping;
    renderer.setClearAlpha(this.#flat.clearAlpha);
    for (const child of this.#flat.hidden) child.visible = true;
    this.#flat.patient.decompose(patient.position, patient.quaternion, patient.scale);
    patient.updateMatrixWorld(true);
    camera.position.copy(this.#flat.eye.position);
    camera.quaternion.copy(this.#flat.eye.turn);
    camera.fov = this.#flat.eye.fov;
    camera.updateProjectionMatrix();
    this.stage.invalidate();
  }
}

/** Key from the upper left as drawings of anatomy have it, a cool fill, a rim from behind. */
function lamps(): THREE.Light[] {
  const lamp = (colour: number, strength: number, x: number, y: number, z: number): THREE.DirectionalLight => {
    const light = new THREE.DirectionalLight(colour, strength);
    light.position.set(x, y, z);
    light.target.position.set(0, 1.2, -0.9);
    light.add(light.target);
    light.target.position.sub(light.position);
    return light;
  };
  return [lamp(0xfff4e8, 2.0, -1.0, 2.6, 0.9), lamp(0xcfe0ff, 0.7, 1.4, 1.2, 0.2), lamp(0xffffff, 0.8, 0.3, 2.2, -2.2)];
}

/** A dark room without corners: a little lighter at the horizon, so that up, level and down are felt. */
function backdrop(): THREE.Mesh {
  const sphere = new THREE.SphereGeometry(BACKDROP_M, 24, 24);
  const place = sphere.getAttribute("position");
  const [above, horizon, below] = [ROOM.above, ROOM.horizon, ROOM.below].map((hex) => new THREE.Color(hex)) as [THREE.Color, THREE.Color, THREE.Color];
  const colours = new Float32Array(3 * place.count);
  for (let i = 0; i < place.count; i += 1) {
    const height = place.getY(i) / BACKDROP_M;
    const shade = horizon.clone().lerp(height > 0 ? above : below, Math.min(1, Math.abs(height) * 1.8));
    shade.toArray(colours, 3 * i);
  }
  sphere.setAttribute("color", new THREE.BufferAttribute(colours, 3));
  const material = new THREE.MeshBasicMaterial({ vertexColors: true, side: THREE.BackSide, depthWrite: false, toneMapped: false });
  const mesh = new THREE.Mesh(sphere, material);
  mesh.position.y = 1.4;
  mesh.renderOrder = -2;
  return mesh;
}

/** A pool of light with thin rings every half metre, fading outwards. */
function floor(): THREE.Mesh {
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = FLOOR_TEXELS;
  const context = canvas.getContext("2d")!;
  const half = FLOOR_TEXELS / 2;
  const pool = context.createRadialGradient(half, half, 0, half, half, half);
  pool.addColorStop(0, "rgba(120, 150, 170, 0.20)");
  pool.addColorStop(1, "rgba(120, 150, 170, 0)");
  context.fillStyle = pool;
  context.fillRect(0, 0, FLOOR_TEXELS, FLOOR_TEXELS);
  for (let metres = 0.5; metres < FLOOR_RADIUS_M; metres += 0.5) {
    context.beginPath();
    context.arc(half, half, (metres / FLOOR_RADIUS_M) * half, 0, 2 * Math.PI);
    context.strokeStyle = `rgba(170, 200, 215, ${0.3 * (1 - metres / FLOOR_RADIUS_M)})`;
    context.lineWidth = 3;
    context.stroke();
  }
  const texture = new THREE.CanvasTexture(canvas);
  texture.colorSpace = THREE.SRGBColorSpace;
  texture.anisotropy = 8;
  const material = new THREE.MeshBasicMaterial({ map: texture, transparent: true, depthWrite: false, toneMapped: false });
  const disc = new THREE.Mesh(new THREE.CircleGeometry(FLOOR_RADIUS_M, 64), material);
  disc.rotation.x = -Math.PI / 2;
  disc.renderOrder = -1;
  return disc;
}
