// Alarms as they are heard: bursts of pulses made on the spot (no sound file), by what the alert says.

import { burst, HARMONICS, TONE } from "../model/alarm";
import type { Alert } from "../wire/messages";

const GAIN: Readonly<Record<Alert["priority"], number>> = { high: 0.3, medium: 0.22, low: 0.14 };
const EDGE_S = 0.02;

export class AlarmSound {
  private audio: AudioContext | null = null;
  private timer = 0;
  private playing: Alert | null = null;
  /** Bursts begun so far; the speaker itself cannot be asked. */
  bursts = 0;

  /** Browsers let sound start only from a gesture: call on every one. */
  wake(): void {
    this.audio ??= new AudioContext();
    void this.audio.resume();
  }

  /** Whether an alarm would be heard. */
  get isAwake(): boolean {
    return this.audio?.state === "running";
  }

  /** This alert sounds from now on, and nothing else; null for silence. The same one again goes on as it was. */
  play(alert: Alert | null): void {
    const isSame = alert?.id === this.playing?.id && alert?.priority === this.playing?.priority;
    this.playing = alert;
    if (isSame) return;
    window.clearTimeout(this.timer);
    if (alert !== null) this.next();
  }

  private next(): void {
    const alert = this.playing;
    if (alert === null) return;
    this.bursts += 1;
    if (this.audio?.state === "running") for (const { at_s, length_s } of burst(alert)) this.pulse(this.audio, alert, this.audio.currentTime + at_s, length_s);
    this.timer = window.setTimeout(() => this.next(), 1000 * alert.between_s);
  }

  private pulse(audio: AudioContext, { priority }: Alert, at_s: number, length_s: number): void {
    const level = audio.createGain();
    level.gain.setValueAtTime(0, at_s);
    level.gain.linearRampToValueAtTime(GAIN[priority], at_s + EDGE_S);
    level.gain.setValueAtTime(GAIN[priority], at_s + length_s - EDGE_S);
    level.gain.linearRampToValueAtTime(0, at_s + length_s);
    level.connect(audio.destination);
    for (const harmonic of HARMONICS) {
      const tone = audio.createOscillator();
      const part = audio.createGain();
      part.gain.value = 1 / (harmonic * HARMONICS.length);
      tone.frequency.value = TONE[priority] * harmonic;
      tone.connect(part).connect(level);
      tone.start(at_s);
      tone.stop(at_s + length_s);
    }
  }
}
