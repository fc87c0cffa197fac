// Where surface geometry comes from: blobs of the server, or the demo's own maker. Geometry is in headset metres.

import type * as THREE from "three";

import type { MovedPositions, SurfaceLod, SurfacePatch } from "../wire/messages";

export interface SurfaceSource {
  /** Rejects with an `AbortError` when `signal` fires. */
  surface(lod: SurfaceLod, signal: AbortSignal): Promise<THREE.BufferGeometry>;
  /** Where a surface's vertices are now, uint16 x, y, z, 0. */
  positions(moved: MovedPositions, signal: AbortSignal): Promise<Uint16Array<ArrayBuffer>>;
  /** A structure's surface in some blocks after an edit; null where nothing is left there. */
  patch(patch: SurfacePatch, signal: AbortSignal): Promise<THREE.BufferGeometry | null>;
}
