// Surfaces after edits: patches stand in blocks of cells, later ones in the place of earlier; the whole surface is left
// out there, fragment by fragment. Geometry and bookkeeping, no scene.

import * as THREE from "three";

import { type Block, BLOCK_CELLS, blockKey } from "../model/blocks";
import type { SurfacePatch } from "../wire/messages";

/** The block that owns a place in voxel indices: cell n lies between voxels n - 1 and n, a quad belongs to its highest. */
export function blockAt(voxel: THREE.Vector3): Block {
  return [voxel.x, voxel.y, voxel.z].map((v) => Math.floor(Math.ceil(v + 0.5) / BLOCK_CELLS)) as unknown as Block;
}

/** The triangles of `index` that belong to the blocks that show. */
export function shownIndex<T extends Uint16Array | Uint32Array>(index: T, counts: readonly number[], shown: readonly boolean[]): T {
  if (shown.every(Boolean)) return index;
  const parts: T[] = [];
  let start = 0;
  counts.forEach((count, n) => {
    if (shown[n] === true) parts.push(index.subarray(start, start + 3 * count) as T);
    start += 3 * count;
  });
  const kept = index.slice(0, parts.reduce((sum, part) => sum + part.length, 0)) as T;
  let at = 0;
  for (const part of parts) {
    kept.set(part, at);
    at += part.length;
  }
  return kept;
}

/** Marks blocks of a volume for the shader: `1` where patches stand. */
export class BlockMask {
  readonly texture: THREE.Data3DTexture;
  private readonly marked = new Set<number>();

  /** `shape` is the volume's, in voxels: it has one cell more along each axis. */
  constructor(private readonly shape: readonly [number, number, number]) {
    const size = shape.map((n) => Math.floor(n / BLOCK_CELLS) + 1) as [number, number, number];
    this.texture = blocksTexture(new Uint8Array(size[0] * size[1] * size[2]), size);
  }

  get isEmpty(): boolean {
    return this.marked.size === 0;
  }

  has(block: Block): boolean {
    return this.marked.has(blockKey(block));
  }

  /** These blocks, and no others. */
  set(patches: readonly SurfacePatch[]): void {
    const [ni, nj] = this.shape.map((n) => Math.floor(n / BLOCK_CELLS) + 1) as [number, number, number];
    const data = this.texture.image.data as Uint8Array;
    data.fill(0);
    this.marked.clear();
    for (const { blocks } of patches) {
      for (const block of blocks) {
        const [i, j, k] = block;
        this.marked.add(blockKey(block));
        data[(k * nj + j) * ni + i] = 255;
      }
    }
    this.texture.needsUpdate = true;
  }

  dispose(): void {
    this.texture.dispose();
  }
}

function blocksTexture(data: Uint8Array<ArrayBuffer>, size: readonly [number, number, number]): THREE.Data3DTexture {
  const texture = new THREE.Data3DTexture(data, ...size);
  texture.format = THREE.RedFormat;
  texture.minFilter = texture.magFilter = THREE.NearestFilter;
  texture.unpackAlignment = 1;
  texture.needsUpdate = true;
  return texture;
}

/** No block is marked. */
export const NO_BLOCKS = blocksTexture(new Uint8Array(1), [1, 1, 1]);

const VERTEX = /* glsl */ `
uniform mat4 uVoxelFromLocal;
varying vec3 vVoxel;
`;
const FRAGMENT = /* glsl */ `
uniform highp sampler3D uBlocks;
varying vec3 vVoxel;
`;
const LEAVE_OUT = /* glsl */ `
ivec3 block = ivec3(floor(ceil(vVoxel + 0.5) / ${BLOCK_CELLS.toFixed(1)}));
bool isInside = all(greaterThanEqual(block, ivec3(0))) && all(lessThan(block, textureSize(uBlocks, 0)));
if (isInside && texelFetch(uBlocks, block, 0).r > 0.5) discard;
`;

/** What a material needs to leave out marked blocks. */
export interface LeavesOut {
  readonly blocks: THREE.IUniform<THREE.Data3DTexture>;
  readonly voxelFromLocal: THREE.IUniform<THREE.Matrix4>;
}

export function leavesOut(): LeavesOut {
  return { blocks: { value: NO_BLOCKS }, voxelFromLocal: { value: new THREE.Matrix4() } };
}

/** Adds the leaving out to a shader of three's, in `onBeforeCompile`. */
export function addLeavingOut(shader: THREE.WebGLProgramParametersWithUniforms, uniforms: LeavesOut): void {
  shader.uniforms["uBlocks"] = uniforms.blocks;
  shader.uniforms["uVoxelFromLocal"] = uniforms.voxelFromLocal;
  shader.vertexShader = `${VERTEX}${shader.vertexShader.replace("#include <begin_vertex>", "#include <begin_vertex>\nvVoxel = (uVoxelFromLocal * vec4(position, 1.0)).xyz;")}`;
  shader.fragmentShader = `${FRAGMENT}${shader.fragmentShader.replace("void main() {", `void main() {\n${LEAVE_OUT}`)}`;
}
