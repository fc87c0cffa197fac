// Keeps a draft: every change goes to the server in order, one at a time, and waits where the server does not answer.

import * as api from "./api";
import { receiveNow, type AuthorState, type AuthorStore } from "./state";
import { Refused, Unreachable } from "../wire/api";
import type { Draft, MaskBox, PaintAsk, Saved } from "../wire/author_messages";

/** So long after the last key a change goes out. */
const SAVE_AFTER_MS = 350;
const TRY_AGAIN_MS = 1000;

/** What had not reached the server when the page was left, for when it comes back in this tab. */
const unsentName = (id: string): string => `sightline.unsent.${id}`;

interface Unsent {
  readonly revision: number;
  readonly draft: Draft;
}

export class Keeper {
  private queue: Promise<void> = Promise.resolve();
  private timer = 0;
  private dirty: { what: string; movement: string } | null = null;
  private waiting = 0;
  /** Called with every box of labels that the server changed. */
  onBox: (box: MaskBox) => void = () => undefined;
  /** Called once what was asked for is on the disk. */
  onSaved: () => void = () => undefined;

  constructor(private readonly store: AuthorStore) {
    window.addEventListener("pagehide", () => this.remember());
  }

  /** Changes the draft here at once, and on the server soon. Changes of one `movement` are taken back together. */
  change(what: string, movement: string, make: (draft: Draft) => Draft): void {
    const { draft } = this.store.get();
    if (draft === null) return;
    if (this.dirty !== null && this.dirty.movement !== movement) this.send();
    this.dirty = { what, movement };
    this.store.update((s) => ({ ...s, draft: make(draft), saving: s.saving === "offline" ? "offline" : "saving", published: null }));
    this.remember();
    window.clearTimeout(this.timer);
    this.timer = window.setTimeout(() => this.send(), SAVE_AFTER_MS);
  }

  paint(ask: PaintAsk): void {
    this.send();
    this.ask((id) => api.paint(id, ask));
  }

  undo(): void {
    this.send();
    this.ask(api.undo, true);
  }

  redo(): void {
    this.send();
    this.ask(api.redo, true);
  }

  /** Resolves once everything so far is on the disk. */
  settled(): Promise<void> {
    this.send();
    return this.queue;
  }

  /** Sends what waits, now. */
  send(): void {
    window.clearTimeout(this.timer);
    if (this.dirty === null) return;
    const { what, movement } = this.dirty;
    const { draft } = this.store.get();
    this.dirty = null;
    if (draft !== null) this.ask((id) => api.change(id, { revision: this.store.get().revision, draft, what: what.slice(0, 60), movement }));
  }

  /** What the page could not send before it was left; the draft is as the server has it otherwise. */
  bringBack(): void {
    const { id, revision } = this.store.get();
    if (id === null) return;
    const text = sessionStorage.getItem(unsentName(id));
    if (text === null) return;
    const unsent = JSON.parse(text) as Unsent;
    if (unsent.revision === revision) this.change("what was not saved", "", () => unsent.draft);
    else sessionStorage.removeItem(unsentName(id));
  }

  private remember(): void {
    const { id, draft, revision } = this.store.get();
    if (id === null || draft === null) return;
    try {
      if (this.dirty !== null || this.waiting > 0) sessionStorage.setItem(unsentName(id), JSON.stringify({ revision, draft } satisfies Unsent));
      else sessionStorage.removeItem(unsentName(id));
    } catch {
      // Storage is shut: what was typed in the last moment is lost if the server is gone too.
    }
  }

  private ask(request: (id: string) => Promise<Saved>, takesDraft = false): void {
    const { id } = this.store.get();
    if (id === null) return;
    this.waiting += 1;
    this.store.update((s) => ({ ...s, saving: s.saving === "offline" ? "offline" : "saving" }));
    this.queue = this.queue.then(() => this.persist(id, request, takesDraft)).finally(() => {
      this.waiting -= 1;
      const isDone = this.waiting === 0 && this.dirty === null;
      if (isDone) this.store.update((s) => ({ ...s, saving: "saved" }));
      this.remember();
      if (isDone) this.onSaved();
    });
  }

  /** Asks until somebody answers. */
  private async persist(id: string, request: (id: string) => Promise<Saved>, takesDraft: boolean): Promise<void> {
    for (;;) {
      try {
        this.receive(await request(id), takesDraft);
        this.store.update((s) => ({ ...s, saving: "saving" }));
        return;
      } catch (error) {
        if (error instanceof Unreachable) {
          this.store.update((s) => ({ ...s, saving: "offline" }));
          await new Promise((resolve) => window.setTimeout(resolve, TRY_AGAIN_MS));
          continue;
        }
        await this.refused(id, error);
        return;
      }
    }
  }

  private async refused(id: string, error: unknown): Promise<void> {
    const summary = error instanceof Refused ? error.failure : { summary: "Something went wrong in this page.", problems: [], remedy: "Reload the page: what was saved is kept." };
    this.store.update((s) => ({ ...s, failure: summary }));
    try {
      const now = await api.draftNow(id);
      this.store.update((s) => receiveNow(s, now));
      if (now.saved.box) this.onBox(now.saved.box);
    } catch {
      // Told already.
    }
  }

  private receive(saved: Saved, takesDraft: boolean): void {
    const isNewer = this.dirty !== null;
    this.store.update((s): AuthorState => ({
      ...s,
      revision: saved.revision,
      lesions: saved.lesions,
      undo: saved.undo,
      redo: saved.redo,
      saved_s: saved.saved_s,
      // What was typed while the answer was on its way stays.
      draft: takesDraft && !isNewer ? saved.draft : s.draft,
    }));
    if (saved.box) this.onBox(saved.box);
  }
}
