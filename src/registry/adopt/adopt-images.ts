import type { Caller } from "../../access/index.ts";
import { digestAlgorithm, parseManifest, parseRepositoryName, parseTag, RegistryError } from "../../oci/index.ts";
import type { Digest, ManifestDocument, RepositoryName } from "../../oci/index.ts";
import type { ImageSource } from "./image-source.ts";
import { digestOf } from "../../storage/index.ts";
import { inspectManifest } from "../pull-manifest.ts";
import { pushManifest } from "../push-manifest.ts";
import { requireWritable } from "../read-only.ts";
import type { Registry } from "../registry.ts";
import { setTag } from "../set-tag.ts";
import { adoptBlob } from "./adopt-blob.ts";

/** How images are taken over. */
export interface AdoptOptions {
  /** Give files a second name in the store instead of copying their bytes. */
  readonly link: boolean;
  /** Told now and then, with how many manifests were looked at. */
  readonly progress: (done: number) => void;
}

/** Something that was not taken over. */
export interface AdoptProblem {
  readonly repository: string;
  /** Digest of a manifest, or a tag. */
  readonly what: string;
  /** A sentence. */
  readonly why: string;
}

/** What was taken over, or would be. */
export interface Adopted {
  readonly repositories: number;
  readonly manifests: number;
  readonly tags: number;
  /** Blobs that were taken, each once, and their bytes. */
  readonly blobs: number;
  readonly bytes: number;
  /** Manifests and tags that were there already. */
  readonly there: number;
  readonly problems: readonly AdoptProblem[];
}

type Counts = { -readonly [K in keyof Adopted]: Adopted[K] } & { problems: AdoptProblem[] };

/**
 * Takes over all images of a CNCF Distribution: each manifest with all that it names, children before their index, then tags.
 * What is there is left alone, so it may be begun again. What cannot be taken is told of, and the rest goes on.
 * @param registry undefined looks only: manifests are read and checked, of blobs whether they are there
 * @throws StorageError, MetadataError, the source's own error; RegistryError READ_ONLY
 */
export async function adoptImages(
  registry: Registry | undefined,
  source: ImageSource,
  { link, progress }: AdoptOptions,
): Promise<Adopted> {
  if (registry !== undefined) await requireWritable(registry);
  const counts: Counts = { repositories: 0, manifests: 0, tags: 0, blobs: 0, bytes: 0, there: 0, problems: [] };
  const seen = new Set<Digest>();
  let looked = 0;
  for await (const repository of source.repositories()) {
    counts.repositories++;
    const adoption = new Adoption(registry, source, { repository, link, counts, seen });
    const done = await adoption.run(() => progress(++looked));
    if (!done) counts.repositories--;
  }
  return counts;
}

interface Within {
  readonly repository: string;
  readonly link: boolean;
  readonly counts: Counts;
  /** Blobs of all repositories that were looked at. */
  readonly seen: Set<Digest>;
}

/** Whoever runs the command has both stores. */
const caller: Caller = {
  principal: { kind: "system", id: 0, name: "system:adopt", credential: "none", limits: [] },
  address: "",
  id: "adopt",
};

/** One repository on its way in. */
class Adoption {
  readonly #registry: Registry | undefined;
  readonly #source: ImageSource;
  readonly #within: Within;
  /** Whether a manifest is here; false when it cannot be. */
  readonly #taken = new Map<Digest, boolean>();

  constructor(registry: Registry | undefined, source: ImageSource, within: Within) {
    this.#registry = registry;
    this.#source = source;
    this.#within = within;
  }

