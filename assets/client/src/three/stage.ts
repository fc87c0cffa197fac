// The 3-D stage: renderer, camera, light and the patient group. The page orbits it; a headset walks round it.

import * as THREE from "three";
import { OrbitControls } from "three/examples/jsm/controls/OrbitControls.js";

import { Anatomy, type AnatomyProgress } from "./anatomy";
import type { SurfaceSource } from "./surface_source";
import type { VolumeTexture } from "../volume/texture";

export type FrameCallback = (time_s: number, frame: XRFrame | null) => void;

/** What `xr` is given. */
export interface Stage {
  readonly renderer: THREE.WebGLRenderer;
  readonly scene: THREE.Scene;
  readonly camera: THREE.PerspectiveCamera;
  /** Everything of the patient: headset metres, +Y up, origin at the centre of the anatomy. A headset moves it. */
  readonly patient: THREE.Group;
  readonly anatomy: Anatomy;
  /** Lights that stand with the flat camera; hide it and bring own lights where they should stand in a room. */
  readonly headlight: THREE.Group;
  /** Headset metres from patient millimetres (LPS), as the scene says; the patient group's own space. */
  readonly headsetFromPatient: THREE.Matrix4;
  /** Null until voxels begin to arrive. */
  readonly volume: VolumeTexture | null;
  /** Called before each drawn frame. On the flat page, ask for one with `invalidate`. Returns the way to stop it. */
  onFrame(callback: FrameCallback): () => void;
  /** Something changed: draw the next frame. In a session every frame is drawn anyway. */
  invalidate(): void;
}

/** The stage as the page owns it. */
export interface PageStage extends Stage {
  readonly controls: OrbitControls;
  /** Whether the browser draws without a graphics card: detail must stay modest. */
  readonly isSoftware: boolean;
  setVolume(volume: VolumeTexture | null): void;
  setHeadsetFromPatient(rowMajor: readonly number[]): void;
  /** Fits the canvas to its pane. */
  resize(): void;
  /** Looks at the whole anatomy from the front, a little from above. */
  resetView(animate: boolean): void;
  /** Looks along a patient direction, given in headset axes, e.g. (0, 0, 1) from anterior. */
  lookFrom(direction: THREE.Vector3): void;
  /** Pixels (CSS) that one millimetre covers at the middle of the anatomy. */
  pixelsPerMm(): number;
}

const FIELD_OF_VIEW_DEG = 32;

/** Outside a session the loop is the window's own, and passes no frame whatever its type says. */
function inSession(frame: XRFrame | undefined): XRFrame | null {
  return frame ?? null;
}

function createLights(): THREE.Group {
  const lights = new THREE.Group();
  lights.name = "headlight";
  const add = (colour: number, strength: number, x: number, y: number, z: number): void => {
    const light = new THREE.DirectionalLight(colour, strength);
    light.position.set(x, y, z);
    lights.add(light, light.target);
  };
  // Key from upper left as drawings of anatomy have it, a cool fill, a rim from behind.
  add(0xfff4e8, 2.1, -0.7, 1.0, 1.1);
  add(0xcfe0ff, 0.75, 1.2, -0.1, 0.6);
  add(0xffffff, 0.9, 0.2, 0.5, -1.2);
  return lights;
}

/** Names under which browsers' own rasterizers go. */
const SOFTWARE = /swiftshader|llvmpipe|software|basic render/i;

/** Asked of a context of its own: whether edges are smoothed must be known before the real one is made. */
function drawsInSoftware(): boolean {
  const gl = document.createElement("canvas").getContext("webgl2");
  if (gl === null) return true;
  const info = gl.getExtension("WEBGL_debug_renderer_info");
  const name = String(gl.getParameter(info ? info.UNMASKED_RENDERER_WEBGL : gl.RENDERER));
  gl.getExtension("WEBGL_lose_context")?.loseContext();
  return SOFTWARE.test(name);
}

/** A rim round the anatomy. */
const FITTING_MARGIN = 1.12;
const EMPTY_DISTANCE_M = 1;

class FlatStage implements PageStage {
  readonly scene = new THREE.Scene();
  readonly camera = new THREE.PerspectiveCamera(FIELD_OF_VIEW_DEG, 1, 0.01, 20);
  readonly patient = new THREE.Group();
  readonly headlight = createLights();
  readonly headsetFromPatient = new THREE.Matrix4();
  readonly renderer: THREE.WebGLRenderer;
  readonly anatomy: Anatomy;
  readonly controls: OrbitControls;
  readonly isSoftware = drawsInSoftware();
  volume: VolumeTexture | null = null;
  private readonly callbacks = new Set<FrameCallback>();
  private stale = true;
  private turn: { from: THREE.Vector3; to: THREE.Vector3; start_s: number } | null = null;

  constructor(
    private readonly container: HTMLElement,
    source: SurfaceSource,
    progress: (progress: AnatomyProgress) => void,
  ) {
    // Transparent clear: the pane's own background shows on the page, the room in see-through headsets.
    this.renderer = new THREE.WebGLRenderer({ antialias: !this.isSoftware, alpha: true, powerPreference: "high-performance" });
    this.renderer.setClearAlpha(0);
    this.renderer.xr.enabled = true;
    this.renderer.toneMapping = THREE.NeutralToneMapping;
    container.append(this.renderer.domElement);
    this.anatomy = new Anatomy(source, progress, () => this.invalidate());
    this.patient.name = "patient";
    this.patient.add(this.anatomy.group);
    const ambient = new THREE.HemisphereLight(0xf2f6ff, 0x5c5148, 0.95);
    this.scene.add(this.patient, ambient, this.headlight);
    this.controls = new OrbitControls(this.camera, this.renderer.domElement);
    this.controls.enableDamping = false;
    this.controls.addEventListener("change", () => this.invalidate());
    this.resetView(false);
    this.warmUp();
    this.renderer.setAnimationLoop((time_ms, frame) => this.tick(time_ms / 1000, inSession(frame)));
  }

