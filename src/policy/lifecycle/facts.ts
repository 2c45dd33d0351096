/** A name of an image. */
export interface TagFacts {
  readonly name: string;
  /** When it was last moved, milliseconds since 1970. */
  readonly pushedAt: number;
  /** When something was last pulled by it; null for never. */
  readonly pulledAt: number | null;
}

/** Where an image runs. */
export interface PlatformFacts {
  readonly os: string;
  readonly architecture: string;
  readonly variant: string | null;
}

/** A manifest of a repository, whatever registry it lies in. Times are milliseconds since 1970. */
export interface ImageFacts {
  readonly digest: string;
  readonly kind: "image" | "index";
  readonly mediaType: string;
  readonly artifactType: string | null;
  /** Digest of what it belongs to, present or not. */
  readonly subject: string | null;
  /** Digests of the manifests that it lists. */
  readonly children: readonly string[];
  readonly tags: readonly TagFacts[];
  readonly pushedAt: number;
  readonly pulledAt: number | null;
  /** As its config says; null where it says nothing. */
  readonly createdAt: number | null;
  readonly labels: Readonly<Record<string, string>> | null;
  readonly annotations: Readonly<Record<string, string>> | null;
  readonly platform: PlatformFacts | null;
  /** Bytes of the manifest itself. */
  readonly size: number;
  /** Places in {@link RepositoryFacts.blobs}. */
  readonly blobs: readonly number[];
  /** Workloads that run it. */
  readonly inUseBy?: readonly string[];
  /** Why nothing may delete it: a hold, or a setting. */
  readonly held?: string;
  /** ECR's: `standard` where nothing is said. */
  readonly storageClass?: "standard" | "archive";
  readonly archivedAt?: number;
  readonly activatedAt?: number;
}

/** Content that images share. */
export interface BlobFacts {
  /** Bytes. */
  readonly size: number;
  /** Something outside this repository has it, too: deleting here frees nothing. */
  readonly elsewhere: boolean;
}

/** All that a plan for one repository is made from. */
export interface RepositoryFacts {
  /** Its name as the policy's patterns see it: for Harbor without the project. */
  readonly repository: string;
  readonly images: readonly ImageFacts[];
  readonly blobs: readonly BlobFacts[];
}
