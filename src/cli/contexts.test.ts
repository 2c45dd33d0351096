import { chmod, mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { changeContexts, contextsPath, getContext, readContexts, withContext, withoutContext } from "./contexts.ts";
import type { Context } from "./contexts.ts";

let home: string;
let env: NodeJS.ProcessEnv;
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), "berth-contexts-"));
  env = { HOME: home };
});
afterEach(() => rm(home, { recursive: true, force: true }));
const contextOf = (name: string): Context => ({ name, server: `https://${name}`, user: "alice", token: "t" });
const keep = (name: string) => changeContexts(env, (contexts) => withContext(contexts, contextOf(name)));

test("the file and its folder are their owner's alone; XDG_CONFIG_HOME says where", async () => {
  await keep("r.example");
  const path = join(home, ".config", "berth", "contexts.json");
  expect((await stat(path)).mode & 0o777).toBe(0o600);
  expect((await stat(dirname(path))).mode & 0o777).toBe(0o700);
  expect(await readContexts(env)).toEqual({ current: "r.example", contexts: [contextOf("r.example")] });
  expect(contextsPath({ HOME: home, XDG_CONFIG_HOME: "/x" })).toBe("/x/berth/contexts.json");
});

test.each([0o644, 0o640, 0o604, 0o602])(
  "a file that others can touch (mode %o) is refused, for reading and for changing",
  async (mode) => {
    await keep("r.example");
    await chmod(contextsPath(env), mode);
    await expect(readContexts(env)).rejects.toThrow(`mode ${mode.toString(8)}`);
    await expect(keep("other.example")).rejects.toThrow("chmod 600");
  },
);

test("what Berth did not write is refused and left as it is", async () => {
  await keep("r.example");
  for (const text of ["{", "[]", '{"contexts":[{"name":"a"}]}', '{"contexts":[],"more":1}']) {
    await writeFile(contextsPath(env), text);
    await expect(readContexts(env)).rejects.toThrow("is not as Berth wrote it");
    await expect(keep("other.example")).rejects.toThrow("is not as Berth wrote it");
    expect(await readFile(contextsPath(env), "utf8")).toBe(text);
  }
});

test("logins at the same time are all kept", async () => {
  const names = Array.from({ length: 15 }, (_, index) => `r${index}.example`);
  await Promise.all(names.map(keep));
  const { contexts } = await readContexts(env);
  expect(contexts.map(({ name }) => name).toSorted()).toEqual(names.toSorted());
});

test("the latest login is the current one; after a logout, the only one that is left", () => {
  const one = withContext({ contexts: [] }, contextOf("a"));
  const two = withContext(one, contextOf("b"));
  expect(getContext(two, undefined).name).toBe("b");
  expect(getContext(two, "a").name).toBe("a");
  expect(withoutContext(two, "b")).toEqual({ current: "a", contexts: [contextOf("a")] });
  expect(withoutContext(two, "a").current).toBe("b");
  const three = withContext(two, contextOf("c"));
  expect(() => getContext(withoutContext(three, "c"), undefined)).toThrow("give --context, one of a, b");
  expect(() => getContext(three, "d")).toThrow("there is no context d: give one of a, b, c");
  expect(() => getContext({ contexts: [] }, undefined)).toThrow("run `berth login <server>`");
});
