import { test } from "vitest";
import { describeConfiguration } from "./support/describe-configuration.ts";
import { expectGolden } from "./support/golden.ts";

test("docs/configuration.md says what the schema says", async () => {
  await expectGolden("../../docs/configuration.md", describeConfiguration());
});
