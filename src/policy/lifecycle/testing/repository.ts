import { findVersion, parseLinearPattern, parseVersionRange } from "../../../lib/patterns/index.ts";
import type { ImageFacts, LifecyclePlan, Patterns, RepositoryFacts } from "../index.ts";

export const day = 86_400_000;

/** The time at which all plans of tests are made. */
export const now = Date.UTC(2026, 5, 1);

/** The matchers that the server uses, too. */
export const patterns: Patterns = {
  regex: (source) => {
    const pattern = parseLinearPattern(source);
    return (text) => pattern.matches(text);
  },
  range: parseVersionRange as Patterns["range"],
  version: findVersion,
};

/** An image of which a test says only what matters to it. Ages are days before {@link now}. */
export interface SampleImage extends Partial<Omit<ImageFacts, "tags" | "pushedAt" | "pulledAt">> {
  readonly digest: string;
  readonly tags?: readonly string[];
  readonly age: number;
  readonly pulled?: number;
}

/** A repository of images; blobs as sizes, all of them here alone. */
export function repositoryOf(samples: readonly SampleImage[], blobs: readonly number[] = []): RepositoryFacts {
  return {
    repository: "app",
    images: samples.map(({ age, tags = [], pulled, ...facts }) => {
      const pushedAt = now - age * day;
      const pulledAt = pulled === undefined ? null : now - pulled * day;
      return {
        kind: (facts.children ?? []).length > 0 ? "index" : "image",
        mediaType: "application/vnd.oci.image.manifest.v1+json",
        artifactType: null,
        subject: null,
        children: [],
        createdAt: null,
        labels: null,
        annotations: null,
        platform: null,
        size: 0,
        blobs: [],
        ...facts,
        tags: tags.map((name) => ({ name, pushedAt, pulledAt })),
        pushedAt,
        pulledAt,
      };
    }),
    blobs: blobs.map((size) => ({ size, elsewhere: false })),
  };
}

/**
 * Reads images as `A[v1,latest]10 B[]9.5<1`: digest, tags, days since the push, days since the pull; `C[]3{A,B}` lists A and B,
 * `D[]3@A` has the subject A.
 */
export function readImages(text: string): RepositoryFacts {
  const pattern = /^(\w+)\[([^\]]*)\]([\d.]+)(?:<([\d.]+))?(?:\{([^}]*)\})?(?:@(\w+))?$/;
  return repositoryOf(
    text.split(" ").map((word) => {
      const [, digest, tags, age, pulled, children, subject] = pattern.exec(word) ?? [];
      if (digest === undefined) throw new SyntaxError(`${word} is no image`);
      return {
        digest,
        tags: tags === "" ? [] : tags!.split(","),
        age: Number(age),
        ...(pulled === undefined ? {} : { pulled: Number(pulled) }),
        ...(children === undefined ? {} : { children: children.split(",") }),
        ...(subject === undefined ? {} : { subject }),
      };
    }),
  );
}

/** Digests that go, what goes along in brackets, in the order in which they go: `C(A,B) D`. */
export function goneOf(plan: LifecyclePlan): string {
  return plan.images
    .filter(({ outcome }) => outcome === "expired")
    .map(({ digest, along }) => (along.length === 0 ? digest : `${digest}(${along.toSorted().join(",")})`))
    .join(" ");
}
