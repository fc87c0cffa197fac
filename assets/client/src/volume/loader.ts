// Brings a volume's voxels: to the texture slab by slab, and to memory for the flat slices. Middle first.

import type * as THREE from "three";

import { createVolumeTexture, fit, uploadLabels, uploadSlab, type TextureSlab, type VolumeTexture } from "./texture";
import type { BoxRequest, SlabDone, SlabKind, SlabReply, SlabRequest } from "./worker_messages";
import type { Voxels } from "../slices/reslice";
import { valueOfSample } from "../model/scene";
import { heldBlob } from "../wire/blobs";
import type { LabelBox, Slab, VolumeNode } from "../wire/messages";

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
  /** Boxes of labels asked for or put in, by what they are; and those whose labels wait for the slabs beneath. */
  private readonly boxes = new Map<string, LabelBox>();
  private readonly boxUnderWay = new Map<number, LabelBox>();
  private readonly ready: { box: LabelBox; labels: Uint8Array<ArrayBuffer> }[] = [];

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

  /** Whether all of it stands in the texture, which is no picture before. */
  get isInTexture(): boolean {
    return this.done === this.total && this.uploads.length === 0;
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

  /** Labels after edits, each box over those before it. */
  setBoxes(boxes: readonly LabelBox[]): void {
    for (const box of boxes) {
      const name = `${box.blob}:${box.start}`;
      if (this.boxes.has(name)) continue;
      this.boxes.set(name, box);
      const id = this.nextId++;
      this.boxUnderWay.set(id, box);
      const { blob, start, bytes, shape } = box;
      const packed = heldBlob(blob)?.slice(start, start + bytes) ?? null;
      const request: BoxRequest = { id, kind: "box", blob, start, bytes, packed, count: shape[0] * shape[1] * shape[2] };
      this.worker.postMessage(request, packed ? [packed] : []);
    }
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
    const box = this.boxUnderWay.get(reply.id);
    if (box) {
      this.boxUnderWay.delete(reply.id);
      if (reply.ok && "box" in reply) this.ready.push({ box, labels: reply.box });
      else this.events.failed();
      this.putBoxes();
      return;
    }
    const task = this.underWay.get(reply.id)!;
    this.underWay.delete(reply.id);
    if (reply.ok && "box" in reply) return;
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
    this.putBoxes();
  }

  /** Once every slab is there, boxes go over them in the order of their edits. */
  private putBoxes(): void {
    if (this.done < this.total || this.boxUnderWay.size > 0 || this.ready.length === 0) return;
    const order = [...this.boxes.values()];
    this.ready.sort((a, b) => order.indexOf(a.box) - order.indexOf(b.box));
    for (const { box, labels } of this.ready.splice(0)) {
      putBox(this.voxels.labels, this.node.shape, box, labels);
      const part = reducedBox(this.voxels.labels, this.node.shape, box, this.texture.reduction);
      if (part) uploadLabels(this.renderer, this.texture.labels, part.data, part.shape, part.at);
    }
    this.events.arrived();
  }
}

/** Writes a box of labels, i fastest, into all of them. */
export function putBox(labels: Uint8Array, shape: readonly [number, number, number], { low, shape: size }: Pick<LabelBox, "low" | "shape">, box: Uint8Array): void {
  for (let k = 0, from = 0; k < size[2]; k += 1) {
    for (let j = 0; j < size[1]; j += 1, from += size[0]) {
      labels.set(box.subarray(from, from + size[0]), ((low[2] + k) * shape[1] + low[1] + j) * shape[0] + low[0]);
    }
  }
}

/** What of a box the texture shows, which may hold one voxel in `factor` along each axis; null where none. */
export function reducedBox(labels: Uint8Array, shape: readonly [number, number, number], { low, shape: size }: Pick<LabelBox, "low" | "shape">, factor: number): { data: Uint8Array<ArrayBuffer>; shape: [number, number, number]; at: [number, number, number] } | null {
  const middle = (index: number, axis: number): number => Math.min(index * factor + (factor >> 1), shape[axis]! - 1);
  const spans = [0, 1, 2].map((axis) => {
    const count = Math.ceil(shape[axis]! / factor);
    const shown = Array.from({ length: count }, (_, index) => index).filter((index) => middle(index, axis) >= low[axis]! && middle(index, axis) < low[axis]! + size[axis]!);
    return { first: shown[0] ?? 0, count: shown.length };
  });
  const [ni, nj, nk] = spans.map(({ count }) => count) as [number, number, number];
  if (ni * nj * nk === 0) return null;
  const at = spans.map(({ first }) => first) as [number, number, number];
  const data = new Uint8Array(ni * nj * nk);
  let out = 0;
  for (let k = 0; k < nk; k += 1)
    for (let j = 0; j < nj; j += 1)
      for (let i = 0; i < ni; i += 1) data[out++] = labels[(middle(at[2] + k, 2) * shape[1] + middle(at[1] + j, 1)) * shape[0] + middle(at[0] + i, 0)]!;
  return { data, shape: [ni, nj, nk], at };
}

function middleFirst(slabs: readonly Slab[], kind: SlabKind): Task[] {
  const middle = slabs.length / 2;
  return slabs
    .map((slab, index) => ({ task: { kind, slab }, from: Math.abs(index + 0.5 - middle) }))
    .sort((a, b) => a.from - b.from)
    .map(({ task }) => task);
}
