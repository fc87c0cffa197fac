// Of much that is wished for in a hurry, only the latest is sent, at most so often.

/** As fast as a hand moves a slider, and no faster. */
export const SLIDE_EVERY_MS = 33;

export function latestWins<T>(send: (value: T) => void, every_ms: number): (value: T) => void {
  let waiting: { readonly value: T } | null = null;
  let timer = 0;
  const go = (): void => {
    timer = 0;
    if (waiting === null) return;
    send(waiting.value);
    waiting = null;
    timer = window.setTimeout(go, every_ms);
  };
  return (value) => {
    waiting = { value };
    if (timer === 0) go();
  };
}
