// Voxels of the studies of a case: in memory for the flat page, as textures for the headset.

import type { Studies } from "./desk";
import type { Study } from "../model/reading/state";
import { volumeOf } from "../model/scene";
import type { Voxels } from "../slices/reslice";
import type { PageStage } from "../three/stage";
import { VolumeLoader } from "../volume/loader";
import { uploadLabels } from "../volume/texture";
import type { Scene, SurfaceNode } from "../wire/messages";

export interface LoadedStudy {
  readonly scene: Scene;
  readonly loader: VolumeLoader;
}

export class LoadedStudies implements Studies {
  readonly all = new Map<string, LoadedStudy>();

  constructor(
    private readonly stage: PageStage,
    private readonly told: (volume: string, part: Partial<Study>) => void,
    /** Samples arrived or labels changed. */
    private readonly changed: (volume: string) => void,
  ) {}

  open(volume: string, scene: Scene): void {
    const node = volumeOf(scene);
    if (node === undefined || this.all.has(volume)) return;
    const loader = new VolumeLoader(node, scene.headset_from_patient, this.stage.renderer, {
      texture: () => undefined,
      progress: (fraction) => this.told(volume, { state: fraction < 1 ? "loading" : "ready", fraction }),
      arrived: () => this.changed(volume),
      failed: () => this.told(volume, { state: "failed" }),
    });
    this.all.set(volume, { scene, loader });
    this.told(volume, { state: "loading", fraction: 0, node });
    if (this.all.size === 1) this.stage.setHeadsetFromPatient(scene.headset_from_patient);
  }

  close(): void {
    for (const { loader } of this.all.values()) {
      loader.dispose();
      loader.texture.dispose();
    }
    this.all.clear();
  }

  voxels(volume: string): Voxels | null {
    return this.all.get(volume)?.loader.voxels ?? null;
  }

  painted(volume: string): void {
    const study = this.all.get(volume);
    if (study && study.loader.texture.reduction === 1 && this.stage.renderer.xr.isPresenting) {
      const { labels, node } = study.loader.voxels;
      uploadLabels(this.stage.renderer, study.loader.texture.labels, Uint8Array.from(labels), node.shape, [0, 0, 0]);
    }
    this.changed(volume);
  }

  /** Puts what has arrived into the textures, a slab a frame. */
  step(): void {
    for (const { loader } of this.all.values()) if (loader.step()) return;
  }

  surfaces(): SurfaceNode[] {
    return [...this.all.values()].flatMap(({ scene }) => scene.nodes.filter((node): node is SurfaceNode => node.kind === "surface"));
  }
}
