// npm run bench:lifecycle: plans one repository of 100,000 images by each grammar, and says seconds and memory as JSON.
import { findVersion, parseLinearPattern, parseVersionRange } from "../src/lib/patterns/index.ts";
import { parseBerthPolicy, parseEcrPolicy, parseHarborPolicy, planLifecycle } from "../src/policy/index.ts";
import type { ImageFacts, LifecyclePolicy, Patterns, RepositoryFacts } from "../src/policy/index.ts";

const count = 100_000;
const day = 86_400_000;
const now = Date.UTC(2026, 5, 1);

const patterns: Patterns = {
  regex: (source) => {
    const pattern = parseLinearPattern(source);
    return (text) => pattern.matches(text);
  },
  range: parseVersionRange as Patterns["range"],
  version: findVersion,
};

/** 70,000 single images, and 10,000 indexes with a child for a platform and an attestation each; 40 layers shared by many. */
function madeFacts(): RepositoryFacts {
  const image = (place: number, changes: Partial<ImageFacts>): ImageFacts => ({
    digest: `sha256:${place.toString(16).padStart(64, "0")}`,
    kind: "image",
    mediaType: "application/vnd.oci.image.manifest.v1+json",
    artifactType: null,
    subject: null,
    children: [],
    tags: [],
    pushedAt: now - ((place * 7919) % 400) * day - place,
    pulledAt: place % 3 === 0 ? now - ((place * 31) % 90) * day : null,
    createdAt: null,
    labels: { "org.opencontainers.image.version": `1.${place}` },
    annotations: null,
    platform: { os: "linux", architecture: place % 2 === 0 ? "amd64" : "arm64", variant: null },
    size: 1_000,
    blobs: [place % 40, 40 + place],
    ...changes,
  });
  const tag = (name: string) => ({ name, pushedAt: now - day, pulledAt: null });
  const images: ImageFacts[] = [];
  for (let place = 0; images.length < count; place = images.length) {
    const version = `v${place % 9}.${place % 97}.${place}`;
    if (place % 10 > 6 && images.length + 3 <= count) {
      const child = image(place, {});
      const attestation = image(place + 1, { platform: { os: "unknown", architecture: "unknown", variant: null } });
      const children = [child.digest, attestation.digest];
      images.push(child, attestation, image(place + 2, { kind: "index", children, tags: [tag(version)], blobs: [] }));
    } else
      images.push(image(place, { tags: place % 4 === 0 ? [] : [tag(place % 5 === 0 ? `dev-${place}` : version)] }));
  }
  return {
    repository: "app",
    images,
    blobs: Array.from({ length: count + 40 }, (_, blob) => ({ size: blob * 1_000, elsewhere: blob % 50 === 0 })),
  };
}

const since = (days: number) => ({ countType: "sinceImagePushed", countUnit: "days", countNumber: days });
const policies: Readonly<Record<string, LifecyclePolicy>> = {
  berth: parseBerthPolicy(
    {
      rules: [
        { name: "releases", action: "keep", select: { semver: ">=5" }, newest: { count: 500, by: "semver" } },
        {
          name: "pulled",
          action: "keep",
          select: { platform: ["linux/arm64"] },
          youngerThan: { days: 30, by: "pulled" },
        },
        { name: "builds", action: "expire", select: { regex: "dev-[0-9]+" }, olderThan: { days: 14 } },
        { name: "rest", action: "expire", olderThan: { days: 90 }, exceptNewest: { count: 1_000 } },
      ],
    },
    patterns,
  ),
  ecr: parseEcrPolicy(
    JSON.stringify({
      rules: [
        ...Array.from({ length: 48 }, (_, n) => ({
          rulePriority: n + 1,
          selection: {
            tagStatus: "tagged",
            tagPatternList: [`v${n % 9}.${n}.*`],
            countType: "imageCountMoreThan",
            countNumber: 20,
          },
          action: { type: "expire" },
        })),
        { rulePriority: 49, selection: { tagStatus: "untagged", ...since(7) }, action: { type: "expire" } },
        { rulePriority: 50, selection: { tagStatus: "any", ...since(90) }, action: { type: "expire" } },
      ],
    }),
  ),
  harbor: parseHarborPolicy(
    {
      algorithm: "or",
      rules: ["v[1-4].*", "v{5,6}.*", "dev-*"].map((pattern) => ({
        action: "retain",
        template: "latestPulledN",
        params: { latestPulledN: 1_000 },
        tag_selectors: [{ kind: "doublestar", decoration: "matches", pattern }],
        scope_selectors: { repository: [{ kind: "doublestar", decoration: "repoMatches", pattern: "**" }] },
      })),
    },
    patterns,
  ),
};

const facts = madeFacts();
const mib = () => Math.round(process.memoryUsage.rss() / 1_048_576);
const withFacts = mib();
const results = Object.entries(policies).map(([grammar, policy]) => {
  const began = performance.now();
  const { expired, kept, bytes } = planLifecycle(facts, policy, now);
  const seconds = Math.round(performance.now() - began) / 1_000;
  return { grammar, rules: policy.rules.length, seconds, expired, kept, bytes };
});
console.log(
  JSON.stringify({ images: facts.images.length, mibWithFacts: withFacts, mibAfterPlans: mib(), results }, null, 2),
);
