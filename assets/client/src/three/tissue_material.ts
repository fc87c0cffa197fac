// How a structure looks: matt with a soft highlight when solid; a shell that gathers at its rim when see-through.

import * as THREE from "three";

import { addMarks, addThinning, sharedMarks, type Marks, type SharedMarks } from "./marks_material";
import { addLeavingOut, leavesOut, type LeavesOut } from "./patches";

/** Below this a structure is drawn as a see-through shell. */
const SOLID = 0.995;

/** The rim of a shell is denser than its face, so that its form reads while what lies inside stays clear. */
const RIM = /* glsl */ `
#include <opaque_fragment>
float facing = abs(dot(normalize(vViewPosition), normal));
gl_FragColor.a *= uShell > 0.5 ? mix(1.9, 0.62, smoothstep(0.0, 0.75, facing)) : 1.0;
gl_FragColor.a = min(gl_FragColor.a, 1.0);
/* marks */
`;

export interface TissueMaterial extends THREE.MeshStandardMaterial {
  readonly shell: THREE.IUniform<number>;
  readonly leavesOut: LeavesOut;
  readonly marks: Marks;
}

export function createTissueMaterial(shared: SharedMarks = sharedMarks()): TissueMaterial {
  const shell: THREE.IUniform<number> = { value: 0 };
  const left = leavesOut();
  const marks: Marks = { ...shared, pattern: { value: 0 } };
  const material = new THREE.MeshStandardMaterial({ roughness: 0.62, metalness: 0, side: THREE.DoubleSide });
  material.onBeforeCompile = (shader) => {
    shader.uniforms["uShell"] = shell;
    addLeavingOut(shader, left);
    shader.fragmentShader = `uniform float uShell;\n${shader.fragmentShader.replace("#include <opaque_fragment>", RIM)}`;
    addMarks(shader, marks, "/* marks */");
  };
  material.customProgramCacheKey = () => "tissue";
  return Object.assign(material, { shell, leavesOut: left, marks });
}

/** Colour (sRGB 0..255), opacity, and a quiet glow when selected. */
export function paintTissue(
  material: TissueMaterial,
  colour: readonly [number, number, number],
  opacity: number,
  selected: boolean,
): void {
  const solid = opacity >= SOLID;
  material.color.setRGB(colour[0] / 255, colour[1] / 255, colour[2] / 255, THREE.SRGBColorSpace);
  material.emissive.copy(material.color).multiplyScalar(selected ? 0.28 : 0.02);
  material.opacity = opacity;
  material.shell.value = solid ? 0 : 1;
  if (material.transparent === !solid) return;
  material.transparent = !solid;
  // Solid surfaces show their inside too where a slice or a hole opens them.
  material.side = solid ? THREE.DoubleSide : THREE.FrontSide;
  material.needsUpdate = true;
}

/** Fills depth and no colour, and leaves out the same blocks as `like`. */
export function createDepthMaterial(like: TissueMaterial): THREE.MeshBasicMaterial {
  const material = new THREE.MeshBasicMaterial({ colorWrite: false });
  material.onBeforeCompile = (shader) => {
    addLeavingOut(shader, like.leavesOut);
    addThinning(shader, like.marks);
  };
  material.customProgramCacheKey = () => "tissue depth";
  return material;
}
