// A margin in the hand: it follows the hand at once, and what is asked for follows as fast as it can be answered.

import { withDistance, withSide, type MarginShape } from "../model/margin_shape";
import { latestWins } from "../wire/latest";
import type { MarginAsk, MarginBand } from "../wire/messages";

/** As fast as a hand moves a slider, and no faster. */
export const SLIDE_EVERY_MS = 33;
/** For so long after a hand let go, what it set is not moved by an answer to where it was. */
const HELD_MS = 500;

export class MarginHand {
  #id = "";
  #touched_ms = -Infinity;
  #shown: MarginShape = { distance_mm: 0, toward_mm: null };
  /** Where the whole was when a hand began to move it: sides that stopped at the surface come back with it. */
  #from: MarginShape = this.#shown;
  readonly #send: (ask: MarginAsk) => void;

  constructor(send: (ask: MarginAsk) => void, private readonly now_ms: () => number = () => performance.now()) {
    this.#send = latestWins(send, SLIDE_EVERY_MS);
  }

  /** As the hand has it, or as it is. */
  shape(margin: MarginBand): MarginShape {
    return this.#holds(margin) ? this.#shown : { distance_mm: margin.distance_mm, toward_mm: margin.toward_mm };
  }

  whole(margin: MarginBand, to_mm: number): void {
    if (!this.#holds(margin)) this.#from = this.shape(margin);
    this.#set(margin, withDistance(this.#from, to_mm));
  }

  side(margin: MarginBand, side: number, to_mm: number): void {
    this.#set(margin, (this.#from = withSide(this.shape(margin), side, to_mm)));
  }

  even(margin: MarginBand): void {
    this.#set(margin, (this.#from = { ...this.shape(margin), toward_mm: null }));
  }

  #holds({ id }: MarginBand): boolean {
    return this.#id === id && this.now_ms() - this.#touched_ms <= HELD_MS;
  }

  #set({ id }: MarginBand, shape: MarginShape): void {
    this.#id = id;
    this.#touched_ms = this.now_ms();
    this.#shown = shape;
    this.#send({ kind: "margin", margin: id, ...shape });
  }
}
