// The reference's drawing order: node reorder.mjs, uint32 triangle list on stdin; new list, then old-to-new, on stdout.
import { readFileSync, writeSync } from 'node:fs';
import { MeshoptEncoder } from 'meshoptimizer';

await MeshoptEncoder.ready;
const bytes = readFileSync(0);
const indices = new Uint32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength));
const [remap] = MeshoptEncoder.reorderMesh(indices, true, true);
for (const part of [indices, remap]) {
  const out = new Uint8Array(part.buffer, part.byteOffset, part.byteLength);
  for (let at = 0; at < out.length; ) at += writeSync(1, out, at);
}
