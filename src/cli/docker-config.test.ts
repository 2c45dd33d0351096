import { mkdir, mkdtemp, readdir, readFile, rename, rm, stat, symlink, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { withdrawLogin, announceLogin } from "./docker-config.ts";

let home: string;
let env: NodeJS.ProcessEnv;
let path: string;
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), "berth-docker-"));
  env = { HOME: home };
  path = join(home, ".docker", "config.json");
  await mkdir(join(home, ".docker"));
});
afterEach(() => rm(home, { recursive: true, force: true }));
const read = async (file = path) => JSON.parse(await readFile(file, "utf8")) as { credHelpers: Record<string, string> };

test("a file that is not there is made for its owner alone", async () => {
  await rm(join(home, ".docker"), { recursive: true });
  expect(await announceLogin(env, "r.example")).toEqual([path]);
  expect(await read()).toEqual({ credHelpers: { "r.example": "berth" } });
  expect((await stat(path)).mode & 0o777).toBe(0o600);
});

test("only our key changes: other helpers, stored logins, numbers and the way it is written stay", async () => {
  const text = '{\n    "auths": {"x": {"auth": "YQ=="}},\n    "credHelpers": {"y": "ecr-login"}, "n": 1.50e+1\n}';
  await writeFile(path, text, { mode: 0o644 });
  await announceLogin(env, "r.example:5000");
  const { credHelpers, ...others } = await read();
  expect(credHelpers).toEqual({ y: "ecr-login", "r.example:5000": "berth" });
  expect(others).toEqual({ auths: { x: { auth: "YQ==" } }, n: 15 });
  expect(await readFile(path, "utf8")).toContain('"n": 1.50e+1');
  expect((await stat(path)).mode & 0o777).toBe(0o644);
  await withdrawLogin(env, "r.example:5000");
  expect(await readFile(path, "utf8")).toBe(text);
});

test("forgetting leaves another program's helper for the host, and makes no file", async () => {
  await withdrawLogin(env, "r.example");
  expect(await readdir(join(home, ".docker"))).toEqual([]);
  const text = '{"credHelpers":{"r.example":"ecr-login"}}';
  await writeFile(path, text);
  await withdrawLogin(env, "r.example");
  expect(await readFile(path, "utf8")).toBe(text);
});

test.each([
  ['{\n  "auths": {},\n}', 3],
  ['{\n  "auths": {}\n  "credsStore": "x"\n}', 3],
  ["[]", 1],
  ['{\n\n"credHelpers": "pass"}', 3],
])("a broken file is refused with its line and left as it is: %j", async (text, line) => {
  await writeFile(path, text);
  await expect(announceLogin(env, "r.example")).rejects.toThrow(`${path}, line ${line}: `);
  expect(await readFile(path, "utf8")).toBe(text);
  expect(await readdir(join(home, ".docker"))).toEqual(["config.json"]);
});

test("DOCKER_CONFIG and REGISTRY_AUTH_FILE say where; podman's own file counts when it is there", async () => {
  env["DOCKER_CONFIG"] = join(home, "elsewhere");
  env["XDG_RUNTIME_DIR"] = join(home, "run");
  const auth = join(home, "run", "containers", "auth.json");
  expect(await announceLogin(env, "r.example")).toEqual([join(home, "elsewhere", "config.json")]);
  await mkdir(join(home, "run", "containers"), { recursive: true });
  await writeFile(auth, "{}");
  expect(await announceLogin(env, "r.example")).toEqual([join(home, "elsewhere", "config.json"), auth]);
  expect(await read(auth)).toEqual({ credHelpers: { "r.example": "berth" } });
  env["REGISTRY_AUTH_FILE"] = join(home, "named.json");
  expect((await announceLogin(env, "r.example")).at(-1)).toBe(join(home, "named.json"));
});

test("a link stays one, and what it leads to is changed", async () => {
  const real = join(home, "dotfiles.json");
  await writeFile(real, "{}");
  await symlink(real, path);
  await announceLogin(env, "r.example");
  expect((await readdir(join(home, ".docker"), { withFileTypes: true }))[0]!.isSymbolicLink()).toBe(true);
  expect(await read(real)).toEqual({ credHelpers: { "r.example": "berth" } });
});

test("edits at the same time are all there, also those of a program that knows of no lock", async () => {
  await writeFile(path, "{}");
  const hosts = Array.from({ length: 20 }, (_, index) => `r${index}.example`);
  let docker = 0;
  const foreign = async () => {
    // As docker writes it: a file of its own, then put in place.
    for (; docker < 20; docker++) {
      const now = { ...(await read()), docker };
      await writeFile(join(home, "other"), JSON.stringify(now));
      await rename(join(home, "other"), path);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  };
  await Promise.all(hosts.map((host) => announceLogin(env, host)));
  expect(Object.keys((await read()).credHelpers).toSorted()).toEqual(hosts.toSorted());
  await Promise.all([foreign(), announceLogin(env, "one.example"), announceLogin(env, "two.example")]);
  expect(await read()).toMatchObject({ docker: 19 });
  expect(await readdir(join(home, ".docker"))).toEqual(["config.json"]);
});

test("what a killed edit left is cleared away", async () => {
  const left = `${path}.berth-new`;
  await writeFile(left, "half");
  await utimes(left, new Date(0), new Date(0));
  await announceLogin(env, "r.example");
  expect(await readdir(join(home, ".docker"))).toEqual(["config.json"]);
});

test("what cannot be written is said with its reason", async () => {
  await mkdir(path);
  await expect(announceLogin(env, "r.example")).rejects.toThrow(`${path} cannot be written (EISDIR)`);
});
