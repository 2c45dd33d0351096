import { execFileSync } from "node:child_process";
import { mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { Agent, request } from "node:https";
import type { TLSSocket } from "node:tls";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { alarms, closers, listenWith } from "./testing/open-test-listener.ts";

/** A certificate for `name` that signs itself. */
function makeCertificate(folder: string, name: string): void {
  const paths = ["-keyout", join(folder, `${name}.key`), "-out", join(folder, `${name}.crt`)];
  const kind = ["-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"];
  execFileSync("openssl", ["req", ...kind, "-subj", `/CN=${name}`, ...paths], { stdio: "ignore" });
}

/** Whom the server says it is, on a connection of its own unless an agent keeps one. */
function nameServed(port: number, agent: Agent | false = false): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const call = request({ port, host: "127.0.0.1", rejectUnauthorized: false, agent }, (response) => {
      const { subject } = (response.socket as TLSSocket).getPeerCertificate();
      response.resume();
      response.once("end", () => resolve(subject.CN));
    });
    call.once("error", reject);
    call.end();
  });
}

test("a changed certificate is taken up without losing connections; a broken one is not, and is told", async () => {
  const folder = await mkdtemp(join(tmpdir(), "berth-tls-"));
  closers.push(() => rm(folder, { recursive: true, force: true }));
  for (const name of ["one", "two"]) makeCertificate(folder, name);
  const tls = { certificate: join(folder, "one.crt"), key: join(folder, "one.key") };
  const { port } = await listenWith({ tls });
  const kept = new Agent({ keepAlive: true, maxSockets: 1 });
  closers.push(() => kept.destroy());
  expect(await nameServed(port, kept)).toBe("one");
  await writeFile(tls.key, "-----BEGIN PRIVATE KEY-----\nhalf");
  const broken = "the new certificate is broken, the former one stays in use";
  await expect.poll(() => alarms).toContain(broken);
  expect(await nameServed(port)).toBe("one");
  await rename(join(folder, "two.crt"), tls.certificate);
  await rename(join(folder, "two.key"), tls.key);
  await expect.poll(() => alarms).toContain("a new certificate is in use");
  expect(await nameServed(port)).toBe("two");
  expect(await nameServed(port, kept)).toBe("one");
});

test("a certificate that cannot be read is an error that names the files", async () => {
  const tls = { certificate: "/nowhere.crt", key: "/nowhere.key" };
  await expect(listenWith({ tls })).rejects.toThrow(
    "/nowhere.crt is not there: name the PEM file in `tls.certificate`",
  );
});
