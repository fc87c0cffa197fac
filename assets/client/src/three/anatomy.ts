// The scene's surfaces as meshes: coarse first so that something stands at once, then as fine as can be seen.

import * as THREE from "three";

import { chooseLods } from "./lod";
import { brickKey, withoutBricks } from "./patches";
import type { SurfaceSource } from "./surface_source";
import { createTissueMaterial, paintTissue, type TissueMaterial } from "./tissue_material";
import type { State } from "../model/state";
import type { SurfaceLod, SurfaceNode, SurfacePatch } from "../wire/messages";

/** Surfaces at once on the way: enough to fill the line, few enough that the first is not starved. */
const PARALLEL_LOADS = 4;

export interface AnatomyProgress {
  readonly ready: number;
  readonly total: number;
  readonly failed: number;
}

export interface Hit {
  readonly key: string;
  /** Where, in world metres. */
  readonly point: THREE.Vector3;
  readonly distance_m: number;
  /** Bound on the distance between what is drawn and the finest surface. */
  readonly error_mm: number;
}

interface Part {
  node: SurfaceNode;
  readonly group: THREE.Group;
  readonly mesh: THREE.Mesh<THREE.BufferGeometry, TissueMaterial>;
  /** Fills depth before the colour of a see-through shell, so that only its nearest side is blended. */
  readonly depth: THREE.Mesh<THREE.BufferGeometry, THREE.MeshBasicMaterial>;
  /** The first, coarsest geometry: fast to hit-test, never drawn. */
  readonly probe: THREE.Mesh;
  level: number | null;
  wanted: number;
  loading: boolean;
  /** By brick: what an edit put there, and which patch that is. */
  readonly patches: Map<string, { readonly id: string; readonly mesh: THREE.Mesh | null; readonly depth: THREE.Mesh | null }>;
}

/** Points of each surface that stand for it when the view is fitted. */
const OUTLINE_POINTS = 500;

/** The patient's surfaces. Geometry is in headset metres; add `group` to the patient group. */
export class Anatomy {
  readonly group = new THREE.Group();
  private readonly parts = new Map<string, Part>();
  private abort = new AbortController();
  private active = 0;
  private readonly failed = new Set<string>();
  private reported: AnatomyProgress | null = null;
  private voxelFromHeadset = new THREE.Matrix4();

  constructor(
    private readonly source: SurfaceSource,
    private readonly changed: (progress: AnatomyProgress) => void,
  ) {
    this.group.name = "anatomy";
  }

  /** These surfaces are there; they load once `paint` shows them. Parts whose blobs are the same stay as they are. */
  setNodes(nodes: readonly SurfaceNode[]): void {
    const keys = new Set(nodes.map((node) => node.structure.key));
    for (const key of [...this.parts.keys()]) if (!keys.has(key)) this.remove(key);
    for (const node of nodes) this.put(node);
  }

  /** Where the voxels lie: `voxelFromHeadset` tells what of a whole surface stands in which brick. */
  setLattice(voxelFromHeadset: THREE.Matrix4): void {
    this.voxelFromHeadset = voxelFromHeadset;
  }

  /** Brings what edits changed, and shows it all at once. */
  async applyPatches(): Promise<void> {
    const wanted = [...this.parts.values()].flatMap((part) =>
      part.node.patches.filter((patch) => part.patches.get(brickKey(patch.brick))?.id !== idOf(patch)).map((patch) => ({ part, patch })));
    const { signal } = this.abort;
    const brought = await Promise.all(wanted.map(async ({ part, patch }) => ({ part, patch, geometry: await this.source.patch(patch, signal) })));
    for (const { part, patch, geometry } of brought) {
      const isWanted = this.parts.get(part.node.structure.key) === part && part.node.patches.some((each) => idOf(each) === idOf(patch));
      if (isWanted) putPatch(part, patch, geometry);
      else geometry?.dispose();
    }
    for (const part of this.parts.values()) {
      const now = new Set(part.node.patches.map(({ brick }) => brickKey(brick)));
      const gone = [...part.patches.keys()].filter((brick) => !now.has(brick));
      for (const brick of gone) dropPatch(part, brick);
      if (gone.length > 0 || brought.some((each) => each.part === part)) this.clip(part);
    }
    this.order();
  }

