// The scene's surfaces as meshes: coarse first so that something stands at once, then as fine as can be seen.

import * as THREE from "three";

import { chooseLods } from "./lod";
import { putPositions } from "./moved";
import { BlockMask, blockAt, NO_BLOCKS, shownIndex } from "./patches";
import { shownBlocks } from "../model/blocks";
import type { SurfaceSource } from "./surface_source";
import { patternNumber, setCut, sharedMarks } from "./marks_material";
import { createDepthMaterial, createTissueMaterial, paintTissue, type TissueMaterial } from "./tissue_material";
import { LOOKS, type Shown as ShownState } from "../model/overlay";
import type { State } from "../model/state";
import type { MovedPositions, SurfaceLod, SurfaceNode, SurfacePatch } from "../wire/messages";

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
  /** Materials of patches: as the whole surface's, and nothing is left out. */
  readonly patchMaterial: TissueMaterial;
  readonly patchDepthMaterial: THREE.MeshBasicMaterial;
  /** By patch: what an edit brought; null where it left nothing. */
  readonly patches: Map<string, Shown | null>;
  /** Patches of the whole surface that is drawn while a newer one, which holds them, is on its way. */
  under: readonly SurfacePatch[];
  /** Whether what is drawn is of an older whole surface than the node's. */
  isOld: boolean;
  /** Which positions are drawn; empty where those that the surface came with are. */
  place: string;
  /** Where patches stand; null while none does. */
  mask: BlockMask | null;
}

interface Shown {
  /** All its triangles, in the order of its blocks. */
  readonly index: Uint16Array | Uint32Array;
  readonly mesh: THREE.Mesh;
  readonly depth: THREE.Mesh;
}

const METRES_TO_MM = new THREE.Matrix4().makeScale(1000, 1000, 1000);
/** Points of each surface that stand for it when the view is fitted. */
const OUTLINE_POINTS = 500;

/** The patient's surfaces. Geometry is in headset metres; add `group` to the patient group. */
export class Anatomy {
  readonly group = new THREE.Group();
  /** Pattern of age, thinning, and how the display mixes: the same for all. */
  readonly marks = sharedMarks();
  private readonly parts = new Map<string, Part>();
  private abort = new AbortController();
  private active = 0;
  private scene: string | null = null;
  private readonly failed = new Set<string>();
  private reported: AnatomyProgress | null = null;
  private voxelFromHeadset = new THREE.Matrix4();
  private shape: readonly [number, number, number] = [1, 1, 1];

  constructor(
    private readonly source: SurfaceSource,
    private readonly changed: (progress: AnatomyProgress) => void,
    /** Something looks different. */
    private readonly invalidate: () => void,
  ) {
    this.group.name = "anatomy";
  }

  /**
   * These surfaces are there; they load once `paint` shows them. Parts whose blobs are the same stay as they are, and
   * those of the same `scene` until what takes their place is here: never what was another patient's.
   */
  setNodes(nodes: readonly SurfaceNode[], scene: string | null): void {
    const isSameScene = scene === this.scene;
    this.scene = scene;
    const keys = new Set(nodes.map((node) => node.structure.key));
    for (const key of [...this.parts.keys()]) if (!keys.has(key)) this.remove(key);
    for (const node of nodes) this.put(node, isSameScene);
  }

  /** Where the voxels lie: `voxelFromHeadset` tells what of a whole surface stands in which block. */
  setLattice(voxelFromHeadset: THREE.Matrix4, shape: readonly [number, number, number]): void {
    this.voxelFromHeadset = voxelFromHeadset;
    this.shape = shape;
  }

