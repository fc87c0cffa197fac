// The reference decoder: node decode.mjs COUNT STRIDE MODE FILTER, stream on stdin, elements on stdout.
import { readFileSync, writeSync } from 'node:fs';
import { MeshoptDecoder } from 'meshoptimizer';

const [count, stride, mode, filter] = process.argv.slice(2);
await MeshoptDecoder.ready;
const target = new Uint8Array(Number(count) * Number(stride));
MeshoptDecoder.decodeGltfBuffer(target, Number(count), Number(stride), new Uint8Array(readFileSync(0)), mode, filter);
for (let at = 0; at < target.length; ) at += writeSync(1, target, at);
