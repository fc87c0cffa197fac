// The GLB of a patch, read without a general loader: what `engine.mesh.gltf.single_surface_glb` writes and nothing else.

import * as THREE from "three";
import { MeshoptDecoder } from "three/examples/jsm/libs/meshopt_decoder.module.js";

interface View {
  readonly byteLength: number;
  readonly extensions: {
    readonly EXT_meshopt_compression: {
      readonly byteOffset: number;
      readonly byteLength: number;
      readonly byteStride: number;
      readonly count: number;
      readonly mode: string;
      readonly filter?: string;
    };
  };
}

interface Document {
  readonly nodes: readonly [{ readonly matrix: number[] }, { readonly translation: [number, number, number]; readonly scale: [number, number, number] }];
  readonly meshes: readonly [{ readonly primitives: readonly [{ readonly indices: number; readonly attributes: { readonly POSITION: number; readonly NORMAL: number } }] }];
  readonly accessors: readonly { readonly bufferView: number }[];
  readonly bufferViews: readonly View[];
}

const HEADER_BYTES = 12;
const CHUNK_BYTES = 8;
const SHORT_BYTES = 2;

/** The surface of a patch; `userData.matrix` maps its attributes to headset metres. Await `MeshoptDecoder.ready` before. */
export function parsePatch(bytes: Uint8Array): THREE.BufferGeometry {
  const header = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const textBytes = header.getUint32(HEADER_BYTES, true);
  const text = bytes.subarray(HEADER_BYTES + CHUNK_BYTES, HEADER_BYTES + CHUNK_BYTES + textBytes);
  const document = JSON.parse(new TextDecoder().decode(text)) as Document;
  const binary = bytes.subarray(HEADER_BYTES + 2 * CHUNK_BYTES + textBytes);
  const [primitive] = document.meshes[0].primitives;
  const decoded = (accessor: number): Uint8Array<ArrayBuffer> => decode(document.bufferViews[document.accessors[accessor]!.bufferView]!, binary);
  const geometry = new THREE.BufferGeometry();
  const positions = new THREE.InterleavedBuffer(new Uint16Array(decoded(primitive.attributes.POSITION).buffer), 4);
  const normals = new THREE.InterleavedBuffer(new Int8Array(decoded(primitive.attributes.NORMAL).buffer), 4);
  geometry.setAttribute("position", new THREE.InterleavedBufferAttribute(positions, 3, 0));
  geometry.setAttribute("normal", new THREE.InterleavedBufferAttribute(normals, 3, 0, true));
  geometry.setIndex(new THREE.BufferAttribute(indices(document, primitive.indices, decoded), 1));
  const [root, { translation, scale }] = document.nodes;
  const placed = new THREE.Matrix4().compose(new THREE.Vector3(...translation), new THREE.Quaternion(), new THREE.Vector3(...scale));
  geometry.userData["matrix"] = new THREE.Matrix4().fromArray(root.matrix).multiply(placed);
  return geometry;
}

function indices(document: Document, accessor: number, decoded: (accessor: number) => Uint8Array<ArrayBuffer>): Uint16Array | Uint32Array {
  const { byteStride } = document.bufferViews[document.accessors[accessor]!.bufferView]!.extensions.EXT_meshopt_compression;
  const { buffer } = decoded(accessor);
  return byteStride === SHORT_BYTES ? new Uint16Array(buffer) : new Uint32Array(buffer);
}

function decode(view: View, binary: Uint8Array): Uint8Array<ArrayBuffer> {
  const { byteOffset, byteLength, byteStride, count, mode, filter } = view.extensions.EXT_meshopt_compression;
  const target = new Uint8Array(count * byteStride);
  MeshoptDecoder.decodeGltfBuffer(target, count, byteStride, binary.subarray(byteOffset, byteOffset + byteLength), mode, filter);
  return target;
}
