// Text on canvases by its cap height: what a person reads is the capital's height, not the em.

import { FONT_FAMILY } from "./theme";

const PROBE_PX = 100;
const ratios = new Map<number, number>();

/** Cap height over font size, measured in the font that is drawn. */
function capRatio(context: CanvasRenderingContext2D, weight: number): number {
  const known = ratios.get(weight);
  if (known !== undefined) return known;
  context.save();
  context.font = `${weight} ${PROBE_PX}px ${FONT_FAMILY}`;
  const ratio = context.measureText("H").actualBoundingBoxAscent / PROBE_PX;
  context.restore();
  ratios.set(weight, ratio);
  return ratio;
}

/** Sets the font so that capitals are `cap_px` high. */
export function setCapHeight(context: CanvasRenderingContext2D, cap_px: number, weight: number): void {
  context.font = `${weight} ${cap_px / capRatio(context, weight)}px ${FONT_FAMILY}`;
}

/**
 * Sets the largest cap height from `cap_px` down to `least_px` at which `text` fits `width_px`; where even that is too
 * long the text is cut with an ellipsis. Returns what to draw.
 */
export function fitText(
  context: CanvasRenderingContext2D,
  text: string,
  fit: { readonly width_px: number; readonly cap_px: number; readonly least_px: number; readonly weight: number },
): string {
  setCapHeight(context, fit.cap_px, fit.weight);
  const wide = context.measureText(text).width / fit.width_px;
  if (wide <= 1) return text;
  setCapHeight(context, Math.max(fit.least_px, fit.cap_px / wide), fit.weight);
  let kept = text;
  while (kept.length > 1 && context.measureText(kept === text ? kept : `${kept}…`).width > fit.width_px) {
    kept = kept.slice(0, -1).trimEnd();
  }
  return kept === text ? text : `${kept}…`;
}

/** Loads the page's font before the first panel is drawn; the fallback is as legible, so a failure is let be. */
export async function loadFont(): Promise<void> {
  const faces = [450, 600].map((weight) => document.fonts.load(`${weight} 32px ${FONT_FAMILY}`));
  await Promise.allSettled(faces);
  ratios.clear();
}
