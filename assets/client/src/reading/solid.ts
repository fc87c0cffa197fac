// 3-D beside the slices, on request: the cuts where they lie, and after reveal what was there. Support, not proof.

import * as THREE from "three";

import type { ReadingDesk } from "./desk";
import type { LoadedStudies } from "./studies";
import { currentOf } from "../model/reading/hanging";
import { PLANES } from "../model/state";
import { SlicePlanes } from "../three/slice_plane";
import type { PageStage } from "../three/stage";
import type { FindingTold } from "../wire/training_messages";

const FOUND = 0x5fd0e0;
const MISSED = 0xf0b23e;

export class Solid {
  private planes: { readonly volume: string; readonly planes: SlicePlanes } | null = null;
  private readonly truth = new THREE.Group();
  private told: readonly FindingTold[] = [];
  private isPlaced = false;

  constructor(
    private readonly desk: ReadingDesk,
    private readonly stage: PageStage,
    private readonly studies: LoadedStudies,
  ) {
    // In the headset too.
    this.truth.userData["ofPatient"] = true;
    stage.patient.add(this.truth);
    for (const part of ["cuts", "told", "is3d", "reading"] as const) desk.store.watch((state) => state[part], () => this.show());
  }

  /** Follows the cuts; called before each frame. */
  step(): void {
    if (this.planes !== null && this.desk.store.get().is3d) this.showCuts();
  }

  private show(): void {
    const state = this.desk.store.get();
    const volume = state.reading && currentOf(state.reading.case)?.id;
    const study = volume && this.studies.all.get(volume);
    if (this.planes !== null && (!study || this.planes.volume !== volume || this.planes.planes.group.parent === null)) this.drop();
    if (!study || !state.is3d) {
      this.stage.invalidate();
      return;
    }
    if (this.planes === null) {
      this.planes = { volume, planes: new SlicePlanes(study.loader.texture, this.stage.headsetFromPatient) };
      this.planes.planes.group.userData["ofPatient"] = true;
      this.stage.patient.add(this.planes.planes.group);
      this.stage.anatomy.setNodes(this.studies.surfaces(), study.scene.id);
    }
    this.showCuts();
    this.showTruth(state.told?.findings.filter((finding) => finding.volume === volume) ?? []);
    if (!this.isPlaced) {
      this.isPlaced = true;
      this.fit(study.loader.texture.node.shape.map((n, axis) => (n * study.loader.texture.node.spacing_mm[axis]!) / 1000));
    }
    this.stage.invalidate();
  }

  /** Far enough to see the whole volume, from the front and a little from above. */
  private fit(size_m: readonly number[]): void {
    const { camera, controls } = this.stage;
    controls.target.set(0, 0, 0);
    const tall = Math.sin(THREE.MathUtils.degToRad(camera.fov / 2));
    camera.position.set(0.35, 0.3, 1).setLength(Math.hypot(...size_m) / 2 / tall / Math.min(1, camera.aspect));
    controls.update();
  }

  private showCuts(): void {
    const { cuts, active } = this.desk.store.get();
    const cut = cuts[active];
    if (this.planes === null || !cut) return;
    const at = [...cut.at_mm] as [number, number, number];
    // Each plane stands where its own pane is cut.
    for (const plane of PLANES) {
      const own = cuts.find((each) => each.plane === plane && each.volume === this.planes!.volume);
      const axis = { sagittal: 0, coronal: 1, axial: 2 }[plane];
      if (own) at[axis] = own.at_mm[axis]!;
    }
    this.studies.all.get(this.planes.volume)?.loader.texture.setWindow(cut.window.low, cut.window.high);
    this.planes.planes.setCursor(at, this.stage.patient);
  }

  private showTruth(findings: readonly FindingTold[]): void {
    if (findings === this.told) return;
    this.told = findings;
    for (const child of [...this.truth.children] as THREE.Mesh[]) {
      child.geometry.dispose();
      (child.material as THREE.Material).dispose();
      this.truth.remove(child);
    }
    for (const finding of findings) {
      const material = new THREE.MeshStandardMaterial({ color: finding.became === "found" ? FOUND : MISSED, transparent: true, opacity: 0.55, depthWrite: false });
      const ball = new THREE.Mesh(new THREE.SphereGeometry(Math.max(2, finding.radius_mm) / 1000, 32, 24), material);
      ball.position.set(...finding.at_mm).applyMatrix4(this.stage.headsetFromPatient);
      this.truth.add(ball);
    }
  }

  private drop(): void {
    this.planes?.planes.dispose();
    this.planes = null;
    this.isPlaced = false;
    this.showTruth([]);
  }
}
