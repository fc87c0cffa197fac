// Off the main thread: fetches a slab, unpacks it, and prepares it for slices and for the texture.

import { ZSTDDecoder } from "three/examples/jsm/libs/zstddec.module.js";

import { halfFromSamples } from "./half";
import { reduceSlices } from "./reduce";
import type { BoxDone, BoxRequest, SlabDone, SlabReply, SlabRequest } from "./worker_messages";
import { demoSlices } from "../demo/phantom";
import { fetchBlob } from "../wire/blobs";

const decoder = new ZSTDDecoder();
const ready = decoder.init();

async function voxels(request: SlabRequest): Promise<Int16Array<ArrayBuffer> | Uint8Array<ArrayBuffer>> {
  if (request.blob.startsWith("demo:")) return demoSlices(request.kStart, request.kCount)[request.kind];
  const [packed] = await Promise.all([fetchBlob(request.blob, new AbortController().signal), ready]);
  const count = request.shape[0] * request.shape[1] * request.kCount;
  const size = request.kind === "samples" ? 2 * count : count;
  const bytes = decoder.decode(new Uint8Array(packed), size) as Uint8Array<ArrayBuffer>;
  if (bytes.byteLength !== size) throw new Error(`a slab holds ${bytes.byteLength} bytes instead of ${size}`);
  return request.kind === "samples" ? new Int16Array(bytes.buffer, bytes.byteOffset, count) : bytes;
}

async function answer(request: SlabRequest): Promise<SlabDone> {
  const full = await voxels(request);
  const { kStart, kCount } = request;
  const reduced = reduceSlices({ kStart, kCount, data: full }, request.shape, request.reduction);
  // The texture's copy must not share the buffer that is handed over with `full`.
  const data = reduced.data instanceof Int16Array ? halfFromSamples(reduced.data) : Uint8Array.from(reduced.data);
  return { id: request.id, ok: true, full, texture: { kStart: reduced.kStart, kCount: reduced.kCount, data } };
}

async function partOf({ blob, start, bytes }: BoxRequest): Promise<ArrayBuffer> {
  return (await fetchBlob(blob, new AbortController().signal)).slice(start, start + bytes);
}

async function box(request: BoxRequest): Promise<BoxDone> {
  const [packed] = await Promise.all([request.packed ?? partOf(request), ready]);
  const bytes = decoder.decode(new Uint8Array(packed), request.count) as Uint8Array<ArrayBuffer>;
  if (bytes.byteLength !== request.count) throw new Error(`a box holds ${bytes.byteLength} labels instead of ${request.count}`);
  return { id: request.id, ok: true, box: Uint8Array.from(bytes) };
}

self.addEventListener("message", (event: MessageEvent<SlabRequest | BoxRequest>) => {
  const made = event.data.kind === "box" ? box(event.data) : answer(event.data);
  made.then(
    (done) => {
      const transfer = "box" in done ? [done.box.buffer] : [done.full.buffer, done.texture.data.buffer];
      self.postMessage(done, { transfer });
    },
    (error: unknown) => {
      const reason = error instanceof Error ? error.message : "unknown";
      self.postMessage({ id: event.data.id, ok: false, reason } satisfies SlabReply);
    },
  );
});
