// Entering and leaving the headset view. One session at a time; what happens inside it belongs to `Room`.

import type * as THREE from "three";

import { availability, refusal, type Availability, type HeadsetMode } from "./availability";
import { createStore, type Store } from "../model/store";

/** How the display mixes what is drawn with the world behind it. */
export type Blend = XREnvironmentBlendMode;

export interface SessionState {
  readonly phase: "out" | "entering" | "in";
  readonly mode: HeadsetMode | null;
  /** Null until the browser has answered. */
  readonly vr: Availability | null;
  readonly ar: Availability | null;
  /** Why the last attempt did not start. */
  readonly message: string | null;
}

/** Asked for only what is used; hands are a wish, for controllers do all the same. */
const OPTIONAL_FEATURES = ["local-floor", "hand-tracking", "layers"];
/** Sharp enough at the edge for a panel's text, still cheaper than none (0 is off, 1 the most). */
const FOVEATION = 0.5;

/** What lives while the session does. */
export interface Inside {
  dispose(): void;
}

export class HeadsetSession {
  readonly state: Store<SessionState> = createStore<SessionState>({
    phase: "out",
    mode: null,
    vr: null,
    ar: null,
    message: null,
  });
  #session: XRSession | null = null;

  constructor(
    private readonly renderer: THREE.WebGLRenderer,
    private readonly open: (session: XRSession, mode: HeadsetMode, hasFloor: boolean) => Inside,
  ) {
    const system = (navigator as { xr?: XRSystem }).xr;
    system?.addEventListener("devicechange", () => void this.look());
    void this.look();
  }

  /** Asks again what this browser can enter. */
  async look(): Promise<void> {
    const [vr, ar] = await Promise.all([availability("immersive-vr"), availability("immersive-ar")]);
    this.#set({ vr, ar });
  }

  /** Enters from a press on the page. Never throws: a refusal is `state.message`. */
  async enter(mode: HeadsetMode): Promise<void> {
    const { phase, vr, ar } = this.state.get();
    const offer = mode === "immersive-vr" ? vr : ar;
    if (phase !== "out") return;
    if (offer?.available === false) {
      this.#set({ message: offer.reason });
      return;
    }
    this.#set({ phase: "entering", mode, message: null });
    try {
      await this.#start(mode);
    } catch (error) {
      await this.#session?.end().catch(() => undefined);
      this.#session = null;
      this.#set({ phase: "out", mode: null, message: refusal(error) });
    }
  }

  async leave(): Promise<void> {
    await this.#session?.end();
  }

  async #start(mode: HeadsetMode): Promise<void> {
    // Nothing may be awaited before this call: browsers allow it only while the press is fresh.
    const session = await navigator.xr!.requestSession(mode, { optionalFeatures: OPTIONAL_FEATURES });
    this.#session = session;
    let inside: Inside | null = null;
    // From the first moment: the person may take the headset off while the view still opens.
    session.addEventListener("end", () => this.#ended(inside), { once: true });
    const floor = await session.requestReferenceSpace("local-floor").then(() => true, () => false);
    const { xr } = this.renderer;
    xr.setReferenceSpaceType(floor ? "local-floor" : "local");
    await xr.setSession(session);
    if (this.#session !== session) return;
    xr.setFoveation(FOVEATION);
    inside = this.open(session, mode, floor);
    this.#set({ phase: "in" });
  }

  #ended(inside: Inside | null): void {
    this.#session = null;
    inside?.dispose();
    this.#set({ phase: "out", mode: null });
  }

  #set(part: Partial<SessionState>): void {
    this.state.update((state) => ({ ...state, ...part }));
  }
}
