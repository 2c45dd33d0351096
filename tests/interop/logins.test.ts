import { existsSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { findPeer, needPeers } from "../support/peers.ts";
import type { PeerName } from "../support/peers.ts";
import { startPostgres } from "../support/postgres.ts";
import { s3Settings, startS3 } from "../support/s3.ts";
import { startTestServer } from "../support/start-server.ts";
import type { TestServer } from "../support/start-server.ts";
import { startDocker } from "./start-docker.ts";
import { openWorkplace } from "./workplace.ts";

/*
 * Logins as each client has them: a wrong password, the right one, a push, a pull, and nothing without a login. All of them
 * follow the Bearer challenge; curl shows its password at once, as kubelets and scripts do.
 */

const place = await openWorkplace();
const password = "a password that nobody guesses";
// Each client is told a wrong password, from one address: that is not what is tested here.
const settings = { open: false, adminPassword: password, access: { failedLogins: 0 } } as const;
const files = await startTestServer(settings);
const [postgres, s3] = [await startPostgres(), await startS3("versitygw")];
const objects =
  postgres === undefined || s3 === undefined
    ? undefined
    : await startTestServer({ ...settings, database: postgres.url, ...(await s3Settings(s3)) });
/** Each of its tokens is good for a second. */
const hasty = await startTestServer({ ...settings, access: { failedLogins: 0, registryTokenAge: "1s" } });

interface Script {
  /** `$password` is what is typed. */
  readonly login: string;
  /** Pushes and pulls `$host/$name:1`. */
  readonly use: string;
  /** Pulls `$host/$name:1`. */
  readonly pull: string;
}

const scripts: Readonly<Partial<Record<PeerName, Script>>> = {
  docker: {
    login: `echo "$password" | docker login "$host" --username admin --password-stdin`,
    use: `
      tar -cf - greeting noise | docker import - "$host/$name:1"
      docker push "$host/$name:1"
      docker image rm "$host/$name:1"
      docker pull "$host/$name:1"`,
    pull: `docker pull "$host/$name:1"`,
  },
  podman: {
    login: `echo "$password" | podman login --tls-verify=false --username admin --password-stdin "$host"`,
    use: `
      tar -cf - greeting noise | podman import - "$host/$name:1"
      podman push --tls-verify=false "$host/$name:1"
      podman pull --tls-verify=false "$host/$name:1"`,
    pull: `podman pull --tls-verify=false "$host/$name:1"`,
  },
  skopeo: {
    login: `echo "$password" | skopeo login --tls-verify=false --username admin --password-stdin "$host"`,
    use: `
      tar -cf layer.tar greeting noise
      skopeo copy --insecure-policy --dest-tls-verify=false "docker-archive:$archive" "docker://$host/$name:1"
      skopeo inspect --tls-verify=false "docker://$host/$name:1"
      skopeo list-tags --tls-verify=false "docker://$host/$name"`,
    pull: `skopeo inspect --tls-verify=false "docker://$host/$name:1"`,
  },
  crane: {
    login: `echo "$password" | crane auth login "$host" --username admin --password-stdin
      crane catalog --insecure "$host"`,
    use: `
      tar -cf layer.tar greeting noise
      crane append --insecure --new_layer layer.tar --new_tag "$host/$name:1"
      crane export --insecure "$host/$name:1" - | tar -xO greeting
      crane catalog --insecure "$host" | grep "$name"
      crane copy --insecure "$host/$name:1" "$host/$name-copy:1"
      crane delete --insecure "$host/$name-copy:1"`,
    pull: `crane manifest --insecure "$host/$name:1"`,
  },
  oras: {
    login: `echo "$password" | oras login --plain-http "$host" --username admin --password-stdin`,
    use: `
      oras push --plain-http "$host/$name:1" greeting:text/plain noise:application/octet-stream
      oras pull --plain-http --output pulled "$host/$name:1"
      cmp noise pulled/noise
      oras repo ls --plain-http "$host" | grep "$name"`,
    pull: `oras pull --plain-http --output again "$host/$name:1"`,
  },
  helm: {
    login: `echo "$password" | helm registry login "$host" --plain-http --username admin --password-stdin`,
    use: `
      helm create chart
      helm package chart --version 1.0.0
      helm push chart-1.0.0.tgz "oci://$host/$name" --plain-http
      helm show chart "oci://$host/$name/chart" --plain-http`,
    pull: `helm show chart "oci://$host/$name/chart" --plain-http`,
  },
  curl: {
    login: `curl --fail-with-body --silent --user "admin:$password" "http://$host/v2/"`,
    use: `
      digest=sha256:$(sha256sum < greeting | cut -d' ' -f1)
      url="http://$host/v2/$name/blobs"
      curl --fail --silent --user "admin:$password" --data-binary @greeting "$url/uploads/?digest=$digest"
      curl --fail --silent --user "admin:$password" "$url/$digest" | cmp - greeting`,
    pull: `curl --fail-with-body --silent "http://$host/v2/$name/tags/list"`,
  },
};

/** What each says when the registry refuses: our sentence, or its own for our code. */
const refused = /wrong, expired or revoked|invalid username\/password|unauthorized|UNAUTHORIZED|denied|log in/i;
/** Before anybody logged in, some clients do not even ask. */
const noLogin = /unauthorized|UNAUTHORIZED|authentication required|no basic auth|log in|denied|credential/i;

beforeAll(async () => {
  place.env["PATH"] = `${resolve(import.meta.dirname, "../../.peers")}:/usr/bin:/bin:/usr/sbin`;
  const storage = join(place.folder, "storage.conf");
  const [root, run] = [join(place.folder, "root"), join(place.folder, "run")];
  await writeFile(storage, `[storage]\ndriver = "overlay"\ngraphroot = "${root}"\nrunroot = "${run}"\n`);
  place.env["CONTAINERS_STORAGE_CONF"] = storage;
  if (findPeer("docker") !== undefined) await startDocker(place);
});
afterAll(async () => {
  for (const server of [files, objects, hasty]) await server?.close();
  await s3?.close();
  await postgres?.stop();
  await place.close();
  expect([...files.errors, ...(objects?.errors ?? []), ...hasty.errors]).toEqual([]);
});

let folders = 0;

/** Each client has files of its own for its logins. */
async function ownFiles(name: string): Promise<string> {
  const folder = join(place.folder, "logins", name);
  await mkdir(folder, { recursive: true });
  // What a login wrote stays for the scripts after it.
  const file = join(folder, "auth.json");
  if (!existsSync(file)) await writeFile(file, "{}");
  return `export DOCKER_CONFIG=${folder} REGISTRY_AUTH_FILE=${folder}/auth.json HELM_REGISTRY_CONFIG=${folder}/config.json`;
}

/** A script's text for a client, in a folder of its own with something to push. */
async function prepare(server: TestServer, name: string, typed: string, script: string): Promise<string[]> {
  const folder = join(place.folder, "work", String(++folders));
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, "greeting"), "hello from Berth\n");
  // Enough that a token of a second ends on the way.
  const noise = `head -c ${server === hasty ? 100_000_000 : 3_000_000} /dev/urandom > noise`;
  const values = `host=${server.host}\nname=logins/${name}\npassword='${typed}'\narchive=$PWD/image.tar`;
  const archive = script.includes("$archive")
    ? `tar -cf layer.tar greeting noise && crane append --new_layer layer.tar --new_tag made:1 --output image.tar`
    : "";
  const own = await ownFiles(`${name}-${server.host}`);
  return ["bash", "-euo", "pipefail", "-c", `cd ${folder}\n${own}\n${noise}\n${values}\n${archive}\n${script}`];
}

