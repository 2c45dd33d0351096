import { expect, test } from "vitest";
import { watchAccessVersion } from "./version.ts";

test("a question for the version that gets no answer keeps nobody from asking again", async () => {
  let asked = 0;
  let silent = false;
  const first = () => {
    asked++;
    // As on a connection that somebody cut without a word.
    return silent ? new Promise<never>(() => undefined) : Promise.resolve({ value: String(asked) });
  };
  const read = { first, all: () => Promise.resolve([]) } as never;
  const version = await watchAccessVersion({ alone: false, generation: () => 0, read });
  try {
    expect(version.current()).toBe(1);
    silent = true;
    await expect.poll(() => asked).toBe(2);
    silent = false;
    await expect.poll(() => version.current()).toBeGreaterThan(2);
  } finally {
    version.close();
  }
});
