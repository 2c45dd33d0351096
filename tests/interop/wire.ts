import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { expect } from "vitest";
import { digestOf } from "../support/wire-client.ts";

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
  expect(digest).toBe(digestOf(text));
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

/**
 * Expects that an OCI layout that was pulled is whole (each blob hashes to its name) and has all blobs of the one that
 * was pushed.
 */
export async function expectSameLayout(pulled: string, pushed: string): Promise<void> {
  const folder = join("blobs", "sha256");
  const names = (await readdir(join(pulled, folder))).sort();
  for (const name of names) expect(await hashFile(join(pulled, folder, name))).toBe(name);
  expect(names).toEqual((await readdir(join(pushed, folder))).sort());
}

/** Pushes an artifact whose subject is `digest`, as any client of the specification would. Resolves to its digest. */
export async function pushReferrer(registry: string, repository: string, digest: string): Promise<string> {
  const base = `http://${registry}/v2/${repository}`;
  const subject = await fetch(`${base}/manifests/${digest}`, { headers: { accept } });
  const size = (await subject.arrayBuffer()).byteLength;
  const note = "a note about an image";
  const blob = async (mediaType: string, text: string) => {
    const name = digestOf(text);
    const query = `digest=${encodeURIComponent(name)}`;
    const answer = await fetch(`${base}/blobs/uploads/?${query}`, { method: "POST", body: text });
    expect(answer.status).toBe(201);
    return { mediaType, digest: name, size: text.length };
  };
  const manifest = JSON.stringify({
    schemaVersion: 2,
    mediaType: manifestType,
    artifactType: "application/vnd.example.note",
    config: await blob("application/vnd.oci.empty.v1+json", "{}"),
    layers: [await blob("text/plain", note)],
    subject: { mediaType: subject.headers.get("content-type"), digest, size },
  });
  const answer = await fetch(`${base}/manifests/${digestOf(manifest)}`, {
    method: "PUT",
    body: manifest,
    headers: { "content-type": manifestType },
  });
  expect(answer.status).toBe(201);
  expect(answer.headers.get("oci-subject")).toBe(digest);
  return digestOf(manifest);
}

const manifestType = "application/vnd.oci.image.manifest.v1+json";