  /** Visibility, opacity, colour and selection as the state has them (solo already applied). */
  paint(views: State["structures"], selected: string | null): void {
    for (const [key, part] of this.parts) {
      const view = views[key];
      if (view === undefined) continue;
      part.group.visible = view.visible && view.opacity > 0;
      paintTissue(part.mesh.material, view.colour, view.opacity, key === selected);
      part.depth.visible = view.opacity < 1;
      for (const { depth } of part.patches.values()) if (depth) depth.visible = part.depth.visible;
    }
    this.order();
    this.report();
    this.load();
  }

  /** Asks for the detail that `pixelsPerMm` can show within `bytes` of GPU memory. */
  refine(pixelsPerMm: number, bytes: number): void {
    const visible = [...this.parts.values()].filter((part) => part.group.visible);
    const levels = chooseLods(visible.map((part) => part.node), { pixelsPerMm, bytes });
    for (const part of visible) part.wanted = levels.get(part.node.id) ?? part.wanted;
    this.load();
  }

  /** Another scene, whose surfaces may be the same: how far they are is told anew. */
  tellAgain(): void {
    this.reported = null;
  }

  /** Asks again for what could not be had. */
  retry(): void {
    this.failed.clear();
    this.report();
    this.load();
  }

  /** Meshes by structure key, for those who draw or measure them. */
  meshes(): ReadonlyMap<string, THREE.Mesh> {
    return new Map([...this.parts].filter(([, part]) => part.level !== null).map(([key, part]) => [key, part.mesh]));
  }

  /**
   * The nearest visible surface on the ray (world metres). `fast` tests the coarsest geometry: for hovering every
   * frame. See-through shells are passed over when something more solid lies behind them.
   */
  pick(raycaster: THREE.Raycaster, fast = false): Hit | null {
    const hits = [...this.parts.values()]
      .filter((part) => part.group.visible && part.level !== null)
      .map((part) => this.hit(part, raycaster, fast))
      .filter((hit) => hit !== null)
      .sort((a, b) => a.distance_m - b.distance_m);
    const solid = hits.find((hit) => this.parts.get(hit.key)!.mesh.material.opacity >= 0.4);
    return solid ?? hits[0] ?? null;
  }

  /** Box round everything shown, in headset metres; empty when nothing is. */
  bounds(): THREE.Box3 {
    const box = new THREE.Box3();
    for (const { mesh, level } of this.parts.values()) {
      if (level === null) continue;
      mesh.geometry.computeBoundingBox();
      box.union(mesh.geometry.boundingBox!.clone().applyMatrix4(mesh.matrix));
    }
    return box;
  }

  /** Points spread over everything loaded, in headset metres: enough to know what a camera must see. */
  outline(): THREE.Vector3[] {
    return [...this.parts.values()].flatMap(outlineOf);
  }

  /** The middle of the structure, or its place nearest to that where it is hollow there; in headset metres. */
  placeOf(key: string): THREE.Vector3 | null {
    const part = this.parts.get(key);
    if (part === undefined || part.level === null) return null;
    const points = outlineOf(part);
    const middle = points.reduce((sum, point) => sum.add(point), new THREE.Vector3()).divideScalar(Math.max(1, points.length));
    if (isInside(part, middle)) return middle;
    return points.reduce<THREE.Vector3 | null>((best, point) => (best === null || point.distanceTo(middle) < best.distanceTo(middle) ? point : best), null);
  }

  /** One triangle of each kind: drawn once, it makes the browser build the shaders before they are waited for. */
  static sample(): THREE.Group {
    const triangle = new THREE.BufferGeometry();
    triangle.setAttribute("position", new THREE.Float32BufferAttribute([0, 0, 0, 1e-4, 0, 0, 0, 1e-4, 0], 3));
    triangle.setAttribute("normal", new THREE.Float32BufferAttribute([0, 0, 1, 0, 0, 1, 0, 0, 1], 3));
    const group = new THREE.Group();
    for (const opacity of [1, 0.5]) {
      const material = createTissueMaterial();
      paintTissue(material, [128, 128, 128], opacity, false);
      group.add(new THREE.Mesh(triangle, material));
    }
    return group;
  }

  dispose(): void {
    this.abort.abort();
    for (const key of [...this.parts.keys()]) this.remove(key);
  }

