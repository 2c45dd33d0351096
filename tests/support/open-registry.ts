import { createHash } from "node:crypto";
import { parseDigest, parseManifest, parseMediaType, parseRepositoryName, parseTag } from "../../src/oci/index.ts";
import type { Digest } from "../../src/oci/index.ts";
import type { Metadata } from "../../src/metadata/index.ts";
import { allRoles } from "../../src/policy/index.ts";
import { collectGarbage, fsck, pushBlob, pushManifest } from "../../src/registry/index.ts";
import { LoginThrottle } from "../../src/access/login-throttle.ts";
import { Issuers, operator, RefusalLog } from "../../src/access/index.ts";
import type { Access, AccessSettings, Caller, Permit } from "../../src/access/index.ts";
import type { Collected, Registry, RegistrySettings, RegistryWrites } from "../../src/registry/index.ts";
import { BlobStore, BufferPool, memoryDriver } from "../../src/storage/index.ts";
import type { BlobDriver } from "../../src/storage/index.ts";

export const caller: Caller = { principal: operator, address: "127.0.0.1", id: "test" };
/** What the operator of open mode is permitted. */
export const permit: Permit = {
  by: { principal: "anonymous", credential: "none", address: "127.0.0.1", request: "test", reason: "open mode" },
  owner: "operator:0",
  repository: undefined,
  mayCreate: true,
  mayOverwrite: true,
  roles: allRoles,
  tags: [],
};
export const imageType = parseMediaType("application/vnd.oci.image.manifest.v1+json");
export const indexType = parseMediaType("application/vnd.oci.image.index.v1+json");

export function digestOf(bytes: Uint8Array): Digest {
  return parseDigest(`sha256:${createHash("sha256").update(bytes).digest("hex")}`);
}

/** Settings with which everything unused goes in two passes. */
export const atOnce: RegistrySettings = {
  pin: 0,
  uploadIdle: 60_000,
  uploadAge: 600_000,
  untagged: "delete",
  objectGrace: 0,
  orphanGrace: 0,
  lookGap: 0,
  redirect: false,
  undoWindow: { standard: 0, longest: Infinity },
};

/** Windows of undo as one number, in milliseconds, where settings may bring about any. */
export interface TestSettings extends Partial<Omit<RegistrySettings, "undoWindow">> {
  readonly undoWindow?: number | RegistrySettings["undoWindow"];
}

/** What such a number stands for. */
export function windowOf(undoWindow: number | RegistrySettings["undoWindow"]): RegistrySettings["undoWindow"] {
  return typeof undoWindow === "number" ? { standard: undoWindow, longest: Infinity } : undoWindow;
}

/** The use-cases over rows and bytes that a test chose. */
export function openRegistry(
  metadata: Metadata<RegistryWrites>,
  driver: BlobDriver = memoryDriver(),
  { undoWindow, ...settings }: TestSettings = {},
): Registry & { readonly alarms: string[] } {
  const alarms: string[] = [];
  return {
    metadata,
    access: openMode(metadata),
    store: new BlobStore(driver, { inlineBytes: 64, buffers: new BufferPool(16 * 1024 * 1024) }),
    settings: { ...atOnce, ...(undoWindow === undefined ? {} : { undoWindow: windowOf(undoWindow) }), ...settings },
    uploadKey: Buffer.alloc(32, 7),
    node: null,
    alarm: (what) => void alarms.push(what),
    alarms,
  };
}

const day = 86_400_000;

/** Settings of access as they are when nobody says. */
export const accessSettings: AccessSettings = {
  open: false,
  tokenAge: 90 * day,
  robotAge: 30 * day,
  clockSkew: 60_000,
  registryTokenAge: 300_000,
  refreshAge: 90 * day,
  freshness: 300_000,
  outage: 3_600_000,
  keyAge: 30 * day,
  failedLogins: 5,
};

