// The voxels as 3-D textures, filled slab by slab so that no frame pays for the whole volume.

import * as THREE from "three";

import { sampleOfValue } from "../model/scene";
import type { VolumeNode } from "../wire/messages";

/** Uniforms that every material that samples the volume shares; one object, so that a change reaches all. */
export interface VolumeUniforms {
  readonly [name: string]: THREE.IUniform;
  readonly uVolume: THREE.IUniform<THREE.Data3DTexture>;
  readonly uLabels: THREE.IUniform<THREE.Data3DTexture>;
  /** Colour and strength by label: 256 x 1, RGBA; alpha 0 where a structure is hidden. */
  readonly uPalette: THREE.IUniform<THREE.DataTexture>;
  /** 0 shows no labels. */
  readonly uLabelStrength: THREE.IUniform<number>;
  /** Low and high end of the display window, in the texture's own unit. */
  readonly uWindow: THREE.IUniform<THREE.Vector2>;
  /** Headset metres (patient group's own space) to texture coordinates 0..1. */
  readonly uTextureFromHeadset: THREE.IUniform<THREE.Matrix4>;
}

export interface VolumeTexture {
  readonly node: VolumeNode;
  readonly texture: THREE.Data3DTexture;
  readonly labels: THREE.Data3DTexture;
  /** Headset metres (patient group's own space) to voxel indices, centres at integers. */
  readonly voxelFromHeadset: THREE.Matrix4;
  readonly uniforms: VolumeUniforms;
  /** 1 keeps every voxel; 2 keeps one of two along each axis, to fit the device. */
  readonly reduction: number;
  /** Sets the display window, in the volume's own unit (HU for CT). */
  setWindow(low: number, high: number): void;
  /** Colours labels 1..255; a structure that is not visible takes no colour. */
  setPalette(entries: Iterable<{ label: number; colour: readonly [number, number, number]; visible: boolean }>): void;
  dispose(): void;
}

/** How a volume fits a device: the factor by which it must shrink, and the shape that leaves. */
export interface Fit {
  readonly reduction: number;
  readonly shape: readonly [number, number, number];
  readonly bytes: number;
}

/** R16F samples and R8 labels. */
const BYTES_PER_VOXEL = 3;

/** The smallest whole reduction with which `shape` fits `maxSize` per axis and `maxBytes` in all. */
export function fit(shape: readonly [number, number, number], maxSize: number, maxBytes: number): Fit {
  for (let reduction = 1; ; reduction += 1) {
    const reduced = shape.map((n) => Math.ceil(n / reduction)) as [number, number, number];
    const bytes = reduced[0] * reduced[1] * reduced[2] * BYTES_PER_VOXEL;
    const smallEnough = Math.max(...reduced) <= maxSize && bytes <= maxBytes;
    if (smallEnough || Math.max(...reduced) === 1) return { reduction, shape: reduced, bytes };
  }
}

/**
 * A value as the texture holds it: the wire's int16 sample as a half float. Whole numbers up to 2048 are exact,
 * so HU from -2048 to 2048 are; the largest step, at 32767, is 16.
 */
export function textureUnit(node: VolumeNode, value: number): number {
  return sampleOfValue(node, value);
}

/** A matrix of the wire, which comes row by row. */
export function matrix(rowMajor: readonly number[]): THREE.Matrix4 {
  return new THREE.Matrix4().fromArray(rowMajor).transpose();
}

function data3d(data: Uint16Array<ArrayBuffer> | Uint8Array<ArrayBuffer> | null, shape: readonly [number, number, number], half: boolean): THREE.Data3DTexture {
  const texture = new THREE.Data3DTexture(data, ...shape);
  texture.format = THREE.RedFormat;
  texture.type = half ? THREE.HalfFloatType : THREE.UnsignedByteType;
  texture.minFilter = texture.magFilter = half ? THREE.LinearFilter : THREE.NearestFilter;
  texture.unpackAlignment = 1;
  // Without data only the storage is made; WebGL would complain about an upload of nothing.
  texture.source.dataReady = data !== null;
  texture.needsUpdate = true;
  return texture;
}

/** Empty textures for `node` in the given fit; slabs are added with `uploadSlab`. */
export function createVolumeTexture(node: VolumeNode, headsetFromPatient: readonly number[], size: Fit): VolumeTexture {
  const texture = data3d(null, size.shape, true);
  const labels = data3d(null, size.shape, false);
  const voxelFromHeadset = matrix(headsetFromPatient).multiply(matrix(node.patient_from_voxel)).invert();
  const palette = new THREE.DataTexture(new Uint8Array(256 * 4), 256, 1);
  palette.colorSpace = THREE.NoColorSpace;
  palette.needsUpdate = true;
  // Reduced voxel r covers voxels f*r .. f*r + f-1; its texel centre is at (r + 0.5) / n.
  const [ni, nj, nk] = size.shape;
  const f = size.reduction;
  const textureFromVoxel = new THREE.Matrix4()
    .makeScale(1 / (f * ni), 1 / (f * nj), 1 / (f * nk))
    .multiply(new THREE.Matrix4().makeTranslation(0.5, 0.5, 0.5));
  const uniforms: VolumeUniforms = {
    uVolume: { value: texture },
    uLabels: { value: labels },
    uPalette: { value: palette },
    uLabelStrength: { value: 0.35 },
    uWindow: { value: new THREE.Vector2(0, 1) },
    uTextureFromHeadset: { value: textureFromVoxel.multiply(voxelFromHeadset) },
  };
  return {
    node,
    texture,
    labels,
    voxelFromHeadset,
    uniforms,
    reduction: f,
    setWindow(low, high) {
      uniforms.uWindow.value.set(textureUnit(node, low), textureUnit(node, high));
    },
    setPalette(entries) {
      const bytes = palette.image.data as Uint8Array;
      bytes.fill(0);
      for (const { label, colour, visible } of entries) {
        if (label < 256) bytes.set([...colour, visible ? 255 : 0], label * 4);
      }
      palette.needsUpdate = true;
    },
    dispose() {
      for (const each of [texture, labels, palette]) each.dispose();
    },
  };
}

/** Slices of one slab as the worker prepared them for the texture. */
export interface TextureSlab {
  readonly kStart: number;
  readonly kCount: number;
  readonly data: Uint16Array<ArrayBuffer> | Uint8Array<ArrayBuffer>;
}

/** Copies a box of labels into their texture on the GPU; `at` is its first texel. */
export function uploadLabels(renderer: THREE.WebGLRenderer, target: THREE.Data3DTexture, data: Uint8Array<ArrayBuffer>, shape: readonly [number, number, number], at: readonly [number, number, number]): void {
  const source = data3d(data, shape, false);
  renderer.copyTextureToTexture(source, target, null, new THREE.Vector3(...at));
  source.dispose();
}

/** Copies one slab into the texture on the GPU. Call once or twice a frame. */
export function uploadSlab(renderer: THREE.WebGLRenderer, target: THREE.Data3DTexture, slab: TextureSlab): void {
  const { width, height } = target.image as { width: number; height: number };
  const source = data3d(slab.data, [width, height, slab.kCount], slab.data instanceof Uint16Array);
  renderer.copyTextureToTexture(source, target, null, new THREE.Vector3(0, 0, slab.kStart));
  source.dispose();
}
