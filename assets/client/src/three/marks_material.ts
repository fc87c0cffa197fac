// What a surface says beyond its colour: a pattern of its own in patient millimetres, gaps where it ages, room round a
// tool's tip, outlines where black cannot be seen. Added to three's materials.

import * as THREE from "three";

import type { Look } from "../model/overlay";
import type { PatternName } from "../wire/messages";

const PATTERNS: readonly PatternName[] = ["plain", "lines", "dashes", "dots"];
export const patternNumber = (pattern: PatternName): number => PATTERNS.indexOf(pattern);

/** Cuts by state: none, gaps in dashes, dots alone. */
const CUTS: Readonly<Record<Look["pattern"], number>> = { plain: 0, dashes: 1, dots: 2, none: 2 };

/** What all surfaces share. */
export interface SharedMarks {
  /** Millimetres in which patterns stand still, from the world. */
  readonly mmFromWorld: THREE.IUniform<THREE.Matrix4>;
  readonly cut: THREE.IUniform<number>;
  /** Tip of a tool, in the same millimetres, and how far round it surfaces thin out; 0: nowhere. */
  readonly tip_mm: THREE.IUniform<THREE.Vector3>;
  readonly thin_mm: THREE.IUniform<number>;
  /** 1 on displays that add light. */
  readonly additive: THREE.IUniform<number>;
}

export interface Marks extends SharedMarks {
  readonly pattern: THREE.IUniform<number>;
}

export function sharedMarks(): SharedMarks {
  return { mmFromWorld: { value: new THREE.Matrix4() }, cut: { value: 0 }, tip_mm: { value: new THREE.Vector3() }, thin_mm: { value: 0 }, additive: { value: 0 } };
}

export function setCut(shared: SharedMarks, pattern: Look["pattern"]): void {
  shared.cut.value = CUTS[pattern];
}

const VERTEX = /* glsl */ `
uniform mat4 uMmFromWorld;
varying vec3 vMm;
`;

const THIN = /* glsl */ `
uniform vec3 uTip;
uniform float uThin;
varying vec3 vMm;
// Interleaved gradient noise (Jimenez 2014): even, and the same from frame to frame.
float thinning(vec2 at) { return fract(52.9829189 * fract(dot(at, vec2(0.06711056, 0.00583715)))); }
`;
/** A tenth of what stands nearest the tip is left, so that one sees that something is there. */
const DO_THIN = /* glsl */ `
if (uThin > 0.0 && thinning(gl_FragCoord.xy) > mix(0.1, 1.0, smoothstep(0.4 * uThin, uThin, distance(vMm, uTip)))) discard;
`;

/** Lines 4 mm apart and slanted to every axis of the body, so that no wall lies along them; dashes of them; dots. */
const PATTERN = /* glsl */ `
uniform float uPattern;
uniform float uCut;
uniform float uAdditive;
float lines(vec3 p) {
  float u = dot(p, vec3(0.1, 0.2425, 0.05));
  float w = fwidth(u);
  return 1.0 - smoothstep(0.16 - w, 0.16 + w, abs(fract(u) - 0.5));
}
float dashes(vec3 p) { return lines(p) * step(fract(dot(p, vec3(0.16, -0.05, 0.11))), 0.55); }
float dots(vec3 p) {
  float d = length(fract(p / 4.5) - 0.5);
  float w = fwidth(p.x / 4.5) + fwidth(p.y / 4.5) + fwidth(p.z / 4.5);
  return 1.0 - smoothstep(0.36 - w, 0.36 + w, d);
}
`;
const DO_PATTERN = /* glsl */ `
float marked = uPattern < 0.5 ? 0.0 : uPattern < 1.5 ? lines(vMm) : uPattern < 2.5 ? dashes(vMm) : dots(vMm);
gl_FragColor.rgb = mix(gl_FragColor.rgb, min(diffuse * 1.35 + 0.12, vec3(1.0)), 0.9 * marked);
gl_FragColor.a = max(gl_FragColor.a, 0.85 * marked * step(0.01, gl_FragColor.a));
if (uCut > 0.5) gl_FragColor.a *= uCut < 1.5 ? mix(1.0, 0.15, dashes(vMm * 0.6)) : mix(0.2, 1.6, dots(vMm * 0.7));
if (uAdditive > 0.5) {
  float rim = 1.0 - smoothstep(0.1, 0.6, abs(dot(normalize(vViewPosition), normal)));
  gl_FragColor.rgb = mix(gl_FragColor.rgb * 0.4, min(diffuse * 1.5 + 0.2, vec3(1.0)), max(rim, marked));
}
`;

function addPlace(shader: THREE.WebGLProgramParametersWithUniforms, marks: SharedMarks): void {
  shader.uniforms["uMmFromWorld"] = marks.mmFromWorld;
  shader.uniforms["uTip"] = marks.tip_mm;
  shader.uniforms["uThin"] = marks.thin_mm;
  const placed = "#include <begin_vertex>\nvMm = (uMmFromWorld * modelMatrix * vec4(position, 1.0)).xyz;";
  shader.vertexShader = `${VERTEX}${shader.vertexShader.replace("#include <begin_vertex>", placed)}`;
  shader.fragmentShader = `${THIN}${shader.fragmentShader.replace("void main() {", `void main() {\n${DO_THIN}`)}`;
}

/** For what writes depth alone: thinned out with what it stands for. */
export function addThinning(shader: THREE.WebGLProgramParametersWithUniforms, marks: SharedMarks): void {
  addPlace(shader, marks);
}

/** For what is lit: `after` is the chunk that its colour is final behind. */
export function addMarks(shader: THREE.WebGLProgramParametersWithUniforms, marks: Marks, after = "#include <opaque_fragment>"): void {
  addPlace(shader, marks);
  shader.uniforms["uPattern"] = marks.pattern;
  shader.uniforms["uCut"] = marks.cut;
  shader.uniforms["uAdditive"] = marks.additive;
  shader.fragmentShader = `${PATTERN}${shader.fragmentShader.replace(after, `${after}\n${DO_PATTERN}`)}`;
}
