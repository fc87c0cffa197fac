// Keys on the panel, for words and numbers: pressed by ray or fingertip. Nothing is completed or suggested, for that
// would give away what is to be said. Pure.

import { BOTTOM_Y, caption, cell, EDGE, GAP, LINE, paragraph, press, PANEL_SIZE, rect, ROW, WIDTH, wrap, type Entry, type PanelDo } from "./parts";
import { CAP_MM, type Control } from "../panel";

const PLANES: Record<Entry["plane"], readonly string[]> = {
  small: ["qwertyuiop", "asdfghjkl", "zxcvbnm,."],
  capital: ["QWERTYUIOP", "ASDFGHJKL", "ZXCVBNM,."],
  signs: ["1234567890", "-/:;()%+'", "×°±<>=?!."],
};
const NUMBER = ["123", "456", "789", ".0-"];
const KEYS_Y = 76;
const PITCH = ROW + 3;
const SHOWN_LINES = 4;

/** What `key` makes of what is written. */
export function typed(entry: Entry, key: string): Entry {
  const text = key === "back" ? entry.text.slice(0, -1) : entry.text + key;
  // A capital is for one letter, and begins a sentence.
  const plane = entry.keys === "words" && key !== "back" && entry.plane !== "signs" ? (/(^|[.?!]\s+)$/.test(text) ? "capital" : "small") : entry.plane;
  return { ...entry, text, plane };
}

/** `done` takes what is written; `heard` hears it word by word, so that nothing is lost with the headset. */
export function keyboard(entry: Entry, act: PanelDo, heard: (text: string) => void, done: (text: string) => void): Control[] {
  const set = (part: Partial<Entry>): void => act.remember({ entry: { ...entry, ...part } });
  const put = (key: string): void => {
    const next = typed(entry, key);
    act.remember({ entry: next });
    if (/\W$/.test(next.text) || key === "back") heard(next.text);
  };
  const lines = wrap(entry.text === "" ? " " : entry.text, WIDTH, CAP_MM.label).slice(-SHOWN_LINES);
  const shown = lines.map((line, index) => caption(`typed-${index}`, index === lines.length - 1 ? `${line.trimStart()}▏` : line, 24 + index * (LINE - 1), "label"));
  const head = paragraph("entry-title", entry.title, 6, 1, "label").controls;
  const keys = entry.keys === "number" ? numbers(put) : letters(entry, put, set);
  return [...head, ...shown, ...keys, // Where nothing else stands once the keys are gone: a press too many does no harm.
    press("entry-done", "Done", rect(EDGE + 186, BOTTOM_Y, 96), () => {
    done(entry.text);
    act.remember({ entry: null });
  }, { on: true })];
}

function letters(entry: Entry, put: (key: string) => void, set: (part: Partial<Entry>) => void): Control[] {
  const rows = PLANES[entry.plane].flatMap((row, index) => {
    const y = KEYS_Y + index * PITCH;
    const keys = row.split("").map((key, at) => press(`key-${key}`, key, cell(y, at, 10), () => put(key)));
    return index === 0 ? keys : [...keys, index === 1 ? press("key-back", "", cell(y, 9, 10), () => put("back"), { icon: "previous" }) : press("key-shift", entry.plane === "capital" ? "abc" : "ABC", cell(y, 9, 10), () => set({ plane: entry.plane === "capital" ? "small" : "capital" }), { size: "label" })];
  });
  const y = KEYS_Y + 3 * PITCH;
  return [...rows,
    press("key-signs", entry.plane === "signs" ? "abc" : "123", rect(EDGE, y, 76), () => set({ plane: entry.plane === "signs" ? "small" : "signs" }), { size: "label" }),
    press("key-space", "Space", rect(EDGE + 76 + GAP, y, WIDTH - 76 - GAP), () => put(" "), { size: "label" })];
}

function numbers(put: (key: string) => void): Control[] {
  const keys = NUMBER.flatMap((row, index) => row.split("").map((key, at) => press(`key-${key}`, key, cell(KEYS_Y + index * PITCH, at, 3, EDGE + 66, WIDTH - 132), () => put(key))));
  return [...keys, press("key-back", "", rect(PANEL_SIZE.width_mm - EDGE - 60, KEYS_Y, 60), () => put("back"), { icon: "previous" })];
}
