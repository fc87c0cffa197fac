// Soft tissue that moved since the scan: what is drawn of it is a guess, and says so. Pure.

import type { Guidance, MovedTissue, Retouched, Scene, SurfaceNode } from "../wire/messages";
import { justified, sentenceCase } from "./number_text";

/** The parameter of a structure's provenance that says how its surface was moved (engine.app.guide_structures). */
const DEFORMED = "deformed";

/** How a structure's surface was moved by a guess; "" where it lies as the scan has it. */
export function guessOf({ structure: { provenance } }: SurfaceNode): string {
  return provenance.parameters[DEFORMED] ?? "";
}

/** Nodes of the scene that lie where a guess puts them. */
export function guessedNodes(scene: Scene): ReadonlySet<string> {
  return new Set(scene.nodes.flatMap((node) => (node.kind === "surface" && guessOf(node) ? [node.id] : [])));
}

/** Said wherever distances are, while tissue is drawn where it is guessed to be; "" while it is not. */
export function guessWords(moved: MovedTissue | null): string {
  return moved?.applied ? `Guess: ${moved.words || "soft tissue is drawn moved"}` : "";
}

/** What the fold says: never nothing. */
export function movedText(moved: MovedTissue | null): string {
  if (moved === null || moved.points.length === 0) return "Tissue is drawn and measured where the scan has it.";
  return sentenceCase(moved.words) || (moved.applied ? "Tissue is drawn and measured where it is guessed to be." : "Tissue is drawn and measured where the scan has it, until it is moved.");
}

/** How far a point was found from where the scan has it, to what the registration's error leaves standing. */
export function movedBy({ scan_mm, now_mm }: Retouched, { accuracy }: Guidance): string {
  const error_mm = accuracy?.expected[0]?.error_mm ?? 1;
  return justified(Math.hypot(...scan_mm.map((at, n) => now_mm[n]! - at)), error_mm, "mm");
}
