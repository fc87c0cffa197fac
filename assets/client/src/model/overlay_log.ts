// For how long the overlay was on: what is over the picture can hide what is in it, so the time is shown, and told to the
// server, which keeps it. Pure.

import type { ShownAsk } from "../wire/messages";

/** What one telling may hold, as the wire has it. */
const MOST_S = 3600;
/** Tells what passed since the last telling, this often. */
export const TELL_EVERY_S = 60;

export class OverlayLog {
  private last_s: number | null = null;
  private on_s = 0;
  private all_s = 0;
  /** Whether the server did not take what it was told last. */
  isRefused = false;
  /** What the server was not told yet: kept until it was, and then forgotten. */
  private untold = { on_s: 0, of_s: 0, unreadable: 0 };

  /** Called again and again; `isOn` while something is drawn over the patient or the picture. */
  note(isOn: boolean, now_s: number): void {
    const passed_s = this.last_s === null ? 0 : Math.max(0, now_s - this.last_s);
    this.last_s = now_s;
    this.all_s += passed_s;
    this.untold.of_s += passed_s;
    if (!isOn) return;
    this.on_s += passed_s;
    this.untold.on_s += passed_s;
  }

  /** A number that was drawn was read back wrong, and taken away again. */
  noteUnreadable(count = 1): void {
    this.untold.unreadable += count;
  }

  /** Hands over what is untold, an hour at a time; what `send` does not take (false) is told the next time. */
  tell(send: (ask: ShownAsk) => boolean): void {
    if (this.isUntold) this.isRefused = false;
    while (this.isUntold) {
      const { on_s, of_s, unreadable } = this.untold;
      const ask: ShownAsk = { kind: "shown", on_s: Math.min(MOST_S, on_s), of_s: Math.min(MOST_S, of_s), unreadable };
      if (!send(ask)) return;
      this.untold = { on_s: on_s - ask.on_s, of_s: of_s - ask.of_s, unreadable: 0 };
    }
  }

  /** The server did not take it after all. */
  takeBack({ on_s, of_s, unreadable }: ShownAsk): void {
    const { untold } = this;
    this.isRefused = true;
    this.untold = { on_s: untold.on_s + on_s, of_s: untold.of_s + of_s, unreadable: untold.unreadable + unreadable };
  }

  /** Nothing is guided: the next session counts from the start. What is untold stays to be told. */
  reset(): void {
    this.last_s = null;
    this.on_s = this.all_s = 0;
  }

  get isUntold(): boolean {
    return this.untold.of_s > 0 || this.untold.unreadable > 0;
  }

  get seconds(): number {
    return this.on_s;
  }

  /** "Overlay on 2 min 5 s, 96 %". */
  get words(): string {
    return `Overlay on ${duration(this.on_s)}, ${Math.round((100 * this.on_s) / Math.max(1, this.all_s))} %`;
  }
}

/** To the second below a minute, then to the minute and second. */
export function duration(seconds: number): string {
  const whole = Math.floor(seconds);
  const minutes = Math.floor(whole / 60);
  return minutes === 0 ? `${whole} s` : `${minutes} min ${whole % 60} s`;
}
