import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect } from "vitest";
import { findFreePort, isListening } from "./free-port.ts";
import { digestOf } from "./open-registry.ts";
import { findPeer } from "./peers.ts";
import { run } from "./run.ts";
import { types } from "./wire-client.ts";

/** Bytes that do not compress away, the same for the same seed. */
export const random = (size: number, seed: number) =>
  Buffer.from(Uint8Array.from({ length: size }, (_n, at) => (at * 31 + seed * 17 + ((at * at) >> 7)) & 255));

/** What is to come over: manifests as they were served, by `repository@digest`, tags, and blobs. */
export interface Contents {
  readonly manifests: Map<string, { readonly type: string; readonly bytes: string }>;
  readonly tags: Map<string, string>;
  readonly blobs: Map<string, Buffer>;
}

/** Other registries whose images are taken over, with their files below a folder; `close` ends those that run. */
export function openOldRegistries(folder: string) {
  const running: ChildProcess[] = [];
  const crane = findPeer("crane");

  /** Starts another registry over a storage; resolves to its address and what ends it. */
  async function startOther(
    program: string,
    storage: string,
  ): Promise<{ readonly host: string; readonly stop: () => Promise<void> }> {
    const port = await findFreePort();
    const file = join(folder, `${port}.yml`);
    await writeFile(
      file,
      `version: 0.1\nlog: {level: error}\nstorage:\n${storage}\n  delete: {enabled: true}\nhttp: {addr: "127.0.0.1:${port}"}\n`,
    );
    const child = spawn(program, ["serve", file], { stdio: "ignore" });
    running.push(child);
    for (let look = 0; look < 2_400 && !(await isListening(port)); look++)
      await new Promise((done) => setTimeout(done, 25));
    return {
      host: `127.0.0.1:${port}`,
      async stop() {
        const ended = once(child, "exit");
        child.kill();
        await ended;
      },
    };
  }

  /** Two repositories: an image by crane, an index over two platforms, one without a tag, one that was deleted, an artifact and its fallback tag. */
  async function fill(host: string): Promise<Contents> {
    const url = `http://${host}`;
    const blobs = new Map<string, Buffer>();
    const manifests: Contents["manifests"] = new Map();
    const tags: Contents["tags"] = new Map();
    const pushBlob = async (name: string, bytes: Buffer) => {
      const digest = digestOf(bytes);
      const begun = await fetch(`${url}/v2/${name}/blobs/uploads/`, { method: "POST" });
      const location = new URL(begun.headers.get("location")!, url);
      location.searchParams.set("digest", digest);
      const done = await fetch(location, {
        method: "PUT",
        body: bytes,
        headers: { "content-type": "application/octet-stream" },
      });
      expect(done.status).toBe(201);
      blobs.set(`${name}@${digest}`, bytes);
      return { digest, size: bytes.length };
    };
    const put = async (name: string, reference: string | undefined, type: string, document: object) => {
      const body = JSON.stringify(document);
      const digest = digestOf(Buffer.from(body));
      const answer = await fetch(`${url}/v2/${name}/manifests/${reference ?? digest}`, {
        method: "PUT",
        body,
        headers: { "content-type": type },
      });
      expect(answer.status, await answer.text()).toBe(201);
      manifests.set(`${name}@${digest}`, { type, bytes: body });
      if (reference !== undefined) tags.set(`${name}:${reference}`, digest);
      return { mediaType: type, digest, size: body.length };
    };
    const image = async (name: string, seed: number, more: object = {}) => {
      const config = await pushBlob(
        name,
        Buffer.from(
          JSON.stringify({
            os: "linux",
            architecture: seed === 1 ? "amd64" : "arm64",
            rootfs: { type: "layers", diff_ids: [] },
          }),
        ),
      );
      const shared = await pushBlob(name, random(100_000, 0));
      const own = await pushBlob(name, random(81_000 + seed, seed));
      return {
        schemaVersion: 2,
        mediaType: types.manifest,
        config: { mediaType: types.config, ...config },
        layers: [shared, own].map((layer) => ({ mediaType: types.layer, ...layer })),
        ...more,
      };
    };
    const amd = await put("team/app", undefined, types.manifest, await image("team/app", 1));
    const arm = await put("team/app", undefined, types.manifest, await image("team/app", 2));
    const platforms = [
      { ...amd, platform: { os: "linux", architecture: "amd64" } },
      { ...arm, platform: { os: "linux", architecture: "arm64" } },
    ];
    const index = await put("team/app", "v1", types.index, {
      schemaVersion: 2,
      mediaType: types.index,
      manifests: platforms,
    });
    const empty = await pushBlob("team/app", Buffer.from("{}"));
    const artifact = {
      schemaVersion: 2,
      mediaType: types.manifest,
      artifactType: "application/example.signature",
      config: { mediaType: "application/vnd.oci.empty.v1+json", ...empty },
      layers: [{ mediaType: "text/plain", ...(await pushBlob("team/app", Buffer.from("a signature"))) }],
      subject: index,
    };
    const signature = await put("team/app", undefined, types.manifest, artifact);
    await put("team/app", index.digest.replace(":", "-"), types.index, {
      schemaVersion: 2,
      mediaType: types.index,
      manifests: [{ ...signature, artifactType: artifact.artifactType }],
    });
    // Without a media type of its own, as some tools write it.
    const { mediaType: _, ...bare } = await image("team/app/worker", 1);
    await put("team/app/worker", "latest", types.manifest, bare);
    const deleted = await put(
      "team/app",
      undefined,
      types.manifest,
      await image("team/app", 1, { annotations: { it: "goes" } }),
    );
    expect((await fetch(`${url}/v2/team/app/manifests/${deleted.digest}`, { method: "DELETE" })).status).toBe(202);
    manifests.delete(`team/app@${deleted.digest}`);
    await fillByCrane(host);
    return { manifests, tags, blobs };
  }

  async function callCrane(...args: readonly string[]): Promise<void> {
    const ended = await run(crane!, args, { cwd: folder });
    expect(ended.code, ended.output).toBe(0);
  }

  /** A third repository, and how crane pulls it from there. */
  async function fillByCrane(host: string): Promise<void> {
    await writeFile(join(folder, "tool"), "a tool\n");
    const same = ["--mtime=@0", "--owner=0", "--group=0", "--numeric-owner", "--mode=644"];
    await run("tar", [...same, "-cf", "tool.tar", "tool"], { cwd: folder });
    await callCrane("append", "--insecure", "-f", "tool.tar", "-t", `${host}/team/tool:v2`);
    await pullByCrane(host, "there");
  }

  async function pullByCrane(host: string, to: string): Promise<void> {
    await rm(join(folder, to), { recursive: true, force: true });
    await callCrane("pull", "--insecure", "--format", "oci", `${host}/team/tool:v2`, to);
  }

  return { startOther, fill, callCrane, pullByCrane, close: () => running.forEach((child) => void child.kill()) };
}

