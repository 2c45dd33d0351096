import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { expect } from "vitest";

/** Media types that a client would accept. */
const accept = [
  "application/vnd.oci.image.manifest.v1+json",
  "application/vnd.oci.image.index.v1+json",
  "application/vnd.docker.distribution.manifest.v2+json",
  "application/vnd.docker.distribution.manifest.list.v2+json",
].join(", ");

/** The parts of a manifest or an index that tests look at. */
export interface Document {
  readonly mediaType?: string;
  readonly artifactType?: string;
  readonly config?: { readonly mediaType: string; readonly digest: string };
  readonly layers?: readonly { readonly mediaType: string; readonly digest: string; readonly size: number }[];
  readonly manifests?: readonly Descriptor[];
}
interface Descriptor {
  readonly mediaType: string;
  readonly digest: string;
  readonly artifactType?: string;
  readonly platform?: { readonly os: string; readonly architecture: string };
}

/** Status of `HEAD` for a manifest, by tag or digest. */
export async function manifestStatus(registry: string, repository: string, reference: string): Promise<number> {
  const url = `http://${registry}/v2/${repository}/manifests/${reference}`;
  return (await fetch(url, { method: "HEAD", headers: { accept } })).status;
}

/** The manifest as the registry has it, whatever the client says. */
export async function readManifest(
  registry: string,
  repository: string,
  reference: string,
): Promise<{ readonly digest: string; readonly text: string; readonly document: Document }> {
  const answer = await fetch(`http://${registry}/v2/${repository}/manifests/${reference}`, { headers: { accept } });
  expect(answer.status).toBe(200);
  const text = await answer.text();
  const digest = answer.headers.get("docker-content-digest");
  expect(digest).toBe(`sha256:${createHash("sha256").update(text).digest("hex")}`);
  return { digest: digest!, text, document: JSON.parse(text) as Document };
}

/** Digests of the manifests that name `digest` as their subject (end-12a). */
export async function listReferrers(registry: string, repository: string, digest: string): Promise<readonly string[]> {
  const answer = await fetch(`http://${registry}/v2/${repository}/referrers/${digest}`);
  expect(answer.status).toBe(200);
  return ((await answer.json()) as Document).manifests!.map((descriptor) => descriptor.digest);
}

/** sha256 of a file, in hexadecimal. */
export async function hashFile(path: string): Promise<string> {
  const hash = createHash("sha256");
  for await (const chunk of createReadStream(path)) hash.update(chunk as Buffer);
  return hash.digest("hex");
}

/** Expects that two files have the same bytes. */
export async function expectSameFile(path: string, original: string): Promise<void> {
  expect(await hashFile(path)).toBe(await hashFile(original));
}