  /** False when the repository can have no such name here. */
  async run(looked: () => void): Promise<boolean> {
    const { repository, counts } = this.#within;
    const name = await this.#attempt("the repository", () => parseRepositoryName(repository));
    if (name === undefined) return false;
    const digests = new Set(await this.#source.manifests(repository));
    for (const digest of digests) {
      await this.#take(name, digest, digests);
      looked();
    }
    for (const { tag, digest } of await this.#source.tags(repository)) {
      if (digest === undefined || !digests.has(digest)) {
        this.#tell(tag, "it names a manifest that the repository does not have: nobody could pull it there either");
      } else if (this.#taken.get(digest) === true) {
        const set = await this.#attempt(tag, () => this.#setTag(name, tag, digest));
        if (set !== undefined) counts[set]++;
      } else this.#tell(tag, `its manifest ${digest} was not taken`);
    }
    return true;
  }

  /** Takes a manifest after its children. A digest names its children's, so that there are no circles. */
  async #take(name: RepositoryName, digest: Digest, all: ReadonlySet<Digest>): Promise<void> {
    if (this.#taken.has(digest)) return;
    this.#taken.set(digest, false);
    const { counts } = this.#within;
    const done = await this.#attempt(digest, async () => {
      if (await this.#has(name, digest)) return "there" as const;
      const { bytes, document } = await this.#read(digest);
      for (const child of document.children) if (all.has(child.digest)) await this.#take(name, child.digest, all);
      for (const { digest: blob, size } of document.blobs) await this.#takeBlob(name, blob, size);
      const input = { repository: name, digest, tags: [], bytes, contentType: document.mediaType };
      if (this.#registry !== undefined) await pushManifest(this.#registry, caller, input);
      return "manifests" as const;
    });
    if (done === undefined) return;
    counts[done]++;
    this.#taken.set(digest, true);
  }

  async #read(digest: Digest): Promise<{ readonly bytes: Uint8Array; readonly document: ManifestDocument }> {
    const bytes = await this.#source.readManifest(digest);
    if (bytes === undefined) throw gone("its bytes are gone there");
    if (digestOf(digestAlgorithm(digest), bytes) !== digest) throw gone("its bytes there have another digest");
    return { bytes, document: parseManifest(bytes, undefined) };
  }

  async #takeBlob(name: RepositoryName, digest: Digest, size: number): Promise<void> {
    const { counts, seen, link } = this.#within;
    const found = await this.#source.findBlobSize(digest);
    if (found === undefined) throw gone(`the bytes of ${digest} are gone there`);
    if (found !== size) throw gone(`${digest} has ${found} bytes there, and the manifest says ${size}`);
    const isNew = !seen.has(digest);
    const bytes =
      this.#registry === undefined ||
      (await adoptBlob(this.#registry, caller, name, this.#source, { digest, size, link }));
    seen.add(digest);
    if (!isNew || bytes === false) return;
    counts.blobs++;
    counts.bytes += size;
  }

  async #setTag(name: RepositoryName, text: string, digest: Digest): Promise<"there" | "tags"> {
    const tag = parseTag(text);
    if (this.#registry === undefined) return "tags";
    const now = await unlessUnknown(inspectManifest(this.#registry, caller, name, { kind: "tag", tag }));
    if (now?.digest === digest) return "there";
    await setTag(this.#registry, caller, name, tag, digest, undefined);
    return "tags";
  }

  async #has(name: RepositoryName, digest: Digest): Promise<boolean> {
    if (this.#registry === undefined) return false;
    return (
      (await unlessUnknown(inspectManifest(this.#registry, caller, name, { kind: "digest", digest }))) !== undefined
    );
  }

  /** Undefined when it cannot be done, which is told. */
  async #attempt<T>(what: string, work: () => T | Promise<T>): Promise<T | undefined> {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof RegistryError) || error.code === "READ_ONLY" || error.code === "UNAVAILABLE") throw error;
      this.#tell(what, error.message);
      return undefined;
    }
  }

  #tell(what: string, why: string): void {
    this.#within.counts.problems.push({ repository: this.#within.repository, what, why });
  }
}

function gone(why: string): RegistryError {
  return new RegistryError("MANIFEST_BLOB_UNKNOWN", why);
}

async function unlessUnknown<T>(asked: Promise<T>): Promise<T | undefined> {
  try {
    return await asked;
  } catch (error) {
    if (error instanceof RegistryError && /_UNKNOWN$/.test(error.code)) return undefined;
    throw error;
  }
}
