// Surfaces from GLB blobs (quantised, meshopt): the node's transform is kept beside the geometry, so that the
// attributes stay as small as they came.

import * as THREE from "three";
import { MeshoptDecoder } from "three/examples/jsm/libs/meshopt_decoder.module.js";
import { GLTFLoader } from "three/examples/jsm/loaders/GLTFLoader.js";

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
  return geometry;
}

export const glbSource: SurfaceSource = {
  surface: async (lod, signal) => parseSurface(await fetchBlob(lod.blob, signal)),
};