  /** Brings what edits changed, and shows it all at once. */
  async applyPatches(): Promise<void> {
    const wanted = [...this.parts.values()].flatMap((part) => part.node.patches.filter((patch) => !part.patches.has(idOf(patch))).map((patch) => ({ part, patch })));
    const changed = new Set(wanted.map(({ part }) => part));
    for (const part of this.parts.values()) if (part.patches.size !== part.under.length + part.node.patches.length) changed.add(part);
    if (changed.size === 0) return;
    const { signal } = this.abort;
    const brought = await Promise.all(wanted.map(async ({ part, patch }) => ({ part, patch, geometry: await this.source.patch(patch, signal) })));
    for (const { part, patch, geometry } of brought) {
      const isWanted = this.parts.get(part.node.structure.key) === part && part.node.patches.some((each) => idOf(each) === idOf(patch)) && !part.patches.has(idOf(patch));
      if (isWanted) part.patches.set(idOf(patch), geometry === null ? null : putPatch(part, geometry));
      else geometry?.dispose();
    }
    for (const part of changed) this.showPatches(part);
    this.order();
  }

  /** Puts vertices where they are now, of whatever moved. */
  async applyMoves(): Promise<void> {
    const waiting = [...this.parts.values()].filter((part) => part.level !== null && !part.isOld && part.place !== placeAt(part.node, part.level));
    await Promise.all(waiting.map((part) => this.move(part)));
  }

  private async move(part: Part): Promise<void> {
    const { node, level } = part;
    const moved = node.moved[level!];
    if (moved === undefined) return;
    const positions = await this.source.positions(moved, this.abort.signal);
    // Another level, or a later place, has come meanwhile: what it needs is asked for by whoever brought it.
    if (part.level !== level || placeAt(part.node, level!) !== placeOf(moved) || part.isOld) return;
    putPositions(part.mesh.geometry, positions, moved);
    this.place(part, part.mesh.geometry, placeOf(moved));
  }

  /** The geometry that is drawn stands where its matrix says; the probe is the same from now on. */
  private place(part: Part, geometry: THREE.BufferGeometry, place: string): void {
    if (part.probe.geometry !== geometry) part.probe.geometry.dispose();
    part.probe.geometry = geometry;
    for (const each of [part.mesh, part.depth, part.probe]) each.matrix.copy(geometry.userData["matrix"] as THREE.Matrix4);
    part.place = place;
    this.showPatches(part);
    this.invalidate();
  }

  /** Visibility, opacity, colour and selection as the state has them (solo already applied). */
  paint(views: State["structures"], selected: string | null): void {
    for (const [key, part] of this.parts) {
      const view = views[key];
      if (view === undefined) continue;
      part.group.visible = view.visible && view.opacity > 0;
      paintTissue(part.mesh.material, view.colour, view.opacity, key === selected);
      part.depth.visible = view.opacity < 1;
      paintTissue(part.patchMaterial, view.colour, view.opacity, key === selected);
      for (const shown of part.patches.values()) if (shown) shown.depth.visible = part.depth.visible;
    }
    this.order();
    this.report();
    this.load();
  }

  /** How much all of it may be believed: by pattern here, by opacity in `paint`. */
  setShown(shown: ShownState): void {
    setCut(this.marks, LOOKS[shown].pattern);
  }

