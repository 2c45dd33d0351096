import type { Parameter } from "../statement.ts";
import { sampleDigest } from "./loaded-tables.ts";

/** Parameters that make a statement work: the busiest repository, the most shared blob, the longest lists. */
export const samples: { readonly [statement: string]: { readonly [parameter: string]: Parameter } } = {
  findLinkedBlob: { digest: sampleDigest({ blob: 1 }) },
  findManifestByDigest: { digest: sampleDigest({ manifest: 2 }) },
  listReferrers: { subject: sampleDigest({ manifest: 2 }), after: "" },
  listReferrersOfType: {
    subject: sampleDigest({ manifest: 2 }),
    artifactType: "application/vnd.example.rare",
    after: "",
  },
  findImage: { digest: sampleDigest({ manifest: 2 }) },
  findImageBound: { beforeTime: 1_000_000, beforeId: 0, from: 0, skip: 1999 },
  listImages: {
    from: 0,
    fromId: 0,
    beforeTime: 1_000_000,
    beforeId: 0,
    pattern: null,
    untagged: 0,
    os: null,
    architecture: null,
    variant: null,
  },
  findEcrImages: { digests: [2, 4, 6].map((manifest) => sampleDigest({ manifest })) },
  listEcrImages: { from: 0, fromId: 0, beforeTime: 1_000_000, beforeId: 0, tagged: 0, untagged: 0, archived: null },
  listUntaggedDigests: { from: 0, fromId: 0, beforeTime: 1_000_000, beforeId: 0, archived: null },
  resolveTagNames: { names: ["v000002", "v000004", "v000006"] },
  listTagRows: { after: "v010000", pattern: "v*" },
  listTags: { after: "v010000" },
  lockBlob: { digest: sampleDigest({ blob: 1 }) },
  lockChildren: { digests: [2, 4, 6].map((manifest) => sampleDigest({ manifest })) },
  lockLinks: { digests: [2, 4, 6].map((blob) => sampleDigest({ blob })) },
  lockManifest: { digest: sampleDigest({ manifest: 2 }) },
  resolveDigest: { digest: sampleDigest({ manifest: 2 }) },
};

/** The others, by their type. */
export const ofType: { readonly [type: string]: (parameter: string) => Parameter } = {
  bigint: (parameter) => (parameter === "limit" ? 10 : 1),
  integer: () => 1,
  text: (parameter) => ({ repository: "team/app-000001", tag: "v000002", kind: "blob" })[parameter] ?? "v000002",
  bytea: () => Buffer.from("{}"),
  "bigint[]": () => [2, 4, 6],
  "text[]": () => ["d/000001", "d/000002"],
};
