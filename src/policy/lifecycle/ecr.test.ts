import { expect, test } from "vitest";
import { parseEcrPolicy, planLifecycle } from "./index.ts";
import { goneOf, now, readImages } from "./testing/repository.ts";

/**
 * A rule as `prefix:v,w keep 3`, `glob:v*-x keep 3`, `untagged 7d`, `any 5d`: tags, then a count that stays or an age in days;
 * `archive` and `pulled` transition instead.
 */
function policyOf(rules: string) {
  const text = JSON.stringify({
    rules: rules.split("; ").map((rule, index) => {
      const [tags, ...words] = rule.split(" ");
      const [kind, list] = tags!.split(":");
      const named = kind === "prefix" || kind === "glob";
      const count = words[0] === "keep";
      return {
        rulePriority: (index + 1) * 10,
        description: "A rule that the test reads from its table; the text of a policy has 100 characters at least",
        selection: {
          tagStatus: named ? "tagged" : kind,
          ...(named ? { [kind === "prefix" ? "tagPrefixList" : "tagPatternList"]: list!.split(",") } : {}),
          ...(count
            ? { countType: "imageCountMoreThan", countNumber: Number(words[1]) }
            : {
                countType: words[1] === "pulled" ? "sinceImagePulled" : "sinceImagePushed",
                countUnit: "days",
                countNumber: Number.parseInt(words[0]!, 10),
              }),
        },
        action: words.includes("archive") ? { type: "transition", targetStorageClass: "archive" } : { type: "expire" },
      };
    }),
  });
  return parseEcrPolicy(text);
}

const planOf = (images: string, rules: string) => planLifecycle(readImages(images), policyOf(rules), now);

const three = "A[beta-1,prod-1]10 B[beta-2,prod-2]9 C[beta-3]8";
const greek = "A[alpha-1]12 B[beta-1]11 C[alpha-2,beta-2]10 D[alpha-3]4 E[beta-3]3 F[alpha-4,beta-4]2";
const mixed = "A[alpha-1,beta-1]4 B[]3 C[alpha-2]2 D[0a1b2c3d]1.5 E[]1";

