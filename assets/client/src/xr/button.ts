// A button's edges, frame by frame. Events may press and release within one frame; neither edge may be lost.

export class Button {
  /** Down at the end of the frame. */
  held = false;
  /** Went down during the frame. */
  pressed = false;
  /** Went up during the frame. */
  released = false;

  #down = false;
  #downs = 0;
  #ups = 0;

  set(down: boolean): void {
    if (down === this.#down) return;
    this.#down = down;
    if (down) this.#downs += 1;
    else this.#ups += 1;
  }

  /** Publishes what happened since the last step. */
  step(): void {
    this.held = this.#down;
    this.pressed = this.#downs > 0;
    this.released = this.#ups > 0;
    this.#downs = 0;
    this.#ups = 0;
  }
}
