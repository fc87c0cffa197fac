// How far the hub's clock is from this page's, and how sure that is: as `engine.stream.clock` does it.

/** Clocks drift by up to this, both together. */
const DRIFT = 1e-4;
const ROUNDING_S = 1e-6;
const KEPT = 16;

/** One question and its answer: `sent_s` and `returned_s` on this page's clock, the others on the hub's. */
export interface Exchange {
  readonly sent_s: number;
  readonly received_s: number;
  readonly answered_s: number;
  readonly returned_s: number;
}

export interface Offset {
  /** What to add to this page's clock to have the hub's, within `error_s` for certain. */
  readonly offset_s: number;
  readonly error_s: number;
}

const roundTrip_s = (e: Exchange): number => Math.max(0, e.returned_s - e.sent_s - (e.answered_s - e.received_s));
const offset_s = (e: Exchange): number => (e.received_s - e.sent_s + (e.answered_s - e.returned_s)) / 2;
const error_s = (e: Exchange, now_s: number): number => roundTrip_s(e) / 2 + ROUNDING_S + DRIFT * Math.abs(now_s - e.returned_s);

/** Exchanges known so far, with a new one. What contradicts it was true of a clock that has been set since. */
export function learned(known: readonly Exchange[], exchange: Exchange): readonly Exchange[] {
  const agrees = (old: Exchange): boolean =>
    Math.abs(offset_s(old) - offset_s(exchange)) <= error_s(old, exchange.returned_s) + roundTrip_s(exchange) / 2;
  return [...known.filter(agrees).slice(1 - KEPT), exchange];
}

/** The offset as of `now_s` on this page's clock; null before the first exchange. */
export function offsetAt(known: readonly Exchange[], now_s: number): Offset | null {
  const [first, ...others] = known;
  if (first === undefined) return null;
  const best = others.reduce((a, b) => (error_s(b, now_s) < error_s(a, now_s) ? b : a), first);
  return { offset_s: offset_s(best), error_s: error_s(best, now_s) };
}
