// Affine maps as the wire sends them: 16 numbers, row-major, last row 0 0 0 1. Named target_from_source.

export type Vec3 = readonly [number, number, number];
export type Affine = readonly number[];

export const IDENTITY: Affine = [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1];

/** A point of the source frame in the target frame. */
export function apply(matrix: Affine, [x, y, z]: Vec3): Vec3 {
  const row = (r: number): number => matrix[r]! * x + matrix[r + 1]! * y + matrix[r + 2]! * z + matrix[r + 3]!;
  return [row(0), row(4), row(8)];
}

/** A difference of points: turned and scaled, not moved. */
export function applyVector(matrix: Affine, [x, y, z]: Vec3): Vec3 {
  const row = (r: number): number => matrix[r]! * x + matrix[r + 1]! * y + matrix[r + 2]! * z;
  return [row(0), row(4), row(8)];
}

/** `target_from_middle` after `middle_from_source`. */
export function compose(a: Affine, b: Affine): Affine {
  const cell = (r: number, c: number): number =>
    a[r]! * b[c]! + a[r + 1]! * b[c + 4]! + a[r + 2]! * b[c + 8]! + a[r + 3]! * b[c + 12]!;
  return [0, 4, 8, 12].flatMap((r) => [0, 1, 2, 3].map((c) => cell(r, c)));
}

/** source_from_target. Throws a RangeError when the map flattens space. */
export function inverse(m: Affine): Affine {
  const [a, b, c, tx, d, e, f, ty, g, h, i, tz] = m as number[] as [
    number, number, number, number, number, number, number, number, number, number, number, number,
  ];
  const determinant = a * (e * i - f * h) - b * (d * i - f * g) + c * (d * h - e * g);
  if (!(Math.abs(determinant) > 0)) throw new RangeError("the affine map cannot be inverted");
  const s = 1 / determinant;
  const r = [
    (e * i - f * h) * s, (c * h - b * i) * s, (b * f - c * e) * s,
    (f * g - d * i) * s, (a * i - c * g) * s, (c * d - a * f) * s,
    (d * h - e * g) * s, (b * g - a * h) * s, (a * e - b * d) * s,
  ] as const;
  const moved = (k: number): number => -(r[k]! * tx + r[k + 1]! * ty + r[k + 2]! * tz);
  return [r[0], r[1], r[2], moved(0), r[3], r[4], r[5], moved(3), r[6], r[7], r[8], moved(6), 0, 0, 0, 1];
}

/** Euclidean distance, in the unit of the points. */
export function distance(a: Vec3, b: Vec3): number {
  return Math.hypot(a[0] - b[0], a[1] - b[1], a[2] - b[2]);
}
