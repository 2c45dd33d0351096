import { spawnSync } from "node:child_process";
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterEach, expect, test, vi } from "vitest";
import { findPeer, installCommand, listMissingPeers, peerNames } from "./support/peers.ts";

const script = resolve(import.meta.dirname, "../scripts/install-peers");
const table = [...readFileSync(script, "utf8").matchAll(/^ {2}(?:deb|go|tool|pip) +(\S+) +(\S+) +(\S+)/gm)];

afterEach(() => vi.unstubAllEnvs());

test("every peer of the tests can be installed by its name, at a pinned version", () => {
  const installable = new Set(table.map(([, name]) => name));
  for (const name of peerNames) expect(installable, name).toContain(name);
  for (const [, name, , version] of table) expect(version, name).toMatch(/^(?:\d+:)?v?\d+[.]/);
});

test("a peer that is missing is undefined, and under CI an error with the command that installs it", () => {
  vi.stubEnv("PATH", "");
  vi.stubEnv("CI", "");
  expect(findPeer("strace")).toBeUndefined();
  expect(listMissingPeers().map((peer) => peer.name)).toContain("strace");
  expect(installCommand("strace", "crane")).toBe("scripts/install-peers strace crane");
  vi.stubEnv("CI", "true");
  expect(() => findPeer("strace")).toThrow("strace not installed: run scripts/install-peers strace");
});

test("a name that is no peer's is refused with the names that are", () => {
  const { status, stderr } = spawnSync(script, ["nonsense"], { encoding: "utf8" });
  expect([status, stderr]).toEqual([
    2,
    expect.stringContaining("there is no peer nonsense; there are: aws aws-debian boto3 "),
  ]);
});

test("when all is there, it asks neither apt nor Go", (context) => {
  vi.stubEnv("CI", "");
  const missing = spawnSync(script, ["crane"], { encoding: "utf8", env: { PATH: "/usr/bin:/bin" } });
  if (missing.status !== 0) context.skip("crane is not installed: run scripts/install-peers crane");
  const folder = mkdtempSync(join(tmpdir(), "berth-install-"));
  try {
    for (const name of ["apt-get", "go", "pip"]) {
      writeFileSync(join(folder, name), "#!/bin/sh\necho called >&2\nexit 1\n");
      chmodSync(join(folder, name), 0o755);
    }
    const env = { PATH: `${folder}:${process.env["PATH"]}` };
    expect(spawnSync(script, ["crane", "crane"], { encoding: "utf8", env })).toMatchObject({
      status: 0,
      stdout: "",
      stderr: "",
    });
  } finally {
    rmSync(folder, { recursive: true });
  }
});