async function run(server: TestServer, name: string, typed: string, script: string): Promise<string> {
  const [program = "", ...args] = await prepare(server, name, typed, script);
  return place.call(program, ...args);
}

async function refuse(server: TestServer, name: string, typed: string, script: string): Promise<string> {
  const [program = "", ...args] = await prepare(server, name, typed, script);
  return place.refuse(program, ...args);
}

const servers = { "SQLite and files": files, "PostgreSQL and S3": objects };

describe.for(Object.entries(servers))("on %s", ([backEnd, server]) => {
  test.for(Object.entries(scripts))(
    "%s: a wrong password is refused in words, the right one pushes and pulls, and without one there is nothing",
    async ([client, { login, use, pull }], context) => {
      needPeers(context, client as PeerName, "crane");
      if (server === undefined) return needPeers(context, "postgresql", "versitygw");
      const name = `${client}-${backEnd.length}`;
      expect(await refuse(server, name, password, pull)).toMatch(noLogin);
      expect(await refuse(server, name, "wrong", login)).toMatch(refused);
      await run(server, name, password, login);
      await run(server, name, password, use);
    },
  );
});

test.for(Object.entries(scripts))(
  "%s: tokens that end while it pushes are fetched anew, or it fails in words and leaves nothing half done",
  async ([client, { login, use }], context) => {
    needPeers(context, client as PeerName, "crane", "curl");
    // On a busy machine a second may be over before the login has used its token: the push is what is tested.
    let tries = 0;
    const logIn = (): Promise<string> =>
      run(hasty, client, password, login).catch((error: unknown) => {
        if (++tries === 5) throw error;
        return logIn();
      });
    await logIn();
    const [program = "", ...args] = await prepare(hasty, client, password, use);
    const ended = await place.call("bash", "-c", `"$@" > out 2>&1; echo $?; tail -3 out`, program, program, ...args);
    const [code = "", ...said] = ended.split("\n");
    console.log(`${client} with tokens of a second: ${code === "0" ? "completes" : said.join(" ")}`);
    if (code !== "0") {
      expect(said.join(" ")).toMatch(refused);
      const tags = await fetch(`${hasty.url}/v2/logins/${client}/tags/list`, {
        headers: { authorization: `Basic ${Buffer.from(`admin:${password}`).toString("base64")}` },
      });
      expect(tags.status === 404 || !(await tags.text()).includes(`"1"`)).toBe(true);
    }
  },
);
