import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { demoScene } from "../src/demo/phantom";
import { failureOf } from "../src/model/dropped";
import { openScene } from "../src/model/scene";
import { INITIAL_STATE, type State } from "../src/model/state";
import { statusText } from "../src/xr/status_text";

const OPEN: State = { ...openScene(INITIAL_STATE, demoScene()), connection: "live" };
const JOB = { id: "1", state: "running", stage: "reading slices", fraction: 0.4, eta_s: 3, study: "s", series: null, error: null } as const;

describe("what is told inside the headset", () => {
  it("is nothing while all is as it seems", () => {
    assert.equal(statusText(OPEN), "");
  });

  it("is a lost connection before anything else, for what is seen may be old", () => {
    assert.equal(statusText({ ...OPEN, connection: "lost", job: JOB }), "Connection lost: what you see may be old");
  });

  it("is what is under way, and how far", () => {
    assert.equal(statusText({ ...OPEN, job: JOB }), "Reading slices, 40 %");
  });

  it("is why something was not opened, in one line", () => {
    const told = statusText({ ...OPEN, failure: failureOf(`the series holds ${"many ".repeat(30)}stacks`) });
    assert.match(told, /^Not opened: the series holds many/);
    assert.ok(told.length <= 64);
  });
});
