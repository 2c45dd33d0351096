import { expect, test } from "vitest";
import { findNextTime } from "./cron.ts";

const at = (text: string) => Date.parse(text);
const next = (cron: string, zone: string, after: string) => {
  const time = findNextTime({ cron, zone }, at(after));
  return time === undefined ? undefined : new Date(time).toISOString();
};

test("a time is that of the zone, in summer and in winter", () => {
  expect(next("30 3 * * *", "Europe/Berlin", "2026-07-01T00:00:00Z")).toBe("2026-07-01T01:30:00.000Z");
  expect(next("30 3 * * *", "Europe/Berlin", "2026-12-01T00:00:00Z")).toBe("2026-12-01T02:30:00.000Z");
  expect(next("0 0 * * 1-5", "America/New_York", "2026-11-27T12:00:00Z")).toBe("2026-11-30T05:00:00.000Z");
});

test("an hour that clocks skip is made up for once, and one that comes twice counts once", () => {
  expect(next("30 2 * * *", "Europe/Berlin", "2026-03-28T12:00:00Z")).toBe("2026-03-29T01:00:00.000Z");
  expect(next("30 2 * * *", "Europe/Berlin", "2026-03-29T01:00:00Z")).toBe("2026-03-30T00:30:00.000Z");
  expect(next("30 2 * * *", "Europe/Berlin", "2026-10-24T12:00:00Z")).toBe("2026-10-25T00:30:00.000Z");
  expect(next("30 2 * * *", "Europe/Berlin", "2026-10-25T00:30:00Z")).toBe("2026-10-26T01:30:00.000Z");
});

test("a day that never comes has no time", () => {
  expect(next("0 0 30 2 *", "UTC", "2026-01-01T00:00:00Z")).toBeUndefined();
});

test("what is no expression or no zone is refused with a sentence", () => {
  const ask = (cron: string, zone = "UTC") => findNextTime({ cron, zone }, 0);
  expect(() => ask("* * * * * *")).toThrow("has not five fields");
  expect(() => ask("61 * * * *")).toThrow("is no cron expression");
  expect(() => ask("0 3 * * *", "Europe/Atlantis")).toThrow("is no time zone");
  expect(() => ask("0 3 * * *", "Europe/Atlantis")).toThrow(RangeError);
});
