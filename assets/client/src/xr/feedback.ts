// What a press feels like: a soft click made on the spot (no sound file) and a short buzz where the hand offers one.

const CLICK_HZ = 1450;
const CLICK_S = 0.028;
const CLICK_GAIN = 0.06;

export type Touch = "hover" | "press" | "detent";

/** Strength (0…1) and length of the buzz for each touch. */
const BUZZ: Record<Touch, readonly [strength: number, length_ms: number]> = {
  hover: [0.12, 6],
  press: [0.45, 14],
  detent: [0.3, 10],
};

export class Feedback {
  #audio: AudioContext | null = null;
  /** Sounds made so far; the speaker itself cannot be asked. */
  clicks = 0;

  /** Browsers let sound start only from a gesture: call on the press that enters the headset. */
  wake(): void {
    this.#audio ??= new AudioContext();
    void this.#audio.resume();
  }

  sleep(): void {
    void this.#audio?.suspend();
  }

  give(touch: Touch, source: XRInputSource): void {
    if (touch === "press") this.#click();
    const [strength, length_ms] = BUZZ[touch];
    const [actuator] = source.gamepad?.hapticActuators ?? [];
    // A hand lost in this very frame may refuse; a missing buzz is no fault to report.
    void actuator?.pulse(strength, length_ms).catch(() => false);
  }

  #click(): void {
    this.clicks += 1;
    const audio = this.#audio;
    if (audio === null || audio.state !== "running") return;
    const now = audio.currentTime;
    const tone = audio.createOscillator();
    const level = audio.createGain();
    tone.frequency.setValueAtTime(CLICK_HZ, now);
    tone.frequency.exponentialRampToValueAtTime(CLICK_HZ / 3, now + CLICK_S);
    level.gain.setValueAtTime(CLICK_GAIN, now);
    level.gain.exponentialRampToValueAtTime(1e-4, now + CLICK_S);
    tone.connect(level).connect(audio.destination);
    tone.start(now);
    tone.stop(now + CLICK_S);
  }
}
