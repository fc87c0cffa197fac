// Brings a volume's voxels: to the texture slab by slab, and to memory for the flat slices. Middle first.

import type * as THREE from "three";

import { createVolumeTexture, fit, uploadSlab, type TextureSlab, type VolumeTexture } from "./texture";
import type { SlabDone, SlabKind, SlabReply, SlabRequest } from "./worker_messages";
import type { Voxels } from "../slices/reslice";
import { valueOfSample } from "../model/scene";
import type { Slab, VolumeNode } from "../wire/messages";

declare const __WORKER__: string;

/** What a page may take of the GPU for voxels: a headset's own browser has a small share. */
const TEXTURE_BYTES = { desktop: 768e6, headset: 256e6 };
const HEADSET_BROWSER = /OculusBrowser|Quest|Pico|VIVE|HoloLens|AndroidXR/i;
/** The least sample: what has not arrived is drawn black and has no value. */
const NOTHING = -32768;
/** Requests under way: one unpacks while others travel. */
const IN_FLIGHT = 3;

export interface VolumeEvents {
  texture(texture: VolumeTexture): void;
  progress(fraction: number): void;
  /** More voxels are in memory. */
  arrived(): void;
  failed(): void;
}

interface Task {
  readonly kind: SlabKind;
  readonly slab: Slab;
}

export class VolumeLoader {
  readonly texture: VolumeTexture;
  private readonly worker = new Worker(new URL(__WORKER__, import.meta.url), { type: "module" });
  private readonly waiting: Task[];
  private readonly underWay = new Map<number, Task>();
  private readonly uploads: { target: THREE.Data3DTexture; slab: TextureSlab }[] = [];
  readonly voxels: Voxels;
  private readonly total: number;
  private done = 0;
  private nextId = 0;

  constructor(
    private readonly node: VolumeNode,
    headsetFromPatient: readonly number[],
    private readonly renderer: THREE.WebGLRenderer,
    private readonly events: VolumeEvents,
  ) {
    const bytes = HEADSET_BROWSER.test(navigator.userAgent) ? TEXTURE_BYTES.headset : TEXTURE_BYTES.desktop;
    const gl = renderer.getContext() as WebGL2RenderingContext;
    const size = fit(node.shape, gl.getParameter(gl.MAX_3D_TEXTURE_SIZE) as number, bytes);
    this.texture = createVolumeTexture(node, headsetFromPatient, size);
    const count = node.shape[0] * node.shape[1] * node.shape[2];
    // Black until it arrives.
    this.voxels = { node, samples: new Int16Array(count).fill(NOTHING), labels: new Uint8Array(count) };
    this.total = node.slabs.length + node.label_slabs.length;
    this.waiting = [...middleFirst(node.slabs, "samples"), ...middleFirst(node.label_slabs, "labels")];
    this.worker.addEventListener("message", (event: MessageEvent<SlabReply>) => this.receive(event.data));
    this.worker.addEventListener("error", () => events.failed());
    renderer.initTexture(this.texture.texture);
    renderer.initTexture(this.texture.labels);
    events.texture(this.texture);
    this.ask();
  }

  /** Once a frame: puts one slab into the texture. Returns whether it did. */
  step(): boolean {
    const next = this.uploads.shift();
    if (next === undefined) return false;
    uploadSlab(this.renderer, next.target, next.slab);
    return true;
  }

  /** Value at a voxel in the volume's own unit; null where it has not arrived. */
  sample(i: number, j: number, k: number): number | null {
    const [ni, nj, nk] = this.node.shape;
    if (i < 0 || j < 0 || k < 0 || i >= ni || j >= nj || k >= nk) return null;
    const raw = this.voxels.samples[(k * nj + j) * ni + i]!;
    return raw === NOTHING ? null : valueOfSample(this.node, raw);
  }

  dispose(): void {
    this.worker.terminate();
    this.uploads.length = 0;
  }

  private ask(): void {
    while (this.underWay.size < IN_FLIGHT) {
      const task = this.waiting.shift();
      if (task === undefined) return;
      const id = this.nextId++;
      this.underWay.set(id, task);
      const { blob, k_start: kStart, k_count: kCount } = task.slab;
      const { shape } = this.node;
      const request: SlabRequest = { id, kind: task.kind, blob, kStart, kCount, shape, reduction: this.texture.reduction };
      this.worker.postMessage(request);
    }
  }

  private receive(reply: SlabReply): void {
    const task = this.underWay.get(reply.id)!;
    this.underWay.delete(reply.id);
    if (!reply.ok) {
      this.dispose();
      this.events.failed();
      return;
    }
    this.keep(task, reply);
    this.ask();
  }

  private keep({ kind, slab }: Task, reply: SlabDone): void {
    const [ni, nj] = this.node.shape;
    this.voxels[kind].set(reply.full, slab.k_start * ni * nj);
    const target = kind === "samples" ? this.texture.texture : this.texture.labels;
    if (reply.texture.kCount > 0) this.uploads.push({ target, slab: reply.texture });
    this.done += 1;
    this.events.arrived();
    this.events.progress(this.done / this.total);
  }
}

function middleFirst(slabs: readonly Slab[], kind: SlabKind): Task[] {
  const middle = slabs.length / 2;
  return slabs
    .map((slab, index) => ({ task: { kind, slab }, from: Math.abs(index + 0.5 - middle) }))
    .sort((a, b) => a.from - b.from)
    .map(({ task }) => task);
}