  private put(node: SurfaceNode): void {
    const key = node.structure.key;
    const old = this.parts.get(key);
    if (old && sameBlobs(old.node, node)) {
      old.node = node;
      return;
    }
    if (old) this.remove(key);
    const mesh = new THREE.Mesh(new THREE.BufferGeometry(), createTissueMaterial());
    mesh.name = key;
    mesh.userData["structure"] = key;
    mesh.matrixAutoUpdate = false;
    const depth = new THREE.Mesh(mesh.geometry, new THREE.MeshBasicMaterial({ colorWrite: false }));
    depth.matrixAutoUpdate = false;
    const probe = new THREE.Mesh(mesh.geometry, mesh.material);
    probe.matrixAutoUpdate = false;
    probe.visible = false;
    const group = new THREE.Group();
    group.visible = false;
    group.name = `structure ${key}`;
    group.add(depth, mesh, probe);
    this.group.add(group);
    const coarsest = node.lods.length - 1;
    this.parts.set(key, { node, group, mesh, depth, probe, level: null, wanted: coarsest, loading: false, patches: new Map() });
  }

  private remove(key: string): void {
    const part = this.parts.get(key)!;
    for (const brick of [...part.patches.keys()]) dropPatch(part, brick);
    this.group.remove(part.group);
    for (const geometry of new Set([part.mesh.geometry, part.probe.geometry])) geometry.dispose();
    part.mesh.material.dispose();
    part.depth.material.dispose();
    this.parts.delete(key);
    this.failed.delete(key);
  }

  /** Starts the next loads: nothing drawn yet before refinements, small before large. */
  private load(): void {
    const waiting = [...this.parts.values()]
      .filter((part) => !part.loading && part.level !== part.wanted && part.node.lods[part.wanted] !== undefined)
      // What is hidden costs nothing until it is shown.
      .filter((part) => part.group.visible && !this.failed.has(part.node.structure.key))
      .sort((a, b) => Number(a.level !== null) - Number(b.level !== null) || bytesWanted(a) - bytesWanted(b));
    for (const part of waiting.slice(0, PARALLEL_LOADS - this.active)) void this.loadPart(part);
  }

  private async loadPart(part: Part): Promise<void> {
    const level = part.wanted;
    const lod = part.node.lods[level]!;
    part.loading = true;
    this.active += 1;
    try {
      const geometry = await this.source.surface(lod, this.abort.signal);
      if (this.parts.get(part.node.structure.key) === part) this.show(part, level, geometry);
      else geometry.dispose();
    } catch {
      // Aborted on disposal, or not to be had: the coarser surface stays, and the count says so.
      if (part.level === null) this.failed.add(part.node.structure.key);
      else part.wanted = part.level;
    } finally {
      part.loading = false;
      this.active -= 1;
    }
    if (this.abort.signal.aborted) return;
    this.report();
    this.load();
  }

  private show(part: Part, level: number, geometry: THREE.BufferGeometry): void {
    const old = part.mesh.geometry;
    part.mesh.geometry = part.depth.geometry = geometry;
    const matrix = geometry.userData["matrix"] as THREE.Matrix4 | undefined;
    part.mesh.matrix.copy(matrix ?? new THREE.Matrix4());
    part.depth.matrix.copy(part.mesh.matrix);
    if (part.level === null) {
      part.probe.geometry = geometry;
      part.probe.matrix.copy(part.mesh.matrix);
    }
    part.level = level;
    if (old !== part.probe.geometry) old.dispose();
    this.clip(part);
    this.order();
  }

  /** Leaves out of the whole surface, and of the one that is hit-tested, what patches stand for. */
  private clip(part: Part): void {
    if (part.level === null) return;
    const bricks = new Set(part.patches.keys());
    for (const { geometry, matrix } of new Set([part.mesh, part.probe])) {
      const whole = (geometry.userData["whole"] ??= geometry.index) as THREE.BufferAttribute | null;
      if (whole === null || (bricks.size === 0 && geometry.index === whole)) continue;
      const voxelFromLocal = this.voxelFromHeadset.clone().multiply(matrix);
      const index = bricks.size === 0 ? whole : new THREE.BufferAttribute(withoutBricks(whole.array, geometry.getAttribute("position"), voxelFromLocal, bricks), 1);
      geometry.setIndex(index);
    }
  }

