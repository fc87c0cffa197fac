// int16 to IEEE half floats, by table: 65 536 entries, built once.

/** The half float nearest to a whole number of magnitude up to 65504 (round half to even). */
export function halfFromInteger(value: number): number {
  if (value === 0) return 0;
  const sign = value < 0 ? 0x8000 : 0;
  const magnitude = Math.abs(value);
  const exponent = Math.floor(Math.log2(magnitude));
  const scaled = magnitude * 2 ** (10 - exponent);
  const floor = Math.floor(scaled);
  const rest = scaled - floor;
  const up = rest > 0.5 || (rest === 0.5 && floor % 2 === 1) ? 1 : 0;
  // A carry out of the mantissa runs into the exponent, which is what rounding up to a power of two means.
  return sign + ((exponent + 15) << 10) + (floor - 1024) + up;
}

let table: Uint16Array | null = null;

/** Each sample as a half float; exact for magnitudes up to 2048. */
export function halfFromSamples(samples: Int16Array): Uint16Array<ArrayBuffer> {
  table ??= Uint16Array.from({ length: 65536 }, (_, index) => halfFromInteger(index - 32768));
  const halves = new Uint16Array(samples.length);
  for (let index = 0; index < samples.length; index += 1) halves[index] = table[samples[index]! + 32768]!;
  return halves;
}
