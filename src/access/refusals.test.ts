import { expect, test } from "vitest";
import { RefusalLog } from "./refusals.ts";
import type { Refusal } from "./refusals.ts";

/** A clock that stands still until it is moved. */
class TestClock {
  now = 1_000_000;
  readonly read = () => this.now;
}

const refusal = (more: Partial<Refusal> & { readonly address?: string; readonly principal?: string } = {}): Refusal => {
  const { address = "192.0.2.1", principal = "user:eve", ...rest } = more;
  const by = { principal, credential: "password", address, request: "r-1", reason: "no grant here has push" };
  return { by, action: "push", repository: "team/app", target: "", challenged: false, ...rest };
};

test("the same attempt again is counted, with its first and its last time", () => {
  const clock = new TestClock();
  const log = new RefusalLog(clock.read);
  for (let time = 0; time < 5; time++) {
    log.note(refusal());
    clock.now += 100;
  }
  log.note(refusal({ repository: "team/other" }));
  const [same, other, ...more] = log.take();
  expect(same).toMatchObject({ times: 5, firstAt: 1_000_000, lastAt: 1_000_400, request: "r-1" });
  expect(other).toMatchObject({ times: 1, repository: "team/other", firstAt: 1_000_500, lastAt: 1_000_500 });
  expect(more).toEqual([]);
  expect(log.take()).toEqual([]);
});

test("whoever varies what it asks for fills thirty rows a minute, the rest is counted in one", () => {
  const clock = new TestClock();
  const log = new RefusalLog(clock.read);
  for (let index = 0; index < 10_000; index++) log.note(refusal({ repository: `guess/${index}` }));
  const rows = log.take(true);
  expect(rows).toHaveLength(31);
  expect(rows.at(-1)).toMatchObject({ principal: "user:eve", repository: "*", address: "192.0.2.1", times: 9_970 });
  expect(rows.reduce((sum, { times }) => sum + times, 0)).toBe(10_000);
});

test("another address keeps its own rows meanwhile", () => {
  const log = new RefusalLog();
  for (let index = 0; index < 1_000; index++) log.note(refusal({ repository: `guess/${index}` }));
  log.note(refusal({ address: "198.51.100.9", principal: "user:ann" }));
  expect(log.take(true).at(-1)).toMatchObject({ address: "198.51.100.9", principal: "user:ann", times: 1 });
});

test("a day of refusals from ever other addresses stays below 110,000 rows, and none goes uncounted", () => {
  const clock = new TestClock();
  const log = new RefusalLog(clock.read);
  const actions = ["pull", "push", "delete", "login"];
  let rows = 0;
  let counted = 0;
  let noted = 0;
  for (let tick = 0; tick < 86_400 / 5; tick++) {
    for (let index = 0; index < 40; index++) {
      const number = tick * 40 + index;
      const address = `10.${(number >> 16) & 255}.${(number >> 8) & 255}.${number & 255}`;
      log.note(refusal({ address, repository: `guess/${number}`, action: actions[number % 4]! }));
      noted++;
    }
    clock.now += 5_000;
    const taken = log.take();
    rows += taken.length;
    counted += taken.reduce((sum, { times }) => sum + times, 0);
  }
  counted += log.take(true).reduce((sum, { times }) => sum + times, 0);
  expect(counted).toBe(noted);
  expect(rows).toBeLessThan(110_000);
});

test("those who were told to log in are counted by address and action, once a minute", () => {
  const clock = new TestClock();
  const log = new RefusalLog(clock.read);
  for (let index = 0; index < 100; index++) {
    log.note(refusal({ principal: "anonymous", repository: `team/app-${index}`, challenged: true }));
  }
  expect(log.take()).toEqual([]);
  clock.now += 60_000;
  expect(log.take()).toMatchObject([{ principal: "anonymous", repository: "*", times: 100 }]);
});

test("what could not be written is kept, and counted on", () => {
  const log = new RefusalLog();
  log.note(refusal());
  log.note(refusal());
  const taken = log.take();
  log.note(refusal());
  log.putBack(taken);
  expect(log.take()).toMatchObject([{ times: 3 }]);
});
