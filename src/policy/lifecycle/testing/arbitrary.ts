import fc from "fast-check";
import type { RepositoryFacts } from "../index.ts";
import { day, now, repositoryOf } from "./repository.ts";

const tag = fc.constantFrom("v1", "v2", "v1-rc", "dev", "dev-1", "prod-a", "prod", "a/b", "latest");

const sample = fc.record({
  tags: fc.uniqueArray(tag, { maxLength: 3 }),
  // Few values, so that many are equal, and edges are met.
  age: fc.constantFrom(0, 1, 2, 3, 5, 5.001, 8, 13),
  tagAge: fc.constantFrom(0, 1, 4, 9),
  pulled: fc.option(fc.constantFrom(0, 1, 2, 5, 8)),
  // Earlier images that it lists; an earlier one that it belongs to.
  children: fc.uniqueArray(fc.nat({ max: 9 }), { maxLength: 3 }),
  subject: fc.option(fc.nat({ max: 9 }), { freq: 2 }),
  isIndex: fc.boolean(),
  blobs: fc.uniqueArray(fc.nat({ max: 7 }), { maxLength: 3 }),
  archived: fc.option(fc.constantFrom(10, 90, 100), { freq: 1 }),
  // It came back from the archive so many days ago.
  activated: fc.option(fc.constantFrom(1, 2, 5), { freq: 1 }),
});

/** Small repositories with indexes, referrers, shared blobs, equal times. An image lists, or belongs to, earlier ones only. */
export const arbitraryRepository: fc.Arbitrary<RepositoryFacts> = fc.array(sample, { maxLength: 10 }).map((samples) => {
  const digest = (place: number) => `sha256:${String(place).repeat(64)}`;
  const facts = repositoryOf(
    samples.map(({ tags, age, pulled, children, subject, isIndex, blobs, archived, activated }, place) => ({
      digest: digest(place),
      tags,
      age,
      ...(pulled === null ? {} : { pulled }),
      children: isIndex ? children.filter((child) => child < place).map(digest) : [],
      subject: !isIndex && subject !== null && subject !== place ? digest(subject) : null,
      size: 1 << place,
      blobs,
      ...(archived === null ? {} : { storageClass: "archive" as const, archivedAt: now - archived * day }),
      ...(archived !== null || activated === null
        ? {}
        : { archivedAt: now - 200 * day, activatedAt: now - activated * day }),
    })),
    Array.from({ length: 8 }, (_, blob) => 10_000 * (1 << blob)),
  );
  const images = facts.images.map((image, place) => ({
    ...image,
    // A referrer of a later image that lists it would make a ring.
    subject: image.subject !== null && image.subject > image.digest ? null : image.subject,
    tags: image.tags.map(({ name, pulledAt }) => ({ name, pulledAt, pushedAt: now - samples[place]!.tagAge * day })),
  }));
  const blobs = facts.blobs.map(({ size }, blob) => ({ size, elsewhere: blob === 7 }));
  return { ...facts, images, blobs };
});
