// Brings a volume's voxels to memory for flat slices, middle first; nothing of it goes to a graphics card.

import type { SlabReply, SlabRequest } from "./worker_messages";
import type { Voxels } from "../slices/reslice";
import type { VolumeNode } from "../wire/messages";

declare const __WORKER__: string;

/** The least sample: what has not arrived is drawn black. */
const NOTHING = -32768;
/** The worker prepares a texture too: one voxel of so many is hardly any work. */
const NO_TEXTURE = 64;
const IN_FLIGHT = 3;

export interface VoxelEvents {
  arrived(fraction: number): void;
  failed(): void;
}

export class VoxelLoader {
  readonly voxels: Voxels;
  private readonly worker = new Worker(new URL(__WORKER__, import.meta.url), { type: "module" });
  private readonly waiting: VolumeNode["slabs"];
  private readonly starts = new Map<number, number>();
  private done = 0;
  private nextId = 0;

  constructor(private readonly node: VolumeNode, private readonly events: VoxelEvents) {
    const count = node.shape[0] * node.shape[1] * node.shape[2];
    this.voxels = { node, samples: new Int16Array(count).fill(NOTHING), labels: new Uint8Array(count) };
    const middle = node.slabs.length / 2;
    this.waiting = node.slabs.map((slab, n) => ({ slab, from: Math.abs(n + 0.5 - middle) })).sort((a, b) => a.from - b.from).map(({ slab }) => slab);
    this.worker.addEventListener("message", (event: MessageEvent<SlabReply>) => this.receive(event.data));
    this.worker.addEventListener("error", () => events.failed());
    this.ask();
  }

  dispose(): void {
    this.worker.terminate();
  }

  private ask(): void {
    while (this.starts.size < IN_FLIGHT) {
      const slab = this.waiting.shift();
      if (slab === undefined) return;
      const id = this.nextId++;
      this.starts.set(id, slab.k_start);
      const request: SlabRequest = { id, kind: "samples", blob: slab.blob, kStart: slab.k_start, kCount: slab.k_count, shape: this.node.shape, reduction: NO_TEXTURE };
      this.worker.postMessage(request);
    }
  }

  private receive(reply: SlabReply): void {
    const start = this.starts.get(reply.id) ?? 0;
    this.starts.delete(reply.id);
    if (!reply.ok || "box" in reply) {
      this.dispose();
      this.events.failed();
      return;
    }
    const [ni, nj] = this.node.shape;
    this.voxels.samples.set(reply.full, start * ni * nj);
    this.done += 1;
    this.events.arrived(this.done / this.node.slabs.length);
    this.ask();
  }
}