test.each([
  // The examples of Amazon's guide.
  ["guide 1", three, "prefix:prod keep 1; prefix:beta keep 1", "A"],
  ["guide 2", three, "prefix:beta keep 1; prefix:prod keep 1", "A B"],
  ["guide 3", greek, "prefix:alpha,beta 5d", "C"],
  [
    "guide 4",
    "A[alpha-1,beta-1,gamma-1]10 B[alpha-2,beta-2]9 C[alpha-3,beta-3,gamma-2]8",
    "prefix:alpha,beta keep 1",
    "A B",
  ],
  ["guide 5", "A[alpha-1]4 B[beta-1]3 C[]2 D[alpha-2]1", "any keep 1", "A B C"],
  ["guide 6", mixed, "prefix:alpha keep 1; untagged 1d; any keep 1", "A B D"],
  // Counting.
  ["nothing beyond the count", three, "any keep 3", ""],
  ["a count above the number of images", three, "any keep 99", ""],
  ["the oldest go first", "A[a]1 B[b]2 C[c]3", "any keep 1", "C B"],
  ["of the same time the digest decides", "B[b]1 A[a]1 C[c]1", "any keep 1", "C B"],
  ["untagged by count", "A[]3 B[]2 C[x]4", "untagged keep 1", "A"],
  ["tagged by count leaves untagged alone", "A[]9 B[v1]3 C[v2]2", "prefix:v keep 1", "B"],
  ["an image with two tags counts once", "A[v1,v2]3 B[v3]2 C[v4]1", "prefix:v keep 2", "A"],
  // Ages: strictly older.
  ["an age of just the days stays", "A[a]7 B[b]7.01", "any 7d", "B"],
  ["a young repository", "A[a]1 B[]0.5", "any 7d", ""],
  ["all are old", "A[a]8 B[]9", "any 7d", "B A"],
  ["untagged by age", "A[]8 B[a]9", "untagged 7d", "A"],
  ["a pull does not make younger", "A[a]8<1", "any 7d", "A"],
  // Prefixes and patterns, all of a list.
  ["a prefix is a beginning", "A[v1]9 B[xv1]9", "prefix:v 7d", "A"],
  ["a prefix is case-sensitive", "A[V1]9 B[v1]9", "prefix:v 7d", "B"],
  ["the whole tag is a prefix", "A[prod]9 B[pro]9", "prefix:prod 7d", "A"],
  ["a star in a prefix is a star", "A[v1]9", "prefix:v* 7d", ""],
  ["prefixes may meet in one tag", "A[alpha]9 B[alx]9", "prefix:al,alp 7d", "A"],
  ["prefixes must all be met", "A[v1]9 B[v1,w1]9", "prefix:v,w 7d", "B"],
  ["a pattern is anchored at both ends", "A[prod]9 B[prod-1]9 C[xprod]9", "glob:prod 7d", "A"],
  ["a pattern with a star at its end", "A[prod]9 B[prod-1]9 C[xprod]9", "glob:prod* 7d", "B A"],
  ["a pattern with a star before", "A[prod]9 B[prod-1]9 C[xprod]9", "glob:*prod 7d", "C A"],
  ["stars take nothing, too", "A[a-b]9 B[ab]9", "glob:a*b 7d", "B A"],
  ["four stars", "A[1a2b3c4]9 B[abc]9 C[acb]9", "glob:*a*b*c 7d", "B"],
  ["a star alone takes every tag", "A[x]9 B[]9", "glob:* 7d", "A"],
  ["patterns must all be met", "A[v1-x]9 B[v1]9 C[v2,w-x]9", "glob:v*,*-x 7d", "C A"],
  ["a dot in a pattern is a dot", "A[v1.0]9 B[v1x0]9", "glob:v1.0 7d", "A"],
  // Shielding.
  ["a rule that keeps shields", "A[prod-1]99 B[x]99", "prefix:prod keep 9999; any 30d", "B"],
  ["the other order is refused, so a tag rule comes first", "A[prod-1]99 B[]99", "untagged 30d; any 90d", "B A"],
  ["a shield by one of many tags", "A[prod-1,dev-1]99 B[dev-2]99", "prefix:prod keep 9999; prefix:dev 1d", "B"],
  ["what is shielded takes a place in the count", three, "prefix:prod keep 9; prefix:beta keep 2", ""],
  ["what has gone takes a place in the count", "A[a1]5 B[a2]4 C[b1]3 D[]2", "prefix:a keep 1; any keep 2", "A"],
  ["two rules that would both act", "A[a]9 B[b]8", "prefix:a 1d; any 1d", "A B"],
  ["three rules, the middle one shields", "A[a,b]9", "prefix:c 1d; prefix:b keep 1; any 1d", ""],
  ["an untagged rule shields from any", "A[]9 B[x]9", "untagged 30d; any 1d", "B"],
  ["a tagged rule does not shield what it does not select", "A[w]9", "prefix:v keep 1; any 1d", "A"],
  // Archive.
  ["a transition takes nothing away", "A[a]9 B[b]9", "any 1d archive", ""],
  ["a transition shields from a later rule", "A[a]9 B[b]9", "prefix:a 1d archive; any 1d", "B"],
  ["pulled lately", "A[a]9<1 B[b]9<8", "prefix:a 5d pulled archive; any 5d", "B"],
  ["a transition counts all, and the latest stay", "A[a]9 B[b]8 C[c]7", "any keep 1 archive", ""],
  // Indexes, their children, what refers to them.
  ["children of an index stay with it", "A[]9 B[]9 I[v1]9{A,B}", "untagged 1d", ""],
  ["children go with their index", "A[]9 B[]9 I[v1]9{A,B}", "prefix:v 1d", "I(A,B)"],
  ["children take no place in a count", "A[]9 B[]8 I[v1]7{A,B} J[v2]6", "any keep 2", ""],
  ["a child of two indexes stays with the one that stays", "A[]9 I[v1]9{A} J[w1]8{A}", "prefix:v 1d", "I"],
  ["a child of two indexes goes with the last", "A[]9 I[v1]9{A} J[v2]8{A}", "prefix:v 1d", "I J(A)"],
  ["a child with a tag counts on its own", "A[v1]9 I[w]8{A} J[v2]7 K[v3]6", "prefix:v keep 2", ""],
  ["a child with a tag goes when its index has gone", "A[v1]9 I[v2]8{A}", "prefix:v 1d", "I A"],
  ["a child with a tag survives its index", "A[w1]9 I[v1]8{A}", "prefix:v 1d", "I"],
  ["indexes of indexes", "A[]9 I[]9{A} J[v1]9{I}", "any 1d", "J(A,I)"],
  ["an index without a tag", "A[]9 I[]9{A}", "untagged 1d", "I(A)"],
  ["a referrer stays with its subject", "A[w]9 S[]9@A", "untagged 1d", ""],
  ["a referrer goes with its subject", "A[v]9 S[]9@A T[]9@S", "prefix:v 1d", "A(S,T)"],
  ["a referrer whose subject is not there is a root", "S[]9@X", "untagged 1d", "S"],
  ["a referrer of a child", "A[]9 I[v]9{A} S[]9@A", "prefix:v 1d", "I(A,S)"],
  ["a referrer with a tag counts on its own, after its subject", "A[w]9 S[v]9@A", "prefix:v 1d", ""],
  ["an index that lists what is not there", "I[v]9{X}", "prefix:v 1d", "I"],
  // What people write.
  [
    "keep 10 releases, drop untagged after 7 days",
    Array.from({ length: 12 }, (_, n) => `V${n}[v${n}]${30 - n}`).join(" ") + " U[]8 W[]6",
    "prefix:v keep 10; untagged 7d",
    "V0 V1 U",
  ],
  ["nothing matches", three, "prefix:nope keep 1", ""],
])("ECR: %s", (_, images, rules, gone) => {
  expect(goneOf(planOf(images, rules))).toBe(gone);
});

