import assert from "node:assert/strict";
import { describe, it } from "node:test";

import cases from "../../../tests/core/overlay_cases.json";
import { anatomy, lookOf, SHOWN, tool, type Standing } from "../src/model/overlay";
import { WHYS, type Why } from "../src/wire/binary";

interface Case {
  readonly of: string;
  readonly says: string;
  readonly age_s: number | null;
  readonly speed_mm_s: number;
  readonly why: string | null;
  readonly over_patient: boolean;
  readonly shown: string;
  readonly because: string | null;
}

const LAWS: Readonly<Record<string, typeof tool>> = { anatomy, tool };
const reason = (word: string | null): Why | null => WHYS.find((why) => why === word) ?? null;

describe("the law of what may be shown, as the engine has it", () => {
  for (const each of cases as readonly Case[]) {
    it(`${each.of}: ${each.says}`, () => {
      const standing: Standing = { age_s: each.age_s ?? Infinity, speed_mm_s: each.speed_mm_s, why: reason(each.why), overPatient: each.over_patient };
      assert.deepEqual(LAWS[each.of]!(standing), { shown: each.shown, why: each.because });
    });
  }

  it("gives no number to a tool that is not known", () => {
    for (const why of WHYS) assert.equal(lookOf(tool({ age_s: 0, speed_mm_s: 0, why, overPatient: false })).hasNumber, false);
  });

  it("says a different word for each state", () => {
    assert.equal(new Set(SHOWN.map((shown) => lookOf({ shown, why: null }).word)).size, SHOWN.length);
  });
});
