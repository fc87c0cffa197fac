// For how long the overlay was on: what is over the picture can hide what is in it, so the time is kept and shown. Pure.

export class OverlayLog {
  private last_s: number | null = null;
  private on_s = 0;
  private all_s = 0;

  /** Called again and again; `isOn` while something is drawn over the patient or the picture. */
  note(isOn: boolean, now_s: number): void {
    const passed_s = this.last_s === null ? 0 : Math.max(0, now_s - this.last_s);
    this.last_s = now_s;
    this.all_s += passed_s;
    if (isOn) this.on_s += passed_s;
  }

  /** Nothing is guided: the next session counts from the start. */
  reset(): void {
    this.last_s = null;
    this.on_s = this.all_s = 0;
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
