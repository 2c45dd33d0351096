import { expect, test } from "vitest";
import { SteadyClock } from "./steady-clock.ts";

const minute = 60_000;
const pin = 120 * minute;

function clockAt() {
  const time = { database: 1_000_000_000, monotonic: 5_000 };
  const clock = new SteadyClock(() => time.monotonic);
  const pass = (ms: number, jump = 0) => {
    time.database += ms + jump;
    time.monotonic += ms;
    return clock.observe(time.database, pin);
  };
  return pass;
}

test("the clock is steady from the first look on", () => {
  const pass = clockAt();
  expect(pass(0)).toEqual({ steady: 0, jumped: undefined, offFor: 0 });
  expect(pass(10 * minute)).toEqual({ steady: 10 * minute, jumped: undefined, offFor: 0 });
});

test.each([3 * 24 * 60, -30])("a jump of %i minutes stops collection until every pin has run out", (minutes) => {
  const pass = clockAt();
  pass(0);
  pass(minute);
  expect(pass(minute, minutes * minute)).toEqual({ steady: 0, jumped: minutes * minute, offFor: pin });
  expect(pass(minute)).toEqual({ steady: minute, jumped: undefined, offFor: pin - minute });
  expect(pass(pin)).toEqual({ steady: pin + minute, jumped: undefined, offFor: 0 });
});

test("small steps, as time servers make them, and slow drift are borne", () => {
  const pass = clockAt();
  pass(0);
  for (let hour = 0; hour < 200; hour++) {
    expect(pass(61 * minute, hour % 2 === 0 ? 5 * minute : -4 * minute).jumped).toBeUndefined();
  }
});
