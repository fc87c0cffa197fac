// Surfaces that move and keep their triangles: new positions in the place of those that a GLB came with.

import * as THREE from "three";
import { MeshoptDecoder } from "three/examples/jsm/libs/meshopt_decoder.module.js";

import { fetchBlob } from "../wire/blobs";
import type { MovedPositions } from "../wire/messages";

/** x, y, z, 0 as uint16. */
const STRIDE_BYTES = 8;

/** The positions as they travel. Rejects as `fetchBlob` does. */
export async function fetchPositions({ blob, start, bytes, vertices }: MovedPositions, signal: AbortSignal): Promise<Uint16Array<ArrayBuffer>> {
  const [data] = await Promise.all([fetchBlob(blob, signal), MeshoptDecoder.ready]);
  const target = new Uint8Array(vertices * STRIDE_BYTES);
  MeshoptDecoder.decodeGltfBuffer(target, vertices, STRIDE_BYTES, new Uint8Array(data, start, bytes), "ATTRIBUTES");
  return new Uint16Array(target.buffer);
}

/**
 * Puts vertices where they are now; `userData.matrix` follows. Normals are made anew from the triangles.
 * `userData.root` maps patient millimetres to headset metres. Throws where the positions are of another surface.
 */
export function putPositions(geometry: THREE.BufferGeometry, positions: Uint16Array<ArrayBuffer>, { vertices, origin_mm, step_mm }: MovedPositions): void {
  if (geometry.getAttribute("position").count !== vertices) throw new Error(`positions of ${vertices} vertices for a surface of another number`);
  const known = geometry.getAttribute("position");
  // In place where it can be: three frees what the graphics card holds with the geometry, not with an attribute.
  if (known instanceof THREE.InterleavedBufferAttribute && known.data.array instanceof Uint16Array && known.data.array.length === positions.length) {
    known.data.array.set(positions);
    known.data.needsUpdate = true;
  } else geometry.setAttribute("position", new THREE.InterleavedBufferAttribute(new THREE.InterleavedBuffer(positions, STRIDE_BYTES / 2), 3, 0));
  if (!(geometry.getAttribute("normal").array instanceof Float32Array)) geometry.deleteAttribute("normal");
  geometry.computeVertexNormals();
  geometry.boundingBox = geometry.boundingSphere = null;
  const placed = new THREE.Matrix4().compose(new THREE.Vector3(...origin_mm), new THREE.Quaternion(), new THREE.Vector3(step_mm, step_mm, step_mm));
  geometry.userData["matrix"] = new THREE.Matrix4().copy(geometry.userData["root"] as THREE.Matrix4).multiply(placed);
}
