import { mkdir, readFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { afterAll, expect, test } from "vitest";
import { openWorkplace } from "../interop/workplace.ts";
import { installBerth } from "../support/install-berth.ts";
import { needPeers } from "../support/peers.ts";
import { runBerth } from "../support/run-berth.ts";
import { startTestServer } from "../support/start-server.ts";

const place = await openWorkplace();
const password = "a password that nobody guesses";
const server = await startTestServer({ open: false, adminPassword: password });
afterAll(async () => {
  await server.close();
  await place.close();
});

test("the example of docs/guide/undo.md does what it says", { timeout: 300_000 }, async (context) => {
  needPeers(context, "crane");
  const { host } = server;
  const bin = await installBerth(place.folder);
  place.env["PATH"] = `${bin}:${resolve(import.meta.dirname, "../../.peers")}:/usr/bin:/bin:/usr/sbin`;
  const ended = await runBerth(["login", host, "--user", "admin", "--password-stdin"], place.env, password);
  expect(ended.code, ended.stderr).toBe(0);
  const folder = join(place.folder, "work", "guide");
  await mkdir(folder, { recursive: true });
  const page = await readFile(resolve(import.meta.dirname, "../../docs/guide/undo.md"), "utf8");
  const [, example] = /```sh\n(.*?)```/s.exec(page)!;
  const script = `cd ${folder}\n${example!.replaceAll("127.0.0.1:5000", host)}`;
  const printed = await place.call("bash", "-euo", "pipefail", "-c", script);
  expect(printed.match(/^(?:one|two)$/gm), "what the tag is at after each undo").toEqual(["one", "one", "one", "one"]);
  expect(printed.match(/^dev-1$/gm), "after the run is undone, and not before").toHaveLength(1);
  expect(printed).toMatch(/restored +manifest +sha256:\S+ +dev-1/);
  expect(printed, "the list of a namespace").toMatch(/\d+ +shop\/web +repository +shop\/web/);
  expect(printed.slice(printed.lastIndexOf("UNTIL")), "nothing is left of what was purged").not.toContain("web-former");
  expect(printed).toMatch(/sha256:\S+ +\S+Z +moved +user:admin +\d+/);
  const [, settings] = /```console\n(.*?)```/s.exec(page)!;
  for (const [, command] of settings!.matchAll(/^\$ berth (.*)$/gm)) {
    await place.call(
      "bash",
      "-euo",
      "pipefail",
      "-c",
      `berth namespace create team >/dev/null 2>&1 || true
      berth repository create team/scratch >/dev/null 2>&1 || true
      berth ${command}`,
    );
  }
  const shown = await place.call("berth", "settings", "show", "team/scratch");
  expect(shown, "0s is looser than what is enforced above").toMatch(/undoWindow +30d +namespace team/);
});