test("an image says the rule that took it, and the rule that shielded it from another", () => {
  const { images } = planOf(three, "prefix:prod keep 1; prefix:beta keep 1");
  expect(images.map(({ digest, because, rule, shields }) => ({ digest, because, rule, shields }))).toEqual([
    { digest: "A", because: "rule", rule: "10", shields: [] },
    { digest: "C", because: "within", rule: null, shields: [] },
    { digest: "B", because: "shielded", rule: null, shields: [{ rule: "20", by: "10" }] },
  ]);
});

test("the archive has rules of its own: what was transitioned long ago goes, what came back counts from then", () => {
  const policy = parseEcrPolicy(
    JSON.stringify({
      rules: [
        {
          rulePriority: 1,
          selection: {
            tagStatus: "any",
            storageClass: "archive",
            countType: "sinceImageTransitioned",
            countUnit: "days",
            countNumber: 90,
          },
          action: { type: "expire" },
        },
        {
          rulePriority: 2,
          selection: { tagStatus: "any", countType: "sinceImagePushed", countUnit: "days", countNumber: 30 },
          action: { type: "expire" },
        },
      ],
    }),
  );
  const facts = readImages("A[a]500 B[b]500 C[c]500 D[d]500 E[e]10");
  const at = (days: number) => now - days * 86_400_000;
  const told = [
    { storageClass: "archive", archivedAt: at(91) },
    { storageClass: "archive", archivedAt: at(90) },
    { storageClass: "standard", archivedAt: at(200), activatedAt: at(5) },
    { storageClass: "standard" },
    {},
  ] as const;
  const images = facts.images.map((image, place) => ({ ...image, ...told[place] }));
  expect(goneOf(planLifecycle({ ...facts, images }, policy, now))).toBe("D A");
});

const movedOf = (images: string, rules: string) => {
  const { images: decisions } = planOf(images, rules);
  return decisions.flatMap(({ digest, outcome }) => (outcome === "transitioned" ? [digest] : [])).join(" ");
};

test.each([
  ["the oldest first", "A[a]9 B[b]8 C[c]7", "any keep 1 archive", "A B"],
  ["strictly older", "A[a]9 B[b]5 C[c]5.01", "any 5d archive", "A C"],
  ["by its last pull", "A[a]9<1 B[b]9<8 C[c]9", "any 5d pulled archive", "C B"],
  ["a rule that keeps shields", "A[prod]9 B[b]8", "prefix:prod keep 9; any 1d archive", "B"],
  ["one image is acted on by one rule", "A[a]9 B[b]8", "prefix:a 1d; any 1d archive", "B"],
  ["what an index lists waits for the index", "A[v1]9 I[v2]8{A}", "prefix:v 1d archive", "I"],
  ["what refers to an image follows it", "A[v1]9 S[]9@A", "any 1d archive", "A"],
])("archived: %s", (_, images, rules, moved) => {
  expect(movedOf(images, rules)).toBe(moved);
});
