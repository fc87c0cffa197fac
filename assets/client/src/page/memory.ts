// What a page remembers of its own looks between visits. Never anything of a study.

const PREFIX = "sightline.";

/** The remembered value, or `fallback` where there is none or storage is shut. */
export function recall(name: string, fallback: string): string {
  try {
    return localStorage.getItem(PREFIX + name) ?? fallback;
  } catch {
    return fallback;
  }
}

export function remember(name: string, value: string): void {
  try {
    localStorage.setItem(PREFIX + name, value);
  } catch {
    // Storage is shut (private window): the page works, it just forgets.
  }
}
