import {
  digestAlgorithm,
  embeddedContent,
  imageFacts,
  isNonDistributable,
  mediaTypes,
  parseDigest,
  parseManifest,
  referrerDescriptor,
  RegistryError,
} from "../oci/index.ts";
import type { Digest, ManifestDocument, MediaType, RepositoryName, Tag } from "../oci/index.ts";
import { findLinkedBlob } from "../metadata/index.ts";
import { digestOf } from "../storage/index.ts";
import { recentBlobs } from "./recent-blobs.ts";
import { attempt, authorize } from "../access/index.ts";
import type { Caller } from "../access/index.ts";
import type { Registry } from "./registry.ts";

/** What a client sends to end-7a or end-7b. */
export interface PushManifestInput {
  readonly repository: RepositoryName;
  /** The digest in the path; undefined when the manifest is pushed by tag. */
  readonly digest: Digest | undefined;
  /** The tag in the path, or the `tag` parameters. */
  readonly tags: readonly Tag[];
  readonly bytes: Uint8Array;
  readonly contentType: MediaType | undefined;
  /** The repository must be there: this push makes none. */
  readonly existing?: boolean;
  /**
   * Tags that do not move are refused as Amazon ECR refuses them: for the manifest that they name already, too, and those of
   * signatures.
   */
  readonly strict?: boolean | undefined;
}

/** What came of a push. */
export interface PushedManifest {
  readonly digest: Digest;
  readonly subject: Digest | undefined;
  /** What the pusher should know although all is well; sentences. */
  readonly warnings: readonly string[];
}

/** Configs above this are not read for facts (bytes). */
const configLimit = 1024 * 1024;

/**
 * Stores a manifest and moves tags to it, in one transaction (end-7a, end-7b). Everything it names must be there.
 * @throws RegistryError NAME_UNKNOWN, MANIFEST_INVALID, MANIFEST_BLOB_UNKNOWN, DIGEST_INVALID, MANIFEST_TOO_LARGE
 */
export async function pushManifest(
  registry: Registry,
  caller: Caller,
  input: PushManifestInput,
): Promise<PushedManifest> {
  const asked = await authorize(registry.access, caller, "push", input.repository);
  const permit = input.existing === true ? { ...asked, mayCreate: false } : asked;
  const document = parseManifest(input.bytes, input.contentType);
  const digest = checkDigest(input.bytes, input.digest);
  checkEmbedded(document);
  const facts = imageFacts(await readConfig(registry, input.repository, document), document);
  const { subject } = document;
  const write = registry.metadata.write("putManifest", {
    repository: input.repository,
    permit,
    pin: registry.settings.pin,
    undoWindow: registry.settings.undoWindow,
    digest,
    bytes: input.bytes,
    mediaType: document.mediaType,
    kind: document.kind,
    artifactType: document.effectiveArtifactType ?? null,
    subject: subject?.digest ?? null,
    referrer: subject === undefined ? null : JSON.stringify(referrerDescriptor(document, digest, input.bytes.length)),
    contentSize: sumSizes(document),
    os: facts.os ?? null,
    architecture: facts.architecture ?? null,
    variant: facts.variant ?? null,
    imageCreated: facts.created ?? null,
    labels: facts.labels === undefined ? null : JSON.stringify(facts.labels),
    annotations: facts.annotations === undefined ? null : JSON.stringify(facts.annotations),
    blobs: document.blobs.map(({ digest: blob, size }) => ({ digest: blob, size })),
    children: document.children.map(({ digest: child, size }) => ({ digest: child, size })),
    tags: input.tags,
    strict: input.strict === true,
  });
  const tried = { action: "push", repository: input.repository, target: input.tags.join(", ") || digest };
  await attempt(registry.access, caller, tried, write);
  return { digest, subject: subject?.digest, warnings: warningsOf(document) };
}

function checkDigest(bytes: Uint8Array, expected: Digest | undefined): Digest {
  const algorithm = expected === undefined ? "sha256" : digestAlgorithm(expected);
  const actual = parseDigest(digestOf(algorithm, bytes));
  if (expected === undefined || expected === actual) return actual;
  const message = `the manifest's digest is ${actual}, not ${expected}: it was changed on its way, push it again`;
  throw new RegistryError("DIGEST_INVALID", message, { detail: { expected, actual } });
}

/** Content that a descriptor carries along must be what it says (descriptor specification, `data`). */
function checkEmbedded(document: ManifestDocument): void {
  for (const descriptor of [document.config, ...document.layers, ...document.manifests, document.subject]) {
    if (descriptor?.data === undefined) continue;
    const content = embeddedContent(descriptor);
    if (content === undefined) continue;
    if (digestOf(digestAlgorithm(descriptor.digest), content) === descriptor.digest) continue;
    const message = `the data of a descriptor does not have the digest ${descriptor.digest}: build the manifest again`;
    throw new RegistryError("MANIFEST_INVALID", message, { detail: { digest: descriptor.digest } });
  }
}

async function readConfig(
  registry: Registry,
  repository: RepositoryName,
  document: ManifestDocument,
): Promise<Uint8Array | undefined> {
  const { config } = document;
  if (config === undefined || config.size > configLimit) return undefined;
  if (config.mediaType !== mediaTypes.ociConfig && config.mediaType !== mediaTypes.dockerConfig) return undefined;
  const recent = recentBlobs(registry).find(config.digest);
  if (recent !== undefined) return recent;
  const row = await registry.metadata.read.first(findLinkedBlob, { repository, digest: config.digest });
  if (row === undefined) return undefined;
  if (row.bytes !== null) return row.bytes;
  return row.key === null ? undefined : registry.store.readWhole(row.key, row.size).catch(() => undefined);
}

function warningsOf({ layers }: ManifestDocument): string[] {
  const count = layers.filter((layer) => isNonDistributable(layer.mediaType)).length;
  if (count === 0) return [];
  return [
    `${count} non-distributable ${count === 1 ? "layer is" : "layers are"} not kept here: pulls need the URLs that the manifest names`,
  ];
}

function sumSizes(document: ManifestDocument): number {
  let sum = document.config?.size ?? 0;
  for (const { size } of document.layers) sum += size;
  for (const { size } of document.manifests) sum += size;
  return Math.min(sum, Number.MAX_SAFE_INTEGER);
}
