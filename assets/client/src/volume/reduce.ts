// Fewer voxels where a device cannot hold them all. Slices k of the whole volume become slices of the reduced one.

export interface Slices<T extends Int16Array | Uint8Array> {
  readonly kStart: number;
  readonly kCount: number;
  readonly data: T;
}

/**
 * Every `factor`-th voxel along each axis, taken from the middle of its block. A block that straddles two slabs
 * belongs to the slab that holds its middle, so slabs can be reduced one by one.
 */
export function reduceSlices<T extends Int16Array | Uint8Array>(
  slices: Slices<T>,
  shape: readonly [number, number, number],
  factor: number,
): Slices<T> {
  if (factor === 1) return slices;
  const [ni, nj, nk] = shape;
  const middle = (index: number, count: number): number => Math.min(index * factor + (factor >> 1), count - 1);
  const [ri, rj, rk] = [ni, nj, nk].map((n) => Math.ceil(n / factor)) as [number, number, number];
  const taken = Array.from({ length: rk }, (_, k) => k).filter((k) => {
    const source = middle(k, nk) - slices.kStart;
    return source >= 0 && source < slices.kCount;
  });
  const data = new (slices.data.constructor as new (length: number) => T)(ri * rj * taken.length);
  let out = 0;
  for (const k of taken) {
    for (let j = 0; j < rj; j += 1) {
      const row = ((middle(k, nk) - slices.kStart) * nj + middle(j, nj)) * ni;
      for (let i = 0; i < ri; i += 1) data[out++] = slices.data[row + middle(i, ni)]!;
    }
  }
  return { kStart: taken[0] ?? 0, kCount: taken.length, data };
}
