import fc from "fast-check";
import { expect, test } from "vitest";
import { EcrError } from "../ecr-error.ts";
import { inputs } from "./inputs.ts";
import type { OperationName } from "./inputs.ts";
import { parseInput } from "./parse-input.ts";

function refusal(name: OperationName, document: unknown): readonly [type: string, message: string] {
  try {
    parseInput(inputs[name], document, "InvalidParameterException");
  } catch (error) {
    if (error instanceof EcrError) return [error.type, error.message];
    throw error;
  }
  return ["", ""];
}

test("members that the model does not know are dropped, and null is as good as absent", () => {
  const input = { repositoryName: "team/app", force: null, other: { deep: [1] }, __proto__: { registryId: "1" } };
  expect(parseInput(inputs.DeleteRepository, input, "")).toEqual({ repositoryName: "team/app" });
});

test("what violates the model is told with value, member and rule", () => {
  expect(refusal("CreateRepository", {})).toEqual([
    "InvalidParameterException",
    "1 validation error detected: Value null at 'repositoryName' failed to satisfy constraint: Member must not be null",
  ]);
  expect(refusal("CreateRepository", { repositoryName: "a", imageTagMutability: "SOMETIMES" })[1]).toBe(
    "2 validation errors detected: Value 'a' at 'repositoryName' failed to satisfy constraint: Member must have length greater than or equal to 2; Value 'SOMETIMES' at 'imageTagMutability' failed to satisfy constraint: Member must satisfy enum value set: [MUTABLE, IMMUTABLE, IMMUTABLE_WITH_EXCLUSION, MUTABLE_WITH_EXCLUSION]",
  );
  expect(refusal("DeleteRepository", { repositoryName: "Team/App" })[1]).toMatch(
    /^Invalid parameter at 'repositoryName' failed to satisfy constraint: 'must satisfy regular expression '\[a-z0-9\]/,
  );
  expect(refusal("DescribeImages", { repositoryName: "team/app", maxResults: 1001 })[1]).toContain(
    "Value '1001' at 'maxResults' failed to satisfy constraint: Member must have value less than or equal to 1000",
  );
  expect(refusal("BatchGetImage", { repositoryName: "team/app", imageIds: [{}, { imageTag: "" }] })[1]).toContain(
    "Value '' at 'imageIds.2.member.imageTag' failed to satisfy constraint",
  );
  expect(refusal("BatchGetImage", { repositoryName: "team/app", imageIds: Array(101).fill({}) })[1]).toContain(
    "Value of 101 members at 'imageIds' failed to satisfy constraint: Member must have length less than or equal to 100",
  );
  const filters = { filterType: "WILDCARD", filter: "a b" };
  const create = { repositoryName: "team/app", imageTagMutabilityExclusionFilters: [filters] };
  expect(refusal("CreateRepository", create)[1]).toContain("'imageTagMutabilityExclusionFilters.1.member.filter'");
});

test("a value of another type is no input of the protocol", () => {
  for (const document of [null, [], "text", 1, { repositoryName: 1 }, { repositoryName: "a/b", force: "yes" }]) {
    expect(refusal("DeleteRepository", document)[0], JSON.stringify(document)).toBe("SerializationException");
  }
  const part = { repositoryName: "a/b", uploadId: "00000000-0000-0000-0000-000000000000", partFirstByte: 0 };
  for (const blob of ["a", "####", "YQ=", 1]) {
    const document = { ...part, partLastByte: 0.5, layerPartBlob: blob };
    expect(refusal("UploadLayerPart", document)[0]).toBe("SerializationException");
  }
  const whole = { ...part, partLastByte: 2, layerPartBlob: "YWJj" };
  expect(parseInput(inputs.UploadLayerPart, whole, "").layerPartBlob.toString()).toBe("abc");
});

test("whatever is sent, it is taken or refused by the model's own errors", () => {
  const names = fc.constantFrom(...(Object.keys(inputs) as OperationName[]));
  const word = fc.constantFrom("team/app", "a".repeat(300), "*", "sha256:00", "ROOT", "\0", "${x}");
  const key = fc.constantFrom("repositoryName", "imageIds", "registryId", "filter", "tags", "prefix", "rules", "Key");
  const { value } = fc.letrec((tie) => ({
    value: fc.oneof(
      { depthSize: "small" },
      word,
      fc.integer(),
      fc.boolean(),
      fc.constant(null),
      fc.array(tie("value"), { maxLength: 3 }),
      fc.dictionary(key, tie("value"), { maxKeys: 4 }),
    ),
  }));
  fc.assert(
    fc.property(names, value, (name, document) => {
      expect(["", "SerializationException", "InvalidParameterException"]).toContain(refusal(name, document)[0]);
    }),
  );
});