  /** Solid first; then shells from the innermost (smallest) outwards, so that each is blended over what it holds. */
  private order(): void {
    const shells = [...this.parts.values()].sort((a, b) => a.node.volume_ml - b.node.volume_ml);
    shells.forEach((part, index) => {
      part.depth.renderOrder = 10 + 2 * index;
      part.mesh.renderOrder = part.mesh.material.transparent ? 11 + 2 * index : 0;
      for (const patch of part.patches.values()) {
        if (patch.mesh) patch.mesh.renderOrder = part.mesh.renderOrder;
        if (patch.depth) patch.depth.renderOrder = part.depth.renderOrder;
      }
      // Sorted with the see-through ones, although it writes no colour.
      part.depth.material.transparent = true;
      // Neighbours share their boundary to the vertex: the smaller is seen there, and a solid one before a shell.
      const rank = index + (part.mesh.material.transparent ? shells.length : 0);
      for (const material of [part.mesh.material, part.depth.material]) {
        material.polygonOffset = true;
        material.polygonOffsetFactor = material.polygonOffsetUnits = rank;
      }
    });
  }

  private hit(part: Part, raycaster: THREE.Raycaster, fast: boolean): Hit | null {
    const level = fast ? part.node.lods.length - 1 : part.level!;
    const whole = fast ? part.probe : part.mesh;
    const edited = [...part.patches.values()].flatMap(({ mesh }) => (mesh ? [mesh] : []));
    const [first] = raycaster.intersectObjects([whole, ...edited], false);
    if (first === undefined) return null;
    const error_mm = lodError(part.node.lods[level]);
    return { key: part.node.structure.key, point: first.point, distance_m: first.distance, error_mm };
  }

  private report(): void {
    const parts = [...this.parts.values()].filter((part) => part.group.visible);
    const ready = parts.filter((part) => part.level !== null).length;
    const failed = parts.filter((part) => this.failed.has(part.node.structure.key)).length;
    const next = { ready, total: parts.length, failed };
    if (JSON.stringify(next) === JSON.stringify(this.reported)) return;
    this.reported = next;
    this.changed(next);
  }
}

const idOf = (patch: SurfacePatch): string => `${patch.blob}:${patch.start}:${patch.bytes}`;

function putPatch(part: Part, patch: SurfacePatch, geometry: THREE.BufferGeometry | null): void {
  const brick = brickKey(patch.brick);
  dropPatch(part, brick);
  if (geometry === null) {
    part.patches.set(brick, { id: idOf(patch), mesh: null, depth: null });
    return;
  }
  const mesh = new THREE.Mesh(geometry, part.mesh.material);
  const depth = new THREE.Mesh(geometry, part.depth.material);
  for (const each of [mesh, depth]) {
    each.matrixAutoUpdate = false;
    each.matrix.copy((geometry.userData["matrix"] as THREE.Matrix4 | undefined) ?? new THREE.Matrix4());
  }
  // As the whole surface: the depth pass belongs to see-through shells.
  depth.visible = part.depth.visible;
  part.group.add(depth, mesh);
  part.patches.set(brick, { id: idOf(patch), mesh, depth });
}

function dropPatch(part: Part, brick: string): void {
  const old = part.patches.get(brick);
  if (old === undefined) return;
  part.patches.delete(brick);
  for (const each of [old.mesh, old.depth]) if (each) part.group.remove(each);
  old.mesh?.geometry.dispose();
}

/** Points spread over a part, in headset metres; none until it is loaded. */
function outlineOf({ mesh, level }: Part): THREE.Vector3[] {
  if (level === null) return [];
  const places = mesh.geometry.getAttribute("position");
  const stride = Math.max(1, Math.floor(places.count / OUTLINE_POINTS));
  return Array.from({ length: Math.floor(places.count / stride) }, (_, n) =>
    new THREE.Vector3().fromBufferAttribute(places, n * stride).applyMatrix4(mesh.matrix));
}

/** Whether a point (headset metres) lies in a closed part: a ray from it leaves once more than it enters. */
function isInside({ probe }: Part, point: THREE.Vector3): boolean {
  const mesh = new THREE.Mesh(probe.geometry, new THREE.MeshBasicMaterial({ side: THREE.DoubleSide }));
  mesh.matrixWorld.copy(probe.matrix);
  const crossings = new THREE.Raycaster(point, new THREE.Vector3(0.577, 0.578, 0.577).normalize()).intersectObject(mesh, false);
  mesh.material.dispose();
  return crossings.length % 2 === 1;
}

function bytesWanted(part: Part): number {
  return part.node.lods[part.wanted]?.bytes ?? 0;
}

function lodError(lod: SurfaceLod | undefined): number {
  return lod?.error_mm ?? 0;
}

function sameBlobs(a: SurfaceNode, b: SurfaceNode): boolean {
  return a.lods.length === b.lods.length && a.lods.every((lod, index) => lod.blob === b.lods[index]?.blob);
}