/** Everything is there, byte for byte, and nothing else. */
export async function expectContents(url: string, { manifests, tags, blobs }: Contents): Promise<void> {
  for (const [place, { type, bytes }] of manifests) {
    const [name, digest] = place.split("@");
    const answer = await fetch(`${url}/v2/${name}/manifests/${digest}`);
    expect([answer.status, answer.headers.get("content-type"), await answer.text()], place).toEqual([200, type, bytes]);
  }
  for (const [place, digest] of tags) {
    const at = place.lastIndexOf(":");
    const answer = await fetch(`${url}/v2/${place.slice(0, at)}/manifests/${place.slice(at + 1)}`, { method: "HEAD" });
    expect(answer.headers.get("docker-content-digest"), place).toBe(digest);
  }
  for (const [place, bytes] of blobs) {
    const [name, digest] = place.split("@");
    const answer = await fetch(`${url}/v2/${name}/blobs/${digest}`);
    expect(Buffer.from(await answer.arrayBuffer()).equals(bytes), place).toBe(true);
  }
  const { repositories } = (await (await fetch(`${url}/v2/_catalog`)).json()) as { repositories: string[] };
  expect(repositories).toEqual(["team/app", "team/app/worker", "team/tool"]);
  const index = tags.get("team/app:v1")!;
  const referrers = (await (await fetch(`${url}/v2/team/app/referrers/${index}`)).json()) as {
    manifests: { artifactType: string }[];
  };
  expect(referrers.manifests.map(({ artifactType }) => artifactType)).toEqual(["application/example.signature"]);
}
