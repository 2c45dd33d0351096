import { createHash } from "node:crypto";
import { expect } from "vitest";
import { openSqliteInProcess } from "../../src/metadata/index.ts";
import type { Role } from "../../src/policy/index.ts";
import { writes } from "../../src/writes.ts";
import { adminPassword, basicHeader, startGuardedServer } from "./management-client.ts";
import type { ApiClient, GuardedServer } from "./management-client.ts";
import { grant, makeAccount, makeNamespace, makeToken } from "./open-rights.ts";

export const sha = (text: string): string => `sha256:${createHash("sha256").update(text).digest("hex")}`;
export const imageType = "application/vnd.oci.image.manifest.v1+json";
const indexType = "application/vnd.oci.image.index.v1+json";
export const authorization = basicHeader("admin", adminPassword);

export const describeText = (text: string, mediaType: string) => ({
  mediaType,
  digest: sha(text),
  size: text.length,
});

export const linux = (architecture: string, more: object = {}): object => ({ os: "linux", architecture, ...more });

/** A server with people of each role on `team`, `tagger` for tags like `ci-*`, `stranger` with `other`, `mover` with both. */
export interface ContentServer extends GuardedServer {
  /** One of the people. */
  readonly person: (name: string) => ApiClient;
  /** Pushes an image with this config, by digest where no tag is given, and answers its text. */
  readonly pushImage: (repository: string, config: object, tag?: string, more?: object) => Promise<string>;
  readonly pushIndex: (repository: string, children: readonly string[], tag: string) => Promise<string>;
}

export async function startContentServer(): Promise<ContentServer> {
  const guarded = await startGuardedServer();
  const { server } = guarded;
  const secrets = new Map<string, string>();
  await server.stop();
  const { database } = server.config;
  const metadata = openSqliteInProcess((database as { readonly path: string }).path, writes);
  const team = await makeNamespace(metadata, "team");
  await makeNamespace(metadata, "open", true);
  const other = await makeNamespace(metadata, "other");
  const member = async (name: string, namespace: number, role: Role, tags?: readonly string[]) => {
    const account = await makeAccount(metadata, name);
    await grant(metadata, { account }, { namespace }, role, tags ?? null);
    secrets.set(name, (await makeToken(metadata, account, null, 3_600_000)).secret);
    return account;
  };
  for (const role of ["reader", "writer", "maintainer"] as const) await member(role, team, role);
  await member("tagger", team, "maintainer", ["ci-*"]);
  await member("stranger", other, "owner");
  const mover = await member("mover", team, "maintainer");
  await grant(metadata, { account: mover }, { namespace: other }, "writer");
  await metadata.close();
  await server.start();

  const send = async (method: string, path: string, type: string, body: string) => {
    const headers = { authorization, "content-type": type };
    const answer = await fetch(`${server.url}${path}`, { method, body, headers });
    expect(answer.status, await answer.text()).toBe(201);
  };
  return {
    ...guarded,
    person: (name) => guarded.as(name, secrets.get(name)!),
    async pushImage(repository, config, tag, more = {}) {
      const text = JSON.stringify(config);
      await send("POST", `/v2/${repository}/blobs/uploads/?digest=${sha(text)}`, "application/octet-stream", text);
      const descriptor = describeText(text, "application/vnd.oci.image.config.v1+json");
      const manifest = JSON.stringify({
        schemaVersion: 2,
        mediaType: imageType,
        config: descriptor,
        layers: [],
        ...more,
      });
      await send("PUT", `/v2/${repository}/manifests/${tag ?? sha(manifest)}`, imageType, manifest);
      return manifest;
    },
    async pushIndex(repository, children, tag) {
      const manifests = children.map((text) => describeText(text, imageType));
      const index = JSON.stringify({ schemaVersion: 2, mediaType: indexType, manifests });
      await send("PUT", `/v2/${repository}/manifests/${tag}`, indexType, index);
      return index;
    },
  };
}

/** All pages of a list; the path has a query already. */
export async function listAll(client: ApiClient, path: string): Promise<any[]> {
  const items: any[] = [];
  for (let after = ""; ;) {
    const { status, body } = await client.get(`${path}${after}`);
    expect(status).toBe(200);
    items.push(...body.items);
    if (body.next === null) return items;
    after = `&after=${encodeURIComponent(body.next)}`;
  }
}
