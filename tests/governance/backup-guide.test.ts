import { execFileSync } from "node:child_process";
import { mkdir, mkdtemp, readFile, readdir, rename, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, expect, test } from "vitest";
import { digestOf, imageOf, imageType } from "../support/open-registry.ts";
import { runBerth } from "../support/run-berth.ts";
import { startTestServer } from "../support/start-server.ts";

const guide = await readFile(resolve(import.meta.dirname, "../../docs/guide/backup.md"), "utf8");
const folder = await mkdtemp(join(tmpdir(), "berth-backup-guide-"));
afterAll(() => rm(folder, { recursive: true, force: true }));

/** What the guide prints after a command, with what differs from run to run left out. */
const blur = (text: string) =>
  text
    .replaceAll(folder, "")
    .replaceAll(/\d{4}-\d\d-\d\dT\d\d[-:]\d\d[-:]\d\d(?:\.\d+)?Z/g, "TIME")
    .trim();

test("the guide's commands do and print what it says", { timeout: 300_000 }, async () => {
  const data = join(folder, "data");
  const backups = join(folder, "backups");
  const server = await startTestServer({ data });
  const layer = "a layer ".repeat(11_250);
  const uploads = `/v2/app/blobs/uploads/?digest=${digestOf(Buffer.from(layer))}`;
  const type = (name: string) => ({ "content-type": name });
  await fetch(server.url + uploads, { method: "POST", body: layer, headers: type("application/octet-stream") });
  const manifest = { method: "PUT", body: imageOf([layer]), headers: type(imageType) };
  expect((await fetch(`${server.url}/v2/app/manifests/v1`, manifest)).status).toBe(201);

  const printed = new Map(
    [...guide.matchAll(/^\$ berth (.*)\n((?:(?!\$|```).*\n)*)/gm)].map(([, command, output]) => [
      command!,
      blur(output!),
    ]),
  );
  const [backup, restore, acknowledge, fsck] = [...printed.keys()];
  const berth = async (command: string, ...more: string[]) => {
    const args = command.split(" ").map((word) => word.replace("/backups", backups));
    const ended = await runBerth([...args, ...more, "--data", data], { PATH: process.env["PATH"]! });
    expect(ended.code, `${command}: ${ended.stderr}`).toBe(0);
    return ended;
  };
  expect(blur((await berth(backup!)).stdout)).toBe(printed.get(backup!));
  const [name] = (await readdir(backups)).filter((entry) => entry !== "objects");
  execFileSync("sha256sum", ["--check", "--quiet", "SHA256SUMS"], { cwd: join(backups, name!) });
  await server.stop();

  const again = restore!.replace(/\d{4}-\S+Z/, name!);
  const refused = await runBerth([...again.split(" ").slice(0, 1), join(backups, name!), "--data", data], {
    PATH: process.env["PATH"]!,
  });
  expect([refused.code, refused.stderr]).toEqual([1, expect.stringContaining("nothing is overwritten")]);
  await mkdir(join(folder, "aside"));
  for (const file of await readdir(data))
    if (file.startsWith("berth.db")) await rename(join(data, file), join(folder, "aside", file));
  const restored = await berth(again);
  expect(blur(restored.stdout)).toBe(printed.get(restore!));
  expect(restored.stderr).toContain("berth restore acknowledge");
  await server.start();
  expect(await (await fetch(`${server.url}/v2/app/manifests/v1`)).text()).toBe(imageOf([layer]));
  await berth(acknowledge!);
  await berth(fsck!);
  await server.close();
});