  /** Builds the shaders while the scan is still on its way. */
  private warmUp(): void {
    const sample = Anatomy.sample();
    this.scene.add(sample);
    this.renderer.render(this.scene, this.camera);
    sample.removeFromParent();
  }

  onFrame(callback: FrameCallback): () => void {
    this.callbacks.add(callback);
    return () => this.callbacks.delete(callback);
  }

  invalidate(): void {
    this.stale = true;
  }

  setVolume(volume: VolumeTexture | null): void {
    this.volume?.dispose();
    this.volume = volume;
    this.invalidate();
  }

  setHeadsetFromPatient(rowMajor: readonly number[]): void {
    this.headsetFromPatient.fromArray(rowMajor).transpose();
  }

  resize(): void {
    const { clientWidth: width, clientHeight: height } = this.container;
    if (width === 0 || height === 0 || this.renderer.xr.isPresenting) return;
    this.renderer.setPixelRatio(this.isSoftware ? 1 : Math.min(window.devicePixelRatio, 2));
    this.renderer.setSize(width, height);
    // Seen from as far as the new shape needs: what filled the pane still does.
    const offset = this.camera.position.clone().sub(this.controls.target);
    const from = offset.clone().normalize();
    const before = this.fittingDistance_m(from);
    this.camera.aspect = width / height;
    this.camera.updateProjectionMatrix();
    this.camera.position.copy(this.controls.target).addScaledVector(offset, this.fittingDistance_m(from) / before);
    this.controls.update();
    this.invalidate();
  }

  resetView(animate: boolean): void {
    const box = this.anatomy.bounds();
    if (box.isEmpty()) this.controls.target.set(0, 0, 0);
    else box.getCenter(this.controls.target);
    const from = new THREE.Vector3(0.28, 0.2, 1).normalize();
    this.moveTo(from.clone().multiplyScalar(this.fittingDistance_m(from)).add(this.controls.target), animate);
  }

  lookFrom(direction: THREE.Vector3): void {
    const radius = this.camera.position.distanceTo(this.controls.target);
    // A hair off the pole: orbiting has no "up" there.
    const eye = direction.clone().normalize().add(new THREE.Vector3(0, 0, 1e-3)).normalize();
    this.moveTo(eye.multiplyScalar(radius).add(this.controls.target), true);
  }

  pixelsPerMm(): number {
    const distance_m = this.camera.position.distanceTo(this.controls.target);
    const height_m = 2 * distance_m * Math.tan(THREE.MathUtils.degToRad(FIELD_OF_VIEW_DEG / 2));
    return this.container.clientHeight / (height_m * 1000);
  }

  /** From how far along `from` (unit) all of the anatomy is seen. */
  private fittingDistance_m(from: THREE.Vector3): number {
    const right = new THREE.Vector3(0, 1, 0).cross(from).normalize();
    const up = from.clone().cross(right);
    const tall = Math.tan(THREE.MathUtils.degToRad(FIELD_OF_VIEW_DEG / 2));
    const needed = this.anatomy.outline().map((point) => {
      const at = point.sub(this.controls.target);
      return Math.max(Math.abs(at.dot(right)) / (tall * this.camera.aspect), Math.abs(at.dot(up)) / tall) + at.dot(from);
    });
    return needed.length > 0 ? FITTING_MARGIN * Math.max(...needed) : EMPTY_DISTANCE_M;
  }

  private moveTo(eye: THREE.Vector3, animate: boolean): void {
    const still = window.matchMedia("(prefers-reduced-motion: reduce)").matches;
    if (animate && !still) {
      const { target } = this.controls;
      this.turn = { from: this.camera.position.clone().sub(target), to: eye.clone().sub(target), start_s: performance.now() / 1000 };
    } else {
      this.camera.position.copy(eye);
      this.controls.update();
    }
    this.invalidate();
  }

  private advanceTurn(): void {
    if (this.turn === null) return;
    const passed = Math.min(1, (performance.now() / 1000 - this.turn.start_s) / 0.28);
    const eased = passed * passed * (3 - 2 * passed);
    const { from, to } = this.turn;
    const radius = THREE.MathUtils.lerp(from.length(), to.length(), eased);
    this.camera.position.copy(from).lerp(to, eased).setLength(radius).add(this.controls.target);
    this.controls.update();
    if (passed === 1) this.turn = null;
    this.invalidate();
  }

  private tick(time_s: number, frame: XRFrame | null): void {
    const presenting = this.renderer.xr.isPresenting;
    if (!presenting) this.advanceTurn();
    for (const callback of this.callbacks) callback(time_s, frame);
    if (!presenting && !this.stale) return;
    this.stale = false;
    if (!presenting) this.headlight.quaternion.copy(this.camera.quaternion);
    this.renderer.render(this.scene, this.camera);
  }
}

export function createStage(
  container: HTMLElement,
  source: SurfaceSource,
  progress: (progress: AnatomyProgress) => void,
): PageStage {
  return new FlatStage(container, source, progress);
}
