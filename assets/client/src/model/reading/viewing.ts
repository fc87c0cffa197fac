// What was on show and where attention pointed, as events: not more often than can be used.

import type { Happening } from "./journal";
import type { Vec3 } from "../affine";
import { distance } from "../affine";

export interface Shown {
  readonly volume: string;
  readonly centre_mm: Vec3;
  readonly right_mm: Vec3;
  readonly down_mm: Vec3;
  readonly slab_mm: number;
  readonly low: number;
  readonly high: number;
}

export interface Look {
  readonly by: "eyes" | "head" | "pointer";
  readonly pane: number;
  readonly at_mm: Vec3 | null;
  readonly distance_m: number | null;
  readonly mm_per_m: number | null;
}

/** No pane and no look tells more often. A slice that was passed in between counts as not seen. */
export const EVERY_S = 0.2;
/** A look that stays within this has not moved. */
const STAYS_MM = 3;

const triple = ([x, y, z]: Vec3): [number, number, number] => [tenth(x), tenth(y), tenth(z)];
const tenth = (value: number): number => Math.round(value * 10) / 10;
const fact = (shown: Shown): string => JSON.stringify(shown, (_, value: unknown) => (typeof value === "number" ? tenth(value) : value));

interface Told {
  fact: string | null;
  at_s: number;
  /** Not told yet; null: hidden. */
  next: Shown | null;
  nextFact: string | null;
}

export class Viewing {
  private readonly panes = new Map<number, Told>();
  private look: Look | null = null;
  private lookTold_s = -Infinity;
  private lookNext: Look | null = null;

  constructor(private readonly tell: (happening: Happening) => void) {}

  /** A pane shows this from now on; null: nothing. Without a time it is told with the next tick. */
  show(pane: number, shown: Shown | null, now_s: number | null): void {
    const told = this.panes.get(pane) ?? { fact: null, at_s: -Infinity, next: null, nextFact: null };
    this.panes.set(pane, told);
    told.next = shown;
    told.nextFact = shown === null ? null : fact(shown);
    if (now_s !== null) this.tick(now_s);
  }

  looked(look: Look, now_s: number): void {
    this.lookNext = look;
    this.tick(now_s);
  }

  /** Everything must be told anew: the reading was opened again. */
  forget(): void {
    for (const told of this.panes.values()) {
      told.fact = null;
      told.at_s = -Infinity;
    }
    this.look = null;
  }

  /** Tells what is due. */
  tick(now_s: number): void {
    for (const [pane, told] of this.panes) {
      if (told.fact === told.nextFact || now_s - told.at_s < EVERY_S) continue;
      told.fact = told.nextFact;
      told.at_s = now_s;
      this.tell(told.next === null ? { kind: "hidden", pane } : { kind: "displayed", pane, ...displayed(told.next) });
    }
    const next = this.lookNext;
    if (next === null || now_s - this.lookTold_s < EVERY_S || (this.look !== null && same(this.look, next))) return;
    this.look = next;
    this.lookTold_s = now_s;
    this.tell({ kind: "looked", ...next, at_mm: next.at_mm && triple(next.at_mm) });
  }
}

function displayed({ volume, centre_mm, right_mm, down_mm, slab_mm, low, high }: Shown): Omit<Extract<Happening, { kind: "displayed" }>, "kind" | "pane"> {
  return { volume, centre_mm: triple(centre_mm), right_mm: triple(right_mm), down_mm: triple(down_mm), slab_mm, low: tenth(low), high: tenth(high) };
}

function same(a: Look, b: Look): boolean {
  if (a.by !== b.by || a.pane !== b.pane || (a.at_mm === null) !== (b.at_mm === null)) return false;
  return a.at_mm === null || b.at_mm === null || distance(a.at_mm, b.at_mm) < STAYS_MM;
}
