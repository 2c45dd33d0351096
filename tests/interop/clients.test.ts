import { randomBytes } from "node:crypto";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { getPeer } from "../support/peers.ts";
import { run } from "../support/run.ts";
import { startTestServer } from "../support/start-server.ts";

const folder = await mkdtemp(join(tmpdir(), "berth-clients-"));
const server = await startTestServer();
afterAll(async () => {
  await server.close();
  await rm(folder, { recursive: true, force: true });
});
const { host } = server;
const content = randomBytes(5_000_000);
await writeFile(join(folder, "file"), content);

async function succeed(program: string, ...args: string[]): Promise<string> {
  const { code, output } = await run(program, args, { cwd: folder });
  expect(code, output).toBe(0);
  return output.trim();
}

test("crane pushes, lists, copies, pulls and deletes", async (context) => {
  const crane = getPeer(context, "crane");
  await succeed("tar", "-cf", "layer.tar", "file");
  await succeed(crane, "append", "--insecure", "-f", "layer.tar", "-t", `${host}/crane/app:1`);
  await succeed(crane, "copy", "--insecure", `${host}/crane/app:1`, `${host}/crane/copy:2`);
  expect(await succeed(crane, "ls", "--insecure", `${host}/crane/copy`)).toBe("2");
  expect(await succeed(crane, "catalog", "--insecure", host)).toContain("crane/copy");
  await succeed(crane, "export", "--insecure", `${host}/crane/copy:2`, "exported.tar");
  await succeed("tar", "-xf", "exported.tar", "--transform", "s/^file$/back/");
  expect((await readFile(join(folder, "back"))).equals(content)).toBe(true);
  const digest = await succeed(crane, "digest", "--insecure", `${host}/crane/copy:2`);
  await succeed(crane, "delete", "--insecure", `${host}/crane/copy@${digest}`);
  expect((await run(crane, ["manifest", "--insecure", `${host}/crane/copy:2`], { cwd: folder })).code).not.toBe(0);
});

test("oras pushes an artifact, attaches to it, and discovers the referrer", async (context) => {
  const oras = getPeer(context, "oras");
  await succeed(oras, "push", "--plain-http", `${host}/oras/app:1`, "file:application/octet-stream");
  await succeed(
    oras,
    "attach",
    "--plain-http",
    "--artifact-type",
    "application/vnd.example.note",
    `${host}/oras/app:1`,
    "file:text/plain",
  );
  const found = await succeed(oras, "discover", "--plain-http", "--format", "json", `${host}/oras/app:1`);
  expect(found).toContain("application/vnd.example.note");
  await succeed(oras, "pull", "--plain-http", "-o", "pulled", `${host}/oras/app:1`);
  expect((await readFile(join(folder, "pulled", "file"))).equals(content)).toBe(true);
});
