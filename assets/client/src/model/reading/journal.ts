// Events of one reading: numbered, kept until the server has them on its disk, sent again after every fault.
// Where they are kept, how they travel and what time it is are given.

import type { AnyEvent } from "../../wire/training_messages";

/** An event before it is numbered. */
export type Happening = AnyEvent extends infer Each ? (Each extends AnyEvent ? Omit<Each, "n" | "t_s"> : never) : never;

/** Keeps events over a reload. */
export interface Keep {
  put(event: AnyEvent): Promise<void>;
  /** Forgets those before `next`. */
  drop(next: number): Promise<void>;
}

/** The server asks for another event than the one that came: some are missing between. */
export class Gap extends Error {
  constructor(readonly next: number) {
    super(`event ${next} comes next`);
  }
}

export interface Wire {
  /** Sends events in order; resolves to the number that comes next. Rejects with `Gap`, `Refusal`, or when nobody answers. */
  post(events: readonly AnyEvent[]): Promise<number>;
}

/** The server will never take these: trying again would not help. */
export class Refusal extends Error {}

export type LinkState = "kept" | "sending" | "waiting" | "refused";

const MOST_AT_ONCE = 500;
const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 8000;
/** What only tells where one looked may wait so long; what was done goes at once. */
const QUIET_WAIT_MS = 1000;
const QUIET: ReadonlySet<AnyEvent["kind"]> = new Set(["displayed", "hidden", "looked"]);

export const isQuiet = (event: { readonly kind: AnyEvent["kind"] }): boolean => QUIET.has(event.kind);

export class Journal {
  private readonly unsent: AnyEvent[];
  private next: number;
  private timer: ReturnType<typeof setTimeout> | null = null;
  private due_ms = Infinity;
  private underWay = false;
  private failures = 0;
  private ended = false;

  /**
   * `next_event` is what the server says comes next, `left` what was kept here and may not have reached it: what it
   * has is passed over.
   */
  constructor(
    next_event: number,
    left: readonly AnyEvent[],
    private readonly keep: Keep,
    private readonly wire: Wire,
    private readonly now_s: () => number,
    private readonly onLink: (state: LinkState) => void,
  ) {
    const ordered = [...left].sort((a, b) => a.n - b.n).filter(({ n }) => n >= next_event);
    // A gap cannot come about by itself; what lies behind one cannot be placed.
    const whole = ordered.findIndex((event, index) => event.n !== next_event + index);
    this.unsent = whole < 0 ? ordered : ordered.slice(0, whole);
    this.next = next_event + this.unsent.length;
    void keep.drop(next_event);
    if (this.unsent.length > 0) this.soon(0);
    else onLink("kept");
  }

  /** What the server may not have yet. */
  get waiting(): readonly AnyEvent[] {
    return this.unsent;
  }

  /** Numbers and keeps what happened. */
  add(happening: Happening): AnyEvent {
    const event = { ...happening, n: this.next, t_s: this.now_s() };
    this.next += 1;
    this.unsent.push(event);
    void this.keep.put(event);
    if (this.failures === 0) this.soon(isQuiet(event) ? QUIET_WAIT_MS : 0);
    return event;
  }

  /** The line may be back: tries now. */
  retry(): void {
    this.failures = 0;
    if (this.unsent.length > 0) this.soon(0);
  }

  end(): void {
    this.ended = true;
    if (this.timer !== null) clearTimeout(this.timer);
  }

  private soon(wait_ms: number): void {
    const at_ms = Date.now() + wait_ms;
    if (this.ended || at_ms >= this.due_ms) return;
    if (this.timer !== null) clearTimeout(this.timer);
    this.due_ms = at_ms;
    this.timer = setTimeout(() => {
      this.timer = null;
      this.due_ms = Infinity;
      void this.send();
    }, wait_ms);
  }

  private async send(): Promise<void> {
    if (this.underWay || this.unsent.length === 0) return;
    this.underWay = true;
    const batch = this.unsent.slice(0, MOST_AT_ONCE);
    if (!batch.every(isQuiet)) this.onLink(this.failures === 0 ? "sending" : "waiting");
    try {
      this.accept(await this.wire.post(batch));
      this.failures = 0;
    } catch (error) {
      this.fail(error);
    } finally {
      this.underWay = false;
    }
    if (this.unsent.length === 0) this.onLink("kept");
    else this.soon(this.failures === 0 ? 0 : Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** (this.failures - 1)));
  }

  private accept(next: number): void {
    while (this.unsent.length > 0 && this.unsent[0]!.n < next) this.unsent.shift();
    void this.keep.drop(next);
  }

  private fail(error: unknown): void {
    if (error instanceof Gap && (this.unsent[0]?.n ?? 0) <= error.next) {
      this.accept(error.next);
      return;
    }
    if (error instanceof Gap || error instanceof Refusal) {
      this.ended = true;
      this.onLink("refused");
      return;
    }
    this.failures += 1;
    this.onLink("waiting");
  }
}
