import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { burst, byUrgency, heard, linkAlertOf, shownText } from "../src/model/alarm";
import { ALPHABET, dashFigure, figureWithError, holdsDigit, isInAlphabet, said } from "../src/model/figure";
import { OverlayLog } from "../src/model/overlay_log";
import type { Alert } from "../src/wire/messages";

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
});
