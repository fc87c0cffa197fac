// One observable state. Intents replace it through pure functions; whoever draws subscribes to the part they draw.

export type Update<S> = (state: S) => S;
export type Unsubscribe = () => void;

export interface Store<S> {
  get(): S;
  /** Replaces the state by `change(state)`; returning the same object changes nothing. */
  update(change: Update<S>): void;
  /** Calls `listener` now and whenever the selected part is another object or value. */
  watch<T>(select: (state: S) => T, listener: (part: T, previous: T | undefined) => void): Unsubscribe;
}

export function createStore<S>(initial: S): Store<S> {
  let state = initial;
  const listeners = new Set<() => void>();
  const round = { running: false, again: false };

  // A listener may update in turn: the round is finished first, then run again, so every listener sees every
  // part in the same order.
  function notify(): void {
    round.again = true;
    if (round.running) return;
    round.running = true;
    try {
      while (round.again) {
        round.again = false;
        for (const listener of [...listeners]) listener();
      }
    } finally {
      round.running = false;
    }
  }

  return {
    get: () => state,
    update(change) {
      const next = change(state);
      if (next === state) return;
      state = next;
      notify();
    },
    watch(select, listener) {
      let seen = select(state);
      const check = (): void => {
        const part = select(state);
        if (Object.is(part, seen)) return;
        const previous = seen;
        seen = part;
        listener(part, previous);
      };
      listeners.add(check);
      listener(seen, undefined);
      return () => listeners.delete(check);
    },
  };
}
