// A hand that corrects: a way of a brush, sent while it goes; or a box, sent when it is let go.

import type { Vec3 } from "./affine";
import type { AppStore } from "./state";
import { beginBox, endBox, isCorrecting, isPainting } from "./view";

/** What a hand asks for. */
export interface Strokes {
  /** Paints or erases along a way; the parts of one movement are taken back together. */
  paint(points_mm: readonly Vec3[], movement: string): void;
  /** Takes what lies in the range of values within a box between two corners. */
  threshold(from_mm: Vec3, to_mm: Vec3): void;
}

export interface Hand {
  /** Whether the tool in hand corrects; it then has begun at this place. */
  begin(at_mm: Vec3): boolean;
  go(at_mm: Vec3): void;
  end(): void;
}

/** A stroke under way is sent this often, so that what it does is seen while the hand moves. */
const STROKE_EVERY_MS = 80;

/**
 * `axis` is the one across the slice: as far as the tool is wide, a box goes to either side of it. Null where a hand
 * moves in the room: a box is then what its two corners span.
 */
export function createHand(store: AppStore, axis: 0 | 1 | 2 | null, strokes: Strokes): Hand {
  let way: Vec3[] = [];
  let movement = "";
  let sent_ms = 0;
  let corner: Vec3 | null = null;
  let last: Vec3 | null = null;
  const flush = (): void => {
    if (way.length > 0) strokes.paint(way, movement);
    way = way.slice(-1); // the next part begins where this one ended
    sent_ms = performance.now();
  };
  const deep = (at_mm: Vec3, side: -1 | 1): Vec3 => at_mm.map((x, n) => (n === axis ? x + side * store.get().view.radius_mm : x)) as unknown as Vec3;
  return {
    begin(at_mm) {
      const { view } = store.get();
      if (!isCorrecting(view)) return false;
      last = at_mm;
      if (isPainting(view)) {
        way = [at_mm];
        movement = crypto.randomUUID();
        flush();
      } else {
        corner = at_mm;
        store.update((s) => beginBox(s, at_mm));
      }
      return true;
    },
    go(at_mm) {
      last = at_mm;
      if (way.length === 0) return;
      way.push(at_mm);
      if (performance.now() - sent_ms >= STROKE_EVERY_MS) flush();
    },
    end() {
      if (way.length > 1) flush();
      if (corner !== null && last !== null && corner !== last) strokes.threshold(deep(corner, -1), deep(last, 1));
      if (corner !== null) store.update(endBox);
      way = [];
      corner = last = null;
    },
  };
}
