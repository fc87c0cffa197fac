// The Khronos validator: node validate.mjs, GLB on stdin, issues as JSON on stdout: of the file as it is, and, as the
// validator does not look into compressed views, of the same file decompressed by the reference decoder.
import { readFileSync } from 'node:fs';
import validator from 'gltf-validator';
import { MeshoptDecoder } from 'meshoptimizer';

const EXTENSION = 'EXT_meshopt_compression';
const glb = new Uint8Array(readFileSync(0));

function plain(glb) {
  const length = new DataView(glb.buffer, glb.byteOffset).getUint32(12, true);
  const json = JSON.parse(new TextDecoder().decode(glb.subarray(20, 20 + length)));
  const binary = glb.subarray(28 + length);
  const size = json.buffers?.[1]?.byteLength ?? 0;
  const out = new Uint8Array(size);
  for (const view of json.bufferViews ?? []) {
    const { byteOffset, byteLength, count, byteStride, mode, filter } = view.extensions[EXTENSION];
    const source = binary.subarray(byteOffset, byteOffset + byteLength);
    const target = new Uint8Array(count * byteStride);
    MeshoptDecoder.decodeGltfBuffer(target, count, byteStride, source, mode, filter ?? 'NONE');
    out.set(target, view.byteOffset);
    delete view.extensions;
    view.buffer = 0;
  }
  json.buffers = [{ byteLength: size, uri: `data:application/octet-stream;base64,${Buffer.from(out).toString('base64')}` }];
  for (const list of ['extensionsUsed', 'extensionsRequired']) json[list] = json[list].filter((name) => name !== EXTENSION);
  return new TextEncoder().encode(JSON.stringify(json));
}

await MeshoptDecoder.ready;
const reports = [await validator.validateBytes(glb, { format: 'glb' }), await validator.validateBytes(plain(glb), { format: 'gltf' })];
console.log(JSON.stringify(reports.map((report) => report.issues)));
