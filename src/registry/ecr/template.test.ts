import { expect, test } from "vitest";
import { readTemplate } from "./template.ts";

test("a template that was kept before templates had policies has none", () => {
  const document = JSON.stringify({ prefix: "prod", description: "", appliedFor: [], lifecyclePolicy: "" });
  const { repositoryPolicy, prefix } = readTemplate({ prefix: "prod", document, created_at: 1, changed_at: 2 });
  expect([prefix, repositoryPolicy]).toEqual(["prod", null]);
});
