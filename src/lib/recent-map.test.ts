import { expect, test } from "vitest";
import { RecentMap } from "./index.ts";

test("what was kept is found, until two fillings have gone by without its being asked for", () => {
  const recent = new RecentMap<string>(10, (text) => text.length);
  recent.keep("a", "12345");
  recent.keep("b", "12345");
  expect([recent.find("b"), recent.find("c")]).toEqual(["12345", undefined]);
  recent.keep("c", "12345");
  // The second filling is done: "b" was asked for during it, "a" was not.
  expect([recent.find("a"), recent.find("b"), recent.find("c")]).toEqual([undefined, "12345", "12345"]);
});
