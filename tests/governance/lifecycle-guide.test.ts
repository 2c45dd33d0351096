import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { describeText, imageType, linux, startContentServer } from "../support/content-server.ts";
import { adminPassword } from "../support/management-client.ts";
import { runBerth } from "../support/run-berth.ts";

/* The guide's example of a run, as it stands there, and what the API says of runs. */

const content = await startContentServer();
const { admin, server, pushImage, pushIndex, person } = content;
const home = await mkdtemp(join(tmpdir(), "berth-lifecycle-"));
afterAll(async () => {
  expect(server.errors).toEqual([]);
  await content.close();
  await rm(home, { recursive: true });
});
const guide = await readFile("docs/guide/lifecycle.md", "utf8");
const policyFile = join(home, "policy.yaml");
const berth = (args: readonly string[], input = "") => runBerth(args, { HOME: home, PATH: "/nowhere" }, input);

beforeAll(async () => {
  for (const tag of ["v1.0.0", "v1.1.0", "v1.2.0"]) await pushImage("team/app", linux("amd64", { tag }), tag);
  const child = await pushImage("team/app", linux("arm64"));
  const attestation = await pushImage("team/app", { os: "unknown", architecture: "unknown" });
  await pushIndex("team/app", [child, attestation], "dev");
  const subject = { ...describeText(child, imageType) };
  await pushImage("team/app", { sig: 1 }, undefined, { subject, artifactType: "application/x.sig" });
  await writeFile(policyFile, /```yaml\n([^]*?)```/.exec(guide)![1]!);
  const ended = await berth(["login", server.host, "--user", "admin", "--password-stdin"], adminPassword);
  expect(ended.code, ended.stderr).toBe(0);
});

test("the guide's example: set, run, list and show, with the lines that the guide shows", async () => {
  const [, commands, shown] = /## Carrying it out[^]*?```\n([^]*?)```\n\n```\n([^]*?)```/.exec(guide)!;
  const [set, run, runs, show] = commands!.trim().split("\n");
  const call = (line: string) => berth(line.replace("policy.yaml", policyFile).split(" ").slice(1));
  expect(await call(set!)).toMatchObject({ code: 0, stdout: "The lifecycle policy of repository team/app is set\n" });
  const ran = await call(run!);
  expect([ran.code, ran.stderr]).toEqual([0, ""]);
  const number = /^(\d+) +team\/app +done +2 +2 +0 /m.exec(ran.stdout)?.[1];
  expect(number, ran.stdout).toBeDefined();
  expect((await call(runs!)).stdout).toBe(ran.stdout);
  const asShown = (text: string) =>
    text
      .replaceAll(/sha256:[0-9a-f]{12}/g, "sha256:…")
      .replaceAll(/\d{4}-\d\d-\d\d/g, "DAY")
      .replaceAll(/[\d.]+ (?:KiB|B) +/g, "SIZE ")
      .replace(/^Run \d+/, "Run N")
      .split("\n")
      .toSorted();
  const told = await call(show!.replace(/\d+$/, number!));
  expect(asShown(told.stdout)).toEqual(asShown(shown!));
  const { body } = await admin.get("/repositories/team/app/-/tags");
  expect(body.items.map(({ name }: { name: string }) => name)).toEqual(["v1.1.0", "v1.2.0"]);
});

test("a run that must be confirmed ends with 1, and goes on once its number is given", async () => {
  for (const tag of ["a", "b"]) await pushImage("team/two", linux("amd64", { tag }), tag);
  const policy = JSON.stringify({ rules: [{ name: "all", action: "expire" }], floor: { images: 0 } });
  expect((await berth(["lifecycle", "set", "team/two", "--file", "-"], policy)).code).toBe(0);
  const first = await berth(["lifecycle", "run", "team/t*", "--wait", "--output", "json"]);
  const [{ run, state, outcome }] = JSON.parse(first.stdout) as [{ run: number; state: string; outcome: string }];
  expect([first.code, state]).toEqual([1, "unconfirmed"]);
  expect(outcome).toContain(`berth lifecycle run team/two --confirm ${run}`);
  const second = await berth(["lifecycle", "run", "team/two", "--confirm", String(run), "--wait"]);
  expect([second.code, second.stderr]).toEqual([0, ""]);
  const { body } = await admin.get(`/lifecycle/runs/${run}/images?limit=1`);
  expect(body).toMatchObject({ items: [{ state: "waiting", reason: "rule all expires it" }], next: "1" });
});

test("runs are for who may change the repository's settings; without a policy there is none", async () => {
  const path = "/repositories/team/app/-/lifecycle/runs";
  expect((await person("maintainer").post(path, {})).status).toBe(202);
  expect((await person("writer").post(path, {})).code).toBe("DENIED");
  const { body } = await person("maintainer").get(path);
  const { run } = body.items[0];
  expect(body.items[0]).toMatchObject({ repository: "team/app", createdBy: "user:maintainer" });
  expect((await person("maintainer").get(`/lifecycle/runs/${run}`)).status).toBe(200);
  for (const tail of ["", "/images"]) {
    expect((await person("writer").get(`/lifecycle/runs/${run}${tail}`)).code).toBe("NOT_FOUND");
    expect((await person("stranger").get(`/lifecycle/runs/${run}${tail}`)).code).toBe("NOT_FOUND");
  }
  await pushImage("team/none", linux("amd64"), "v1");
  const none = await admin.post("/repositories/team/none/-/lifecycle/runs", {});
  expect([none.status, none.code]).toEqual([404, "NOT_FOUND"]);
  const wrong = await berth(["lifecycle", "run", "team/*", "--confirm", "1"]);
  expect([wrong.code, wrong.stderr]).toEqual([2, expect.stringContaining("--confirm is for one repository")]);
  const unset = await berth(["lifecycle", "run", "team/non*"]);
  expect([unset.code, unset.stderr]).toEqual([1, expect.stringContaining("no lifecycle policy holds for any")]);
});
