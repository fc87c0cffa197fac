// Surfaces from GLB blobs (quantised, meshopt): the node's transform is kept beside the geometry, so that the
// attributes stay as small as they came.

import * as THREE from "three";
import { MeshoptDecoder } from "three/examples/jsm/libs/meshopt_decoder.module.js";
import { GLTFLoader } from "three/examples/jsm/loaders/GLTFLoader.js";

import { fetchPositions } from "./moved";
import { parsePatch } from "./patch_glb";
import type { SurfaceSource } from "./surface_source";
import { fetchBlob } from "../wire/blobs";

const loader = new GLTFLoader().setMeshoptDecoder(MeshoptDecoder);

function firstMesh(object: THREE.Object3D): THREE.Mesh | null {
  if (object instanceof THREE.Mesh) return object as THREE.Mesh;
  return object.children.map(firstMesh).find((mesh) => mesh !== null) ?? null;
}

/** The one mesh of a GLB; `userData.matrix` maps its attributes to headset metres. */
export async function parseSurface(bytes: ArrayBuffer): Promise<THREE.BufferGeometry> {
  const { scene } = await loader.parseAsync(bytes, "");
  scene.updateMatrixWorld(true);
  const found = firstMesh(scene);
  if (found === null) throw new Error("the surface holds no mesh");
  const geometry = found.geometry;
  if (!geometry.hasAttribute("normal")) geometry.computeVertexNormals();
  geometry.userData["matrix"] = found.matrixWorld.clone();
  geometry.userData["root"] = (found.parent ?? found).matrixWorld.clone();
  return geometry;
}

/** Patches of one edit lie in one blob: fetched once, kept while they are asked for. */
const RECENT = 8;
const recent = new Map<string, Promise<ArrayBuffer>>();

function sharedBlob(blob: string, signal: AbortSignal): Promise<ArrayBuffer> {
  const known = recent.get(blob);
  if (known) return known;
  const asked = fetchBlob(blob, signal);
  recent.set(blob, asked);
  asked.catch(() => recent.delete(blob));
  for (const old of [...recent.keys()].slice(0, -RECENT)) recent.delete(old);
  return asked;
}

export const glbSource: SurfaceSource = {
  surface: async (lod, signal) => parseSurface(await fetchBlob(lod.blob, signal)),
  positions: fetchPositions,
  patch: async ({ blob, start, bytes }, signal) => {
    if (bytes === 0) return null;
    const [shared] = await Promise.all([sharedBlob(blob, signal), MeshoptDecoder.ready]);
    return parsePatch(new Uint8Array(shared, start, bytes));
  },
};
