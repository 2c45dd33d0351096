import { expect, test } from "vitest";
import { callEcr } from "../support/ecr-wire.ts";
import { startTestServer } from "../support/start-server.ts";
import { digestOf, types, WireClient } from "../support/wire-client.ts";

const repositoryName = "team/app";

test("a repository of 3,000 images without a tag is gone over in pages that miss none and repeat none", async () => {
  const server = await startTestServer();
  try {
    const wire = new WireClient(() => server.url);
    const config = await wire.pushBlob(repositoryName, "{}", types.config);
    const pushed = new Set<string>();
    for (let number = 0; number < 3000; number += 50) {
      await Promise.all(
        Array.from({ length: 50 }, async (_, index) => {
          const annotations = { number: String(number + index) };
          const text = JSON.stringify({ schemaVersion: 2, mediaType: types.manifest, config, layers: [], annotations });
          await wire.putManifest(repositoryName, digestOf(text), text);
          pushed.add(digestOf(text));
        }),
      );
    }
    const seen: string[] = [];
    let nextToken: string | undefined;
    do {
      const input = {
        repositoryName,
        maxResults: 700,
        filter: { tagStatus: "UNTAGGED" },
        ...(nextToken && { nextToken }),
      };
      const { body } = await callEcr(server.url, "DescribeImages", input);
      seen.push(...body.imageDetails.map((one: any) => one.imageDigest));
      nextToken = body.nextToken;
    } while (nextToken !== undefined);
    expect(seen).toHaveLength(3000);
    expect(new Set(seen)).toEqual(pushed);
  } finally {
    await server.close();
  }
});
