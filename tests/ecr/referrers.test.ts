import { afterAll, describe, expect, test } from "vitest";
import { callBoto3 } from "../support/call-boto3.ts";
import { callEcr } from "../support/ecr-wire.ts";
import { needPeers } from "../support/peers.ts";
import { startPostgres } from "../support/postgres.ts";
import { startTestServer } from "../support/start-server.ts";
import { digestOf, WireClient } from "../support/wire-client.ts";

const postgres = await startPostgres();
afterAll(() => postgres?.stop());

const repositoryName = "team/app";
const kinds = ["application/sbom", "application/signature", "application/vex"] as const;

describe.each(["SQLite", "PostgreSQL"] as const)("%s", (kind) => {
  test("boto3 lists what refers to a digest, of some artifact types, in pages that miss none", async (context) => {
    if (kind === "PostgreSQL") needPeers(context, "postgresql");
    const server = await startTestServer(kind === "PostgreSQL" ? { database: await postgres!.makeDatabase() } : {});
    try {
      const wire = new WireClient(() => server.url);
      const subject = await wire.pushImage(repositoryName, "v1");
      const pushed: any[] = [];
      for (let number = 0; number < 60; number++) {
        const artifactType = kinds[number % kinds.length]!;
        const annotations = { number: String(number) };
        const one = await wire.pushImage(repositoryName, undefined, { artifactType, subject, annotations });
        pushed.push({ ...one, artifactType, annotations, artifactStatus: "ACTIVE" });
      }
      pushed.sort((a, b) => (a.digest < b.digest ? -1 : 1));
      const of = { repositoryName, subjectId: { imageDigest: subject.digest } };
      const artifactTypes = [kinds[0], kinds[2], kinds[0]];
      const [first, most, some, none, archived, nothing, tooMany, noDigest, nowhere] = await callBoto3(
        context,
        server.url,
        [
          ["list_image_referrers", of],
          ["list_image_referrers", { ...of, maxResults: 50 }],
          ["list_image_referrers", { ...of, maxResults: 50, filter: { artifactTypes } }],
          ["list_image_referrers", { ...of, filter: { artifactTypes: ["application/none"] } }],
          ["list_image_referrers", { ...of, filter: { artifactStatus: "ARCHIVED" } }],
          ["list_image_referrers", { ...of, subjectId: { imageDigest: digestOf("none") } }],
          ["list_image_referrers", { ...of, maxResults: 51 }],
          ["list_image_referrers", { ...of, subjectId: { imageDigest: "v1" } }],
          ["list_image_referrers", { ...of, repositoryName: "no/such" }],
        ],
      );
      expect(first.referrers).toEqual(pushed.slice(0, 20));
      expect(most.referrers).toEqual(pushed.slice(0, 50));
      expect(some.referrers).toEqual(pushed.filter(({ artifactType }) => artifactType !== kinds[1]));
      expect(some).not.toHaveProperty("nextToken");
      for (const empty of [none, archived, nothing]) expect(empty.referrers).toEqual([]);
      for (const refused of [tooMany, noDigest]) expect(refused.error.Code).toBe("InvalidParameterException");
      expect(nowhere.error.Code).toBe("RepositoryNotFoundException");

      const seen: any[] = [];
      let nextToken: string | undefined;
      do {
        const filter = { artifactTypes: [kinds[1], kinds[0]] };
        const page = await callEcr(server.url, "ListImageReferrers", { ...of, filter, maxResults: 7, nextToken });
        expect(page.status, page.text).toBe(200);
        expect(page.body.referrers.length).toBeLessThanOrEqual(7);
        seen.push(...page.body.referrers);
        nextToken = page.body.nextToken;
      } while (nextToken !== undefined);
      expect(seen).toEqual(pushed.filter(({ artifactType }) => artifactType !== kinds[2]));
      // A token goes on with its own list alone.
      const elsewhere = { ...of, subjectId: { imageDigest: digestOf("none") }, nextToken: first.nextToken };
      expect((await callEcr(server.url, "ListImageReferrers", elsewhere)).body.__type).toBe(
        "InvalidParameterException",
      );
      const listed = await wire.get(`/v2/${repositoryName}/referrers/${subject.digest}`);
      expect(listed.json<{ manifests: object[] }>().manifests).toEqual(
        pushed.map(({ artifactStatus: _status, ...descriptor }) => descriptor),
      );
      expect(server.errors).toEqual([]);
    } finally {
      await server.close();
    }
  });
});
