// Draws the voxels that a surface cuts: any geometry inside the patient group shows the slice it lies in.

import * as THREE from "three";

import type { VolumeTexture } from "./texture";

const VERTEX = /* glsl */ `
uniform mat4 uHeadsetFromWorld;
uniform mat4 uTextureFromHeadset;
out vec3 vTexture;
void main() {
  vec4 world = modelMatrix * vec4(position, 1.0);
  vTexture = (uTextureFromHeadset * uHeadsetFromWorld * world).xyz;
  gl_Position = projectionMatrix * viewMatrix * world;
}`;

const FRAGMENT = /* glsl */ `
precision highp float;
precision highp sampler3D;
uniform sampler3D uVolume;
uniform sampler3D uLabels;
uniform sampler2D uPalette;
uniform float uLabelStrength;
uniform vec2 uWindow;
uniform float uOpacity;
uniform float uCutAir;
uniform vec3 uSlab;
uniform int uSlabSteps;
in vec3 vTexture;
out vec4 colour;
void main() {
  if (any(lessThan(vTexture, vec3(0.0))) || any(greaterThan(vTexture, vec3(1.0)))) discard;
  float value = texture(uVolume, vTexture).r;
  // A thick slab shows its brightest: a step is a whole part of it, from the middle to both sides.
  for (int n = 1; n <= uSlabSteps; n++) {
    value = max(value, texture(uVolume, vTexture + float(n) * uSlab).r);
    value = max(value, texture(uVolume, vTexture - float(n) * uSlab).r);
  }
  float grey = clamp((value - uWindow.x) / (uWindow.y - uWindow.x), 0.0, 1.0);
  int label = int(texture(uLabels, vTexture).r * 255.0 + 0.5);
  if (grey < uCutAir && label == 0) discard;
  vec4 tint = texelFetch(uPalette, ivec2(label, 0), 0);
  colour = vec4(mix(vec3(grey), tint.rgb, tint.a * uLabelStrength), uOpacity);
}`;

export interface SliceOptions {
  readonly opacity?: number;
  /** Leaves out what is darker than this part of the window, 0..1, and in no structure: air around the body. */
  readonly cutAir?: number;
}

/**
 * A material for a slice through `volume`. Colours are shown as they are: no light, no tone mapping.
 * Set `uHeadsetFromWorld` to the inverse of the patient group's world matrix whenever that moves
 * (`followPatient` does it).
 */
export function createSliceMaterial(volume: VolumeTexture, options: SliceOptions = {}): THREE.ShaderMaterial {
  const opacity = options.opacity ?? 1;
  return new THREE.ShaderMaterial({
    glslVersion: THREE.GLSL3,
    vertexShader: VERTEX,
    fragmentShader: FRAGMENT,
    uniforms: {
      ...volume.uniforms,
      uHeadsetFromWorld: { value: new THREE.Matrix4() },
      uOpacity: { value: opacity },
      uCutAir: { value: options.cutAir ?? 0 },
      uSlab: { value: new THREE.Vector3() },
      uSlabSteps: { value: 0 },
    },
    side: THREE.DoubleSide,
    transparent: opacity < 1,
    toneMapped: false,
  });
}

/** Keeps a slice's voxels with the patient when the patient group has been moved or scaled. */
export function followPatient(material: THREE.ShaderMaterial, patient: THREE.Object3D): void {
  patient.updateWorldMatrix(true, false);
  (material.uniforms["uHeadsetFromWorld"]!.value as THREE.Matrix4).copy(patient.matrixWorld).invert();
}
