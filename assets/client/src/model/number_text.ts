// Numbers as the clinic reads them: unit and error beside them, no digit that the error does not carry.

import { MINUS } from "./figure";

const GROUPED = (decimals: number): Intl.NumberFormat =>
  new Intl.NumberFormat("en", { minimumFractionDigits: decimals, maximumFractionDigits: decimals });

/** One step of the last digit that an error leaves standing: 0.34 gives 0.1, 23 gives 10; 0.96 rounds up to 1. */
export function lastDigit(error: number): number {
  const step = 10 ** Math.floor(Math.log10(error));
  return error > 9 * step ? 10 * step : step;
}

function rounded(value: number, step: number): string {
  const decimals = Math.max(0, -Math.round(Math.log10(step)));
  return GROUPED(decimals).format(Math.round(value / step) * step);
}

/** "42.3 ± 0.4 mm": the error rounded up to one digit, the value to the same place. */
export function withError(value: number, error: number, unit: string): string {
  if (!(error > 0)) return `${rounded(value, 1)} ${unit}`;
  const step = lastDigit(error);
  // Rounding 0.30000000000000004 up must give 0.3.
  const up = Math.ceil(error / step - 1e-9) * step;
  return `${rounded(value, step)} ± ${rounded(up, step)} ${unit}`;
}

/** The value alone, to the digit that its error leaves standing. */
export function justified(value: number, error: number, unit: string): string {
  return `${rounded(value, error > 0 ? lastDigit(error) : 1)} ${unit}`;
}

/**
 * Standard uncertainty of a segmented volume, in ml: the boundary lies somewhere within one voxel, the same way all
 * round (the worst case: errors that differ from place to place cancel), so area times voxel / sqrt 12.
 */
export function volumeError_ml(area_mm2: number, spacing_mm: readonly number[] | undefined): number {
  const voxel_mm = spacing_mm ? Math.cbrt(spacing_mm.reduce((a, b) => a * b, 1)) : 0;
  return (area_mm2 * voxel_mm) / Math.sqrt(12) / 1000;
}

/** A structure's volume to the digit that its error leaves standing; "—" where it has none. */
export function volumeText({ volume_ml, surface_area_mm2 }: { readonly volume_ml: number; readonly surface_area_mm2: number }, spacing_mm: readonly number[] | undefined): string {
  return volume_ml > 0 ? justified(volume_ml, volumeError_ml(surface_area_mm2, spacing_mm), "ml") : "—";
}

/** A length that a hand sets, in tenths. */
export const tenths_mm = (mm: number): string => `${mm.toFixed(1).replace("-", MINUS)} mm`;

/** With a capital. */
export const sentenceCase = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);

/** Time left in words that do not pretend: "about 20 s", "about 3 min". */
export function timeLeft(eta_s: number | null): string {
  if (eta_s === null || !Number.isFinite(eta_s)) return "estimating time left";
  if (eta_s < 1.5) return "nearly done";
  if (eta_s < 10) return `about ${Math.ceil(eta_s)} s left`;
  if (eta_s < 90) return `about ${Math.ceil(eta_s / 5) * 5} s left`;
  return `about ${Math.round(eta_s / 60)} min left`;
}
