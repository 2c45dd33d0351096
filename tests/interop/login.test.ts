import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { installBerth } from "../support/install-berth.ts";
import { findPeer, needPeers } from "../support/peers.ts";
import type { PeerName } from "../support/peers.ts";
import { runBerth } from "../support/run-berth.ts";
import { startTestServer } from "../support/start-server.ts";
import { startDocker } from "./start-docker.ts";
import { openWorkplace } from "./workplace.ts";

const place = await openWorkplace();
const password = "a password that nobody guesses";
const server = await startTestServer({ open: false, adminPassword: password });
const { host } = server;

/** A push and a pull by each client, as the user that `berth login` made known: no command has a name or a password. */
const scripts: Readonly<Partial<Record<PeerName, string>>> = {
  docker: `
    tar -cf - greeting | docker import - ${host}/docker/app:1
    docker push ${host}/docker/app:1
    docker image rm ${host}/docker/app:1
    docker pull ${host}/docker/app:1`,
  podman: `
    tar -cf - greeting | podman import - ${host}/podman/app:1
    podman push --tls-verify=false ${host}/podman/app:1
    podman pull --tls-verify=false ${host}/podman/app:1`,
  buildah: `
    printf 'FROM scratch\\nCOPY greeting /\\n' > Containerfile
    buildah build --tag ${host}/buildah/app:1 .
    buildah push --tls-verify=false ${host}/buildah/app:1`,
  crane: `
    tar -cf layer.tar greeting
    crane append --insecure --new_layer layer.tar --new_tag ${host}/crane/app:1
    crane export --insecure ${host}/crane/app:1 - | tar -xO greeting`,
  skopeo: `
    skopeo copy --src-tls-verify=false docker://${host}/crane/app:1 dir:app
    skopeo copy --dest-tls-verify=false dir:app docker://${host}/skopeo/app:1
    skopeo list-tags --tls-verify=false docker://${host}/skopeo/app`,
  oras: `
    oras push --plain-http ${host}/oras/app:1 greeting:text/plain
    oras pull --plain-http --output pulled ${host}/oras/app:1`,
  helm: `
    helm create chart
    helm package chart --version 0.1.0
    helm push chart-0.1.0.tgz oci://${host}/charts --plain-http
    helm show chart oci://${host}/charts/chart --plain-http`,
};

beforeAll(async () => {
  const bin = await installBerth(place.folder);
  place.env["PATH"] = `${bin}:${resolve(import.meta.dirname, "../../.peers")}:/usr/bin:/bin:/usr/sbin`;
  const storage = join(place.folder, "storage.conf");
  const [root, run] = [join(place.folder, "root"), join(place.folder, "run")];
  await writeFile(storage, `[storage]\ndriver = "overlay"\ngraphroot = "${root}"\nrunroot = "${run}"\n`);
  place.env["CONTAINERS_STORAGE_CONF"] = storage;
  if (findPeer("docker") !== undefined) await startDocker(place);
  const ended = await runBerth(["login", host, "--user", "admin", "--password-stdin"], place.env, password);
  expect(ended.code, ended.stderr).toBe(0);
});
afterAll(async () => {
  await server.close();
  await place.close();
});

async function runScript(name: string, script: string): Promise<void> {
  const folder = join(place.folder, "work", name);
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, "greeting"), "hello from Berth\n");
  await place.call("bash", "-euo", "pipefail", "-c", `cd ${folder}\n${script}`);
}

test.for(Object.keys(scripts) as PeerName[])(
  "after one login %s pushes and pulls without a password",
  async (name, context) => {
    needPeers(context, name, "crane");
    await runScript(name, scripts[name]!);
  },
);

test("no file of a client holds a secret", async () => {
  for (const path of [join(place.env["DOCKER_CONFIG"]!, "config.json"), place.env["REGISTRY_AUTH_FILE"]!]) {
    expect(JSON.parse(await readFile(path, "utf8"))).toMatchObject({ credHelpers: { [host]: "berth" } });
    expect(await readFile(path, "utf8")).not.toMatch(/berth_|auth"/);
  }
});

test("`docker login` and `podman login` keep no password, beside what `berth login` keeps, until they log out", async (context) => {
  needPeers(context, "docker", "podman");
  await writeFile(join(place.folder, "password"), password);
  const kept = async () => {
    const text = await readFile(join(place.folder, "home/.config/berth/contexts.json"), "utf8");
    expect(text).not.toContain(password);
    const { contexts } = JSON.parse(text) as { contexts: { by?: string; token: string }[] };
    return contexts.find(({ by }) => by === "docker")?.token;
  };
  for (const [client, flag, secret] of [
    ["docker", "", /^berth_ref_/],
    ["podman", "--tls-verify=false", /^berth_(?:pat|ref)_/],
  ] as const) {
    const login = `${client} login ${flag} ${host} --username admin --password-stdin < ${place.folder}/password`;
    await place.call("bash", "-c", login);
    expect(await kept()).toMatch(secret);
    await runScript(`${client}-again`, scripts[client]!.replaceAll(`${client}/app`, `${client}/again`));
    await place.call(client, "logout", host);
    expect(await kept()).toBeUndefined();
    // What `berth login` keeps is another token.
    await runScript(`${client}-still`, scripts[client]!.replaceAll(`${client}/app`, `${client}/still`));
  }
});

test("after a logout nobody gets in", async (context) => {
  needPeers(context, "crane");
  expect(await runBerth(["logout"], place.env)).toMatchObject({ code: 0 });
  expect(await place.refuse("crane", "ls", "--insecure", `${host}/crane/app`)).toContain("UNAUTHORIZED");
});