/** Rights as in open mode: nothing is looked up. */
function openMode(metadata: Metadata<RegistryWrites>): Access {
  return {
    metadata: metadata as unknown as Access["metadata"],
    settings: { ...accessSettings, open: true },
    version: { current: () => 0, close: () => undefined },
    standings: new Map(),
    refusals: new RefusalLog(),
    directory: undefined,
    providers: [],
    fetch: () => Promise.reject(new Error("open mode asks no provider")),
    alarm: () => undefined,
    issuers: new Issuers(() => Promise.reject(new Error("open mode asks no issuer"))),
    keys: { signing: undefined, trusted: new Map() },
    sealingKey: Buffer.alloc(32),
    certificates: { changedAt: 0 },
    logins: new LoginThrottle(0),
    memoryKey: Buffer.alloc(32),
  };
}

/** Pushes a blob of this content. */
export async function putBlob(registry: Registry, repository: string, content: string): Promise<Digest> {
  const bytes = Buffer.from(content);
  const digest = digestOf(bytes);
  await pushBlob(registry, caller, parseRepositoryName(repository), digest, async (take) => void (await take(bytes)));
  return digest;
}

/** Text of an image manifest over these layers; the first is the config, too. */
export function imageOf(layers: readonly string[], more: object = {}): string {
  const descriptors = layers.map((content) => ({
    mediaType: "application/octet-stream",
    digest: digestOf(Buffer.from(content)),
    size: Buffer.byteLength(content),
  }));
  return JSON.stringify({
    schemaVersion: 2,
    mediaType: imageType,
    config: descriptors[0],
    layers: descriptors,
    ...more,
  });
}

/** Text of an index over these manifests. */
export function indexOf(manifests: readonly string[], more: object = {}): string {
  const descriptors = manifests.map((text) => descriptorOf(text));
  return JSON.stringify({ schemaVersion: 2, mediaType: indexType, manifests: descriptors, ...more });
}

export function descriptorOf(text: string): object {
  const bytes = Buffer.from(text);
  return { mediaType: parseManifest(bytes, undefined).mediaType, digest: digestOf(bytes), size: bytes.length };
}

/** Pushes a manifest, by digest when no tag is given. */
export async function putManifest(registry: Registry, repository: string, text: string, tag?: string): Promise<Digest> {
  const bytes = Buffer.from(text);
  const digest = digestOf(bytes);
  await pushManifest(registry, caller, {
    repository: parseRepositoryName(repository),
    digest: tag === undefined ? digest : undefined,
    tags: tag === undefined ? [] : [parseTag(tag)],
    bytes,
    contentType: parseManifest(bytes, undefined).mediaType,
  });
  return digest;
}

/** One pass, as a command that is alone makes it. */
export function collectOnce(registry: Registry): Promise<Collected> {
  const { signal } = new AbortController();
  return collectGarbage(registry, { clock: undefined, checkMark: true, sweepEvery: 0, signal });
}

/** Passes until one changes nothing. */
export async function collectAll(registry: Registry): Promise<void> {
  for (let pass = 0; pass < 50; pass++) {
    const { removed, condemned, objects, orphans, uploads, off } = await collectOnce(registry);
    if (off !== undefined) throw new Error(off);
    const changes = [...Object.values(removed), ...Object.values(condemned), objects, orphans, uploads];
    if (pass > 1 && changes.every((count) => count === 0)) return;
    // Time stands still within a millisecond, and some steps come due only after it.
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
  throw new Error("collection does not come to an end");
}

/** The four numbers, and what is wrong in words. */
export async function check(registry: Registry): Promise<{ readonly numbers: number[]; readonly problems: string[] }> {
  const problems: string[] = [];
  const found = await fsck(registry, {
    verify: true,
    rate: 0,
    grace: 0,
    report: (problem) => void problems.push(problem.message),
    progress: () => undefined,
  });
  const { referencesWithoutRow, rowsWithoutObject, objectsWithoutRow, digestMismatches } = found;
  return { numbers: [referencesWithoutRow, rowsWithoutObject, objectsWithoutRow, digestMismatches], problems };
}