  /** Makes room round a tool's tip (headset metres); null for none. Call before each frame that is drawn. */
  thinAt(tip_m: THREE.Vector3 | null, within_mm: number): void {
    this.marks.thin_mm.value = tip_m === null ? 0 : within_mm;
    if (tip_m !== null) this.marks.tip_mm.value.copy(tip_m).multiplyScalar(1000);
    if (this.group.parent !== null) this.marks.mmFromWorld.value.copy(this.group.parent.matrixWorld).invert().premultiply(METRES_TO_MM);
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

  private put(node: SurfaceNode, isSameScene: boolean): void {
    const key = node.structure.key;
    const old = this.parts.get(key);
    if (old && (sameBlobs(old.node, node) || (isSameScene && node.lods.length > 0))) {
      this.renew(old, node);
      return;
    }
    if (old) this.remove(key);
    const mesh = new THREE.Mesh(new THREE.BufferGeometry(), createTissueMaterial(this.marks));
    mesh.name = key;
    mesh.userData["structure"] = key;
    mesh.matrixAutoUpdate = false;
    const depth = new THREE.Mesh(mesh.geometry, createDepthMaterial(mesh.material));
    const patchMaterial = createTissueMaterial(this.marks);
    for (const { marks } of [mesh.material, patchMaterial]) marks.pattern.value = patternNumber(node.structure.pattern);
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
    this.parts.set(key, { node, group, mesh, depth, probe, level: null, wanted: coarsest, loading: false, patchMaterial, patchDepthMaterial: createDepthMaterial(patchMaterial), patches: new Map(), under: [], isOld: false, place: "", mask: null });
  }

  /** Another state of the same structure. What is drawn stays until what takes its place is here. */
  private renew(part: Part, node: SurfaceNode): void {
    if (!sameBlobs(part.node, node)) {
      const later = new Set(node.patches.map(idOf));
      part.isOld = part.level !== null;
      part.under = part.isOld ? [...part.under, ...part.node.patches.filter((patch) => !later.has(idOf(patch)))] : [];
      part.wanted = Math.min(part.wanted, node.lods.length - 1);
    }
    part.node = node;
  }

  private remove(key: string): void {
    const part = this.parts.get(key)!;
    for (const id of [...part.patches.keys()]) dropPatch(part, id);
    part.mask?.dispose();
    this.group.remove(part.group);
    for (const geometry of new Set([part.mesh.geometry, part.probe.geometry])) geometry.dispose();
    for (const material of [part.mesh.material, part.depth.material, part.patchMaterial, part.patchDepthMaterial]) material.dispose();
    this.parts.delete(key);
    this.failed.delete(key);
  }

  /** Starts the next loads: nothing drawn yet before refinements, small before large. */
  private load(): void {
    const waiting = [...this.parts.values()]
      .filter((part) => !part.loading && (part.isOld || part.level !== part.wanted) && part.node.lods[part.wanted] !== undefined)
      // What is hidden costs nothing until it is shown.
      .filter((part) => part.group.visible && !this.failed.has(part.node.structure.key))
      .sort((a, b) => Number(a.level !== null) - Number(b.level !== null) || bytesWanted(a) - bytesWanted(b));
    for (const part of waiting.slice(0, PARALLEL_LOADS - this.active)) void this.loadPart(part);
  }

  private async loadPart(part: Part): Promise<void> {
    const level = part.wanted;
    const { node } = part;
    const lod = node.lods[level]!;
    part.loading = true;
    this.active += 1;
    try {
      const geometry = await this.source.surface(lod, this.abort.signal);
      const moved = part.node.moved[level];
      if (moved !== undefined) putPositions(geometry, await this.source.positions(moved, this.abort.signal), moved);
      // Of a whole surface that was made again meanwhile, nothing is shown.
      if (this.parts.get(node.structure.key) === part && sameBlobs(part.node, node)) {
        this.show(part, level, geometry);
        part.place = moved ? placeOf(moved) : "";
        if (part.place !== placeAt(part.node, level)) await this.move(part); // it moved while this level came
      }
      else geometry.dispose();
    } catch {
      // Aborted on disposal, or not to be had: the coarser surface stays, and the count says so.
      if (part.level === null || part.isOld) this.failed.add(part.node.structure.key);
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
    const probed = part.probe.geometry;
    if (part.level === null || part.isOld) {
      part.probe.geometry = geometry;
      part.probe.matrix.copy(part.mesh.matrix);
    }
    part.level = level;
    part.isOld = false;
    part.under = [];
    for (const gone of new Set([old, probed])) if (gone !== part.probe.geometry && gone !== geometry) gone.dispose();
    this.showPatches(part);
    this.order();
    this.invalidate();
  }

  /** Of each patch what no later one stands for; of the whole surface what none does. */
  private showPatches(part: Part): void {
    const now = [...part.under, ...part.node.patches].filter((patch) => part.patches.has(idOf(patch)));
    const ids = new Set(now.map(idOf));
    for (const id of [...part.patches.keys()]) if (!ids.has(id)) dropPatch(part, id);
    shownBlocks(now).forEach((shown, n) => {
      const held = part.patches.get(idOf(now[n]!));
      if (!held) return;
      const index = shownIndex(held.index, now[n]!.counts, shown);
      if (held.mesh.geometry.index?.array !== index) held.mesh.geometry.setIndex(new THREE.BufferAttribute(index, 1));
    });
    if (now.length > 0) part.mask ??= new BlockMask(this.shape);
    part.mask?.set(now);
    const { leavesOut } = part.mesh.material;
    leavesOut.blocks.value = part.mask?.texture ?? NO_BLOCKS;
    leavesOut.voxelFromLocal.value.copy(this.voxelFromHeadset).multiply(part.mesh.matrix);
    part.group.updateMatrixWorld(true); // a ray may ask before the next frame
  }

  /** Solid first; then shells from the innermost (smallest) outwards, so that each is blended over what it holds. */
  private order(): void {
    const shells = [...this.parts.values()].sort((a, b) => a.node.volume_ml - b.node.volume_ml);
    shells.forEach((part, index) => {
      part.depth.renderOrder = 10 + 2 * index;
      part.mesh.renderOrder = part.mesh.material.transparent ? 11 + 2 * index : 0;
      for (const shown of part.patches.values()) {
        if (shown === null) continue;
        shown.mesh.renderOrder = part.mesh.renderOrder;
        shown.depth.renderOrder = part.depth.renderOrder;
      }
      // Sorted with the see-through ones, although it writes no colour.
      part.depth.material.transparent = part.patchDepthMaterial.transparent = true;
      // Neighbours share their boundary to the vertex: the smaller is seen there, and a solid one before a shell.
      const rank = index + (part.mesh.material.transparent ? shells.length : 0);
      for (const material of [part.mesh.material, part.depth.material, part.patchMaterial, part.patchDepthMaterial]) {
        material.polygonOffset = true;
        material.polygonOffsetFactor = material.polygonOffsetUnits = rank;
      }
    });
  }

  private hit(part: Part, raycaster: THREE.Raycaster, fast: boolean): Hit | null {
    const coarsest = part.node.lods.length - 1;
    const level = fast ? coarsest : Math.min(part.level!, coarsest);
    const whole = fast ? part.probe : part.mesh;
    const edited = [...part.patches.values()].flatMap((shown) => (shown ? [shown.mesh] : []));
    const first = raycaster.intersectObjects([whole, ...edited], false).find(({ object, point }) => object !== whole || !this.isLeftOut(part, point));
    if (first === undefined) return null;
    const error_mm = lodError(part.node.lods[level]);
    return { key: part.node.structure.key, point: first.point, distance_m: first.distance, error_mm };
  }

  /** Whether a point of the whole surface (world metres) is not drawn, since a patch stands for it. */
  private isLeftOut(part: Part, point: THREE.Vector3): boolean {
    if (part.mask === null || part.mask.isEmpty) return false;
    const voxel = this.group.worldToLocal(point.clone()).applyMatrix4(this.voxelFromHeadset);
    return part.mask.has(blockAt(voxel));
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

const placeOf = ({ blob, start }: MovedPositions): string => `${blob}:${start}`;
const placeAt = (node: SurfaceNode, level: number): string => (node.moved[level] ? placeOf(node.moved[level]) : "");
const idOf = (patch: SurfacePatch): string => `${patch.blob}:${patch.start}:${patch.bytes}`;

function putPatch(part: Part, geometry: THREE.BufferGeometry): Shown {
  const mesh = new THREE.Mesh(geometry, part.patchMaterial);
  const depth = new THREE.Mesh(geometry, part.patchDepthMaterial);
  for (const each of [mesh, depth]) {
    each.matrixAutoUpdate = false;
    each.matrix.copy(geometry.userData["matrix"] as THREE.Matrix4);
  }
  // As the whole surface: the depth pass belongs to see-through shells.
  depth.visible = part.depth.visible;
  part.group.add(depth, mesh);
  return { index: geometry.index!.array as Uint16Array | Uint32Array, mesh, depth };
}

function dropPatch(part: Part, id: string): void {
  const old = part.patches.get(id);
  part.patches.delete(id);
  if (!old) return;
  part.group.remove(old.mesh, old.depth);
  old.mesh.geometry.dispose();
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
