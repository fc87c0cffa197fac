import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { burst, byUrgency, heard, linkAlertOf, shownText } from "../src/model/alarm";
import { ALPHABET, dashFigure, figureWithError, holdsDigit, isInAlphabet, said } from "../src/model/figure";
import { OverlayLog } from "../src/model/overlay_log";
import type { Alert, ShownAsk } from "../src/wire/messages";

describe("a figure", () => {
  const cases: readonly (readonly [number, number, string])[] = [
    [12.44, 0.41, "12.4 ±0.5 mm"],
    [-1.26, 0.3, "−1.3 ±0.3 mm"],
    [-0.02, 0.1, "0.0 ±0.1 mm"],
    [8.5, 1.2, "9 ±2 mm"],
    [8.5, 0.95, "9 ±1 mm"],
    [104.25, 0.94, "104.3 ±1.0 mm"],
    [-999, 3, "−999 ±3 mm"],
    [1500, 3, ">999 ±3 mm"],
  ];
  for (const [value, error, text] of cases) it(`of ${value} with ${error} is “${text}”`, () => assert.equal(said(figureWithError(value, error)), text));

  it("is always of one width and of the alphabet", () => {
    const lengths = new Set<number>();
    for (let n = 0; n < 2000; n += 1) {
      const text = figureWithError((n - 1000) * 1.237, ((n * 7919) % 997) / 30);
      lengths.add(text.length);
      assert.ok(isInAlphabet(text), text);
    }
    lengths.add(dashFigure().length);
    assert.equal(lengths.size, 1);
  });

  it("is a dash, and holds no digit, where nothing is known well enough", () => {
    for (const [value, error] of [[NaN, 1], [1, NaN], [1, -1], [1, Infinity], [1, 500]] as const) assert.equal(figureWithError(value, error), dashFigure());
    assert.equal(holdsDigit(dashFigure()), false);
    assert.equal(said(dashFigure()), "– mm");
  });

  it("is made of characters that differ", () => assert.equal(new Set(ALPHABET).size, ALPHABET.length));
});

const alert = (changes: Partial<Alert>): Alert => ({ id: "1", priority: "high", text: "", shape: "octagon", colour: "red", flashes_hz: 2, pulses: 10, between_s: 2.5, sounds: true, may_be_quiet: true, since_s: 0, ...changes });

describe("an alarm", () => {
  it("of high priority is two bursts of five pulses, three and two", () => {
    const starts = burst(alert({})).map(({ at_s }) => at_s);
    const gaps = starts.slice(1).map((at_s, n) => at_s - starts[n]!);
    assert.equal(starts.length, 10);
    assert.ok(gaps[2]! > gaps[1]! && gaps[4]! > gaps[2]! && Math.abs(gaps[7]! - gaps[2]!) < 1e-9);
    assert.ok(starts.at(-1)! < 2.5, "a burst ends before the next begins");
  });
  it("has as many pulses as the message says", () => assert.deepEqual([3, 1, 0].map((pulses) => burst(alert({ priority: "medium", pulses })).length), [3, 1, 0]));
  it("that is most urgent is heard, unless it is silent", () => {
    const low = alert({ id: "low", priority: "low", since_s: -5 });
    const silent = alert({ id: "silent", sounds: false });
    assert.equal(heard([low, silent])!.id, "low");
    assert.deepEqual(byUrgency([low, silent]).map(({ id }) => id), ["silent", "low"]);
    assert.equal(heard([silent]), null);
  });
});

describe("what is said while nothing is known", () => {
  it("holds none of the figures that were known, and names keep theirs", () => {
    const text = "Risk: C5 vertebra -1.9 ± 0.8 mm, tip";
    assert.equal(shownText(text, true), text);
    assert.equal(shownText(text, false), "Risk: C5 vertebra – mm, tip");
  });
  it("of a line that is cut is as urgent as the tool was last near, and cannot be silenced", () => {
    assert.deepEqual([0, 1, 2, 3].map((level) => linkAlertOf(level, 0).priority), ["low", "medium", "high", "high"]);
    assert.equal(linkAlertOf(2, 0).may_be_quiet, false);
  });
});

describe("the time that the overlay was on", () => {
  it("counts only while it was", () => {
    const log = new OverlayLog();
    for (const [isOn, at_s] of [[false, 0], [true, 10], [true, 75], [false, 85]] as const) log.note(isOn, at_s);
    assert.equal(log.seconds, 75);
    assert.equal(log.words, "Overlay on 1 min 15 s, 88 %");
  });

  const noted = (...times_s: readonly number[]): OverlayLog => {
    const log = new OverlayLog();
    for (const time_s of times_s) log.note(true, time_s);
    return log;
  };
  const told = (log: OverlayLog): Omit<ShownAsk, "kind">[] => {
    const asks: ShownAsk[] = [];
    log.tell((ask) => asks.push(ask) > 0);
    return asks.map(({ on_s, of_s, unreadable }) => ({ on_s, of_s, unreadable }));
  };

  it("is told once: the next telling holds what passed since", () => {
    const log = noted(0, 60);
    log.noteUnreadable();
    assert.deepEqual(told(log), [{ on_s: 60, of_s: 60, unreadable: 1 }]);
    assert.deepEqual(told(log), []);
    log.note(false, 90);
    assert.deepEqual(told(log), [{ on_s: 0, of_s: 30, unreadable: 0 }]);
  });
  it("is kept and added up while nobody takes it", () => {
    const log = noted(0, 60);
    log.tell(() => false);
    log.note(true, 100);
    log.noteUnreadable(2);
    assert.deepEqual(told(log), [{ on_s: 100, of_s: 100, unreadable: 2 }]);
  });
  it("is told again where the server refused it", () => {
    const log = noted(0, 60);
    const refused: ShownAsk[] = [];
    log.tell((ask) => refused.push(ask) > 0);
    log.note(false, 70);
    for (const ask of refused) log.takeBack(ask);
    assert.ok(log.isRefused);
    assert.deepEqual(told(log), [{ on_s: 60, of_s: 70, unreadable: 0 }]);
    assert.ok(!log.isRefused);
  });
  it("is told an hour at a time where more than that passed", () => {
    const log = noted(0, 3000);
    log.note(false, 5000);
    log.noteUnreadable();
    assert.deepEqual(told(log), [{ on_s: 3000, of_s: 3600, unreadable: 1 }, { on_s: 0, of_s: 1400, unreadable: 0 }]);
  });
  it("is told of a number that could not be read though no time passed", () => {
    const log = new OverlayLog();
    log.noteUnreadable();
    assert.deepEqual(told(log), [{ on_s: 0, of_s: 0, unreadable: 1 }]);
  });
  it("of a session that ended is still told, and not shown as the next one's", () => {
    const log = noted(0, 60);
    log.reset();
    assert.equal(log.seconds, 0);
    log.note(true, 500);
    log.note(true, 510);
    assert.deepEqual(told(log), [{ on_s: 70, of_s: 70, unreadable: 0 }]);
  });
});
