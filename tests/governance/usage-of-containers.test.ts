import { existsSync } from "node:fs";
import { mkdir, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { openWorkplace } from "../interop/workplace.ts";
import { adminPassword, startGuardedServer } from "../support/management-client.ts";
import { findPeer, needPeers } from "../support/peers.ts";
import { runBerth } from "../support/run-berth.ts";

/* `berth usage report --docker` beside a container that runs: podman answers to docker's name, as podman-docker has it. */

const place = await openWorkplace();
const guarded = await startGuardedServer();
const { host } = guarded.server;
const { admin } = guarded;
const program = "/bin/busybox";
/** Without what a container in a container may not do. */
const confined = ["--network=none", "--ulimit", "nofile=1024:1024", "--ulimit", "nproc=1024:1024"];

beforeAll(async () => {
  const bin = join(place.folder, "bin");
  await mkdir(bin);
  const podman = findPeer("podman");
  if (podman !== undefined) await symlink(podman, join(bin, "docker"));
  place.env["PATH"] = `${bin}:/usr/bin:/bin:/usr/sbin:/sbin`;
  const storage = join(place.folder, "storage.conf");
  const [root, run] = [join(place.folder, "root"), join(place.folder, "run")];
  await writeFile(storage, `[storage]\ndriver = "vfs"\ngraphroot = "${root}"\nrunroot = "${run}"\n`);
  await writeFile(join(place.folder, "containers.conf"), `[engine]\ncgroup_manager = "cgroupfs"\n`);
  place.env["CONTAINERS_STORAGE_CONF"] = storage;
  place.env["CONTAINERS_CONF"] = join(place.folder, "containers.conf");
});
afterAll(async () => {
  await guarded.close();
  await place.close();
});
const berth = (args: readonly string[], input = "") => runBerth(args, place.env, input);
const shell = (script: string) => place.call("/bin/bash", "-euo", "pipefail", "-c", script);

test("an image is in use while a container of this machine runs it, and no longer after the next report", async (context) => {
  needPeers(context, "podman");
  context.skip(!existsSync(program), `${program} is missing: a program that needs no library`);
  await admin.post("/namespaces", { path: "shop" });
  const login = ["login", host, "--user", "admin", "--password-stdin"];
  expect((await berth(login, adminPassword)).code).toBe(0);
  const image = `${host}/shop/sleeper:v1`;
  await shell(`
    tar -cf - -C / ${program.slice(1)} | podman import - ${image}
    podman push --tls-verify=false --creds admin:'${adminPassword}' ${image}
    podman rmi ${image}
    podman pull --tls-verify=false --creds admin:'${adminPassword}' ${image}
    podman run -d --name sleeper ${confined.join(" ")} ${image} ${program} sleep 600`);
  const report = () => berth(["usage", "report", "shop/", "--docker", "--source", "host-1"]);
  const remove = () => berth(["tag", "delete", "shop/sleeper", "v1"]);
  try {
    const reported = await report();
    expect([reported.code, reported.stdout], reported.stderr).toEqual([0, expect.stringMatching(/digests +1/)]);
    const refused = await remove();
    expect([refused.code, refused.stderr]).toEqual([1, expect.stringMatching(/host-1\/sleeper runs sha256:/)]);
  } finally {
    await shell("podman rm --force --time 0 sleeper");
  }
  const idle = await report();
  expect([idle.code, idle.stdout], idle.stderr).toEqual([0, expect.stringMatching(/digests +0/)]);
  expect((await remove()).code).toBe(0);
});
