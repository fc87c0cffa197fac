// A margin in the hand: it follows the hand at once, and what is asked for follows as fast as it can be answered. Pure.

import { withDistance, withSide, type MarginShape } from "./margin_shape";

/** For so long after a hand let go, what it set is not moved by an answer to where it was. */
const HELD_MS = 500;

export class MarginHand {
  #shape: MarginShape = { distance_mm: 0, toward_mm: null };
  /** Where the whole was when a hand began to move it: sides that stopped at the surface come back with it. */
  #from = this.#shape;
  #touched_ms = -Infinity;

  constructor(private readonly send: (shape: MarginShape) => void, private readonly now_ms = (): number => performance.now()) {}

  /** As the hand has it, or as it is. */
  get shape(): MarginShape {
    return this.#shape;
  }

  /** The session's margin, which moves nothing that a hand holds. */
  follow({ distance_mm, toward_mm }: MarginShape): void {
    if (!this.#isHeld) this.#shape = { distance_mm, toward_mm };
  }

  whole(to_mm: number): void {
    if (!this.#isHeld) this.#from = this.#shape;
    this.#set(withDistance(this.#from, to_mm));
  }

  side(side: number, to_mm: number): void {
    this.#set((this.#from = withSide(this.#shape, side, to_mm)));
  }

  even(): void {
    this.#set((this.#from = { ...this.#shape, toward_mm: null }));
  }

  get #isHeld(): boolean {
    return this.now_ms() - this.#touched_ms <= HELD_MS;
  }

  #set(shape: MarginShape): void {
    this.#touched_ms = this.now_ms();
    this.#shape = shape;
    this.send(shape);
  }
}
