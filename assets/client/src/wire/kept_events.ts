// Events that the server has not confirmed, kept by the browser (IndexedDB) over reloads and crashes.

import type { Keep } from "../model/reading/journal";
import type { AnyEvent } from "./training_messages";

const DATABASE = "sightline-reading";
const EVENTS = "events";

interface Row {
  readonly reading: string;
  readonly n: number;
  readonly event: AnyEvent;
}

function done<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.addEventListener("success", () => resolve(request.result));
    request.addEventListener("error", () => reject(request.error ?? new DOMException("the browser kept nothing")));
  });
}

function open(): Promise<IDBDatabase> {
  const request = indexedDB.open(DATABASE, 1);
  request.addEventListener("upgradeneeded", () => request.result.createObjectStore(EVENTS, { keyPath: ["reading", "n"] }));
  return done(request);
}

const ofReading = (reading: string, before = Infinity): IDBKeyRange => IDBKeyRange.bound([reading, -1], [reading, before], false, true);

/** Where the events of one reading are kept, and those that still are. A browser that keeps nothing reads on without. */
export async function keptEvents(reading: string): Promise<{ readonly keep: Keep; readonly left: readonly AnyEvent[] }> {
  const database = await open().catch(() => null);
  if (database === null) return { keep: { put: () => Promise.resolve(), drop: () => Promise.resolve() }, left: [] };
  const store = (mode: IDBTransactionMode): IDBObjectStore => database.transaction(EVENTS, mode, { durability: "relaxed" }).objectStore(EVENTS);
  const left = (await done(store("readonly").getAll(ofReading(reading)))) as Row[];
  const keep: Keep = {
    async put(event) {
      await done(store("readwrite").put({ reading, n: event.n, event } satisfies Row)).catch(() => undefined);
    },
    async drop(next) {
      await done(store("readwrite").delete(ofReading(reading, next))).catch(() => undefined);
    },
  };
  return { keep, left: left.map(({ event }) => event) };
}
