// The reference encoder: node encode.mjs COUNT STRIDE MODE, elements on stdin, stream on stdout.
import { readFileSync, writeSync } from 'node:fs';
import { MeshoptEncoder } from 'meshoptimizer';

const [count, stride, mode] = process.argv.slice(2);
await MeshoptEncoder.ready;
const source = new Uint8Array(readFileSync(0));
const stream =
  mode === 'ATTRIBUTES'
    ? MeshoptEncoder.encodeVertexBufferLevel(source, Number(count), Number(stride), 2, 0)
    : MeshoptEncoder.encodeGltfBuffer(source, Number(count), Number(stride), mode);
for (let at = 0; at < stream.length; ) at += writeSync(1, stream, at);
