// What the parts of the guidance panel have in common: how one is drawn, folds, small buttons, who may.

import { element } from "../element";
import { may } from "../../model/self";
import type { AppStore } from "../../model/state";
import type { ActionName, Guidance, GuideAsk } from "../../wire/messages";

export interface GuidanceActions {
  readonly guide: (ask: GuideAsk) => void;
  /** For how long the overlay was on, and where that is kept. */
  readonly overlayWords: () => string;
  /** A number that was drawn was read back wrong, and taken away. */
  readonly unreadable: () => void;
  readonly checkDisplay: () => void;
}

export interface Part {
  readonly element: HTMLElement;
  readonly draw: (guidance: Guidance) => void;
}

export const COUNT_EVERY_MS = 1000;

export interface Fold {
  readonly element: HTMLDetailsElement;
  readonly summary: HTMLElement;
  follow(guidance: Guidance): void;
}

/** A part that opens by itself where its step is, and stays as it was left otherwise. */
export function fold(title: string, opensAt: readonly Guidance["step"][], ...children: HTMLElement[]): Fold {
  const summary = element("summary", {}, title);
  const details = element("details", { class: "fold" }, summary, ...children);
  let step: Guidance["step"] | null = null;
  return {
    element: details,
    summary,
    follow(guidance) {
      if (guidance.step !== step) details.open = opensAt.includes((step = guidance.step));
    },
  };
}

export function small(text: string, press: () => void, more: Record<string, unknown> = {}): HTMLButtonElement {
  return element("button", { class: "button small", type: "button", onclick: press, ...more }, text);
}

/** Rows that stay while what they stand for does: a hand may be on one of them when an answer comes. */
export function keptRows<T>(list: HTMLElement, keyOf: (item: T) => string, create: (item: T) => { readonly element: HTMLElement; draw(item: T): void }): (items: readonly T[]) => void {
  const rows = new Map<string, ReturnType<typeof create>>();
  return (items) => {
    const keys = new Set(items.map(keyOf));
    for (const [key, row] of rows) {
      if (keys.has(key)) continue;
      row.element.remove();
      rows.delete(key);
    }
    for (const item of items) {
      const key = keyOf(item);
      const row = rows.get(key) ?? create(item);
      if (!rows.has(key)) list.append(row.element);
      rows.set(key, row);
      row.draw(item);
    }
  };
}

/** Who may, as the server's roles have it; "" where this person does. */
const WHO: Partial<Record<ActionName, string>> = { set_margin: "A surgeon may change these.", register: "A surgeon or an assistant may do this." };
export const whoMay = (store: AppStore, action: ActionName): string => (may(store.get(), action) ? "" : (WHO[action] ?? ""));
