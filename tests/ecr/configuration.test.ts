import { afterAll, describe, expect, test } from "vitest";
import { callBoto3 } from "../support/call-boto3.ts";
import { callEcr } from "../support/ecr-wire.ts";
import { clientOf } from "../support/management-client.ts";
import { needPeers } from "../support/peers.ts";
import { startPostgres } from "../support/postgres.ts";
import { startTestServer } from "../support/start-server.ts";
import { WireClient } from "../support/wire-client.ts";

const postgres = await startPostgres();
afterAll(() => postgres?.stop());

const registryId = "000000000000";
const ofFilter = (filter: string, filterType = "WILDCARD") => ({ filter, filterType });

describe.each(["SQLite", "PostgreSQL"] as const)("%s", (kind) => {
  const open = async () => startTestServer(kind === "PostgreSQL" ? { database: await postgres!.makeDatabase() } : {});

  test("boto3 reads scanning and replication of a registry back as it put them", async (context) => {
    if (kind === "PostgreSQL") needPeers(context, "postgresql");
    const server = await open();
    try {
      const replication = {
        rules: [
          {
            destinations: [
              { region: "us-west-2", registryId: "123456789012" },
              { region: "eu-west-1", registryId },
            ],
            repositoryFilters: [ofFilter("prod", "PREFIX_MATCH"), ofFilter("base/", "PREFIX_MATCH")],
          },
          { destinations: [{ region: "ap-south-1", registryId }] },
        ],
      };
      const rules = [
        { scanFrequency: "SCAN_ON_PUSH", repositoryFilters: [ofFilter("*-dev"), ofFilter("team")] },
        { scanFrequency: "CONTINUOUS_SCAN", repositoryFilters: [ofFilter("team/prod*")] },
      ];
      const [image] = [await new WireClient(() => server.url).pushImage("team/prod-app", "v1")];
      const answers = await callBoto3(context, server.url, [
        ["describe_registry", {}],
        ["get_registry_scanning_configuration", {}],
        ["put_replication_configuration", { replicationConfiguration: replication }],
        ["describe_registry", {}],
        ["put_registry_scanning_configuration", { scanType: "ENHANCED", rules }],
        ["get_registry_scanning_configuration", {}],
        ["create_repository", { repositoryName: "other", imageScanningConfiguration: { scanOnPush: true } }],
        ["create_repository", { repositoryName: "team-x" }],
        [
          "batch_get_repository_scanning_configuration",
          { repositoryNames: ["team/prod-app", "gone", "other", "team-x", "other"] },
        ],
        ["describe_image_replication_status", { repositoryName: "team/prod-app", imageId: { imageTag: "v1" } }],
        ["describe_image_replication_status", { repositoryName: "team/prod-app", imageId: { imageTag: "v2" } }],
        ["describe_image_replication_status", { repositoryName: "gone", imageId: { imageTag: "v1" } }],
        ["put_registry_scanning_configuration", { scanType: "BASIC", rules: [] }],
        ["put_replication_configuration", { replicationConfiguration: { rules: [] } }],
        ["batch_get_repository_scanning_configuration", { repositoryNames: ["other"] }],
        ["get_registry_scanning_configuration", {}],
        ["describe_registry", {}],
      ]);
      const plain = answers.map(({ ResponseMetadata: _metadata, ...answer }: any) => answer);
      const arn = (name: string) => `arn:aws:ecr:eu-central-1:${registryId}:repository/${name}`;
      const scanned = (repositoryName: string, scanFrequency: string, ...filters: string[]) => ({
        ...{
          repositoryArn: arn(repositoryName),
          repositoryName,
          scanOnPush: scanFrequency !== "MANUAL",
          scanFrequency,
        },
        appliedScanFilters: filters.map((one) => ofFilter(one)),
      });
      const nothing = { registryId, replicationConfiguration: { rules: [] } };
      const basic = { registryId, scanningConfiguration: { scanType: "BASIC", rules: [] } };
      expect(plain.slice(0, 6)).toEqual([
        nothing,
        basic,
        { replicationConfiguration: replication },
        { registryId, replicationConfiguration: replication },
        { registryScanningConfiguration: { scanType: "ENHANCED", rules } },
        { registryId, scanningConfiguration: { scanType: "ENHANCED", rules } },
      ]);
      expect(plain[8]).toEqual({
        scanningConfigurations: [
          scanned("team/prod-app", "CONTINUOUS_SCAN", "team", "team/prod*"),
          scanned("other", "MANUAL"),
          scanned("team-x", "SCAN_ON_PUSH", "team"),
        ],
        failures: [
          {
            repositoryName: "gone",
            failureCode: "REPOSITORY_NOT_FOUND",
            failureReason: "REPOSITORY_NOT_FOUND",
          },
        ],
      });
      expect(plain[9]).toEqual({
        repositoryName: "team/prod-app",
        imageId: { imageTag: "v1", imageDigest: image.digest },
        replicationStatuses: [],
      });
      expect(plain[10].error.Code).toBe("ImageNotFoundException");
      expect(plain[11].error.Code).toBe("RepositoryNotFoundException");
      // In a registry that scans BASIC the repository's own word counts.
      expect(plain[14].scanningConfigurations).toEqual([scanned("other", "SCAN_ON_PUSH")]);
      expect(plain.slice(15)).toEqual([basic, nothing]);
      expect(server.errors).toEqual([]);
    } finally {
      await server.close();
    }
  });

  test("what does not act is told with the settings of the namespace, and is in the audit trail", async (context) => {
    if (kind === "PostgreSQL") needPeers(context, "postgresql");
    const server = await open();
    try {
      const { url } = server;
      const warnings = async () => {
        const answer = await fetch(`${url}/api/v1/namespaces/-/settings`);
        expect(answer.status).toBe(200);
        return answer.headers.get("warning");
      };
      expect(await warnings()).toBeNull();
      const replicationConfiguration = { rules: [{ destinations: [{ region: "us-east-1", registryId }] }] };
      expect((await callEcr(url, "PutReplicationConfiguration", { replicationConfiguration })).status).toBe(200);
      const told = await warnings();
      expect(told).toContain(`1 rule for the replication of account ${registryId}: nothing is replicated yet`);
      expect(told).not.toContain("scanned");
      const rows = (await clientOf(() => url).get("/audit?order=latest")).body.items;
      const row = rows.find(({ target }: { target: string }) => target === `ECR account ${registryId}`);
      expect(row).toMatchObject({
        action: "change-settings",
        detail: { set: { replication: replicationConfiguration } },
      });
      expect(server.errors).toEqual([]);
    } finally {
      await server.close();
    }
  });
});

describe.each(["SQLite", "PostgreSQL"] as const)("%s", (kind) => {
  test("signing is kept as boto3 put it, read back, taken away, and told not to act", async (context) => {
    if (kind === "PostgreSQL") needPeers(context, "postgresql");
    const server = await startTestServer(kind === "PostgreSQL" ? { database: await postgres!.makeDatabase() } : {});
    try {
      const image = await new WireClient(() => server.url).pushImage("team/app", "v1");
      const signingProfileArn = `arn:aws:signer:eu-central-1:${registryId}:/signing-profiles/release_1`;
      const repositoryFilters = ["team/*", "a-b.*"].map((filter) => ({ filter, filterType: "WILDCARD_MATCH" }));
      const signingConfiguration = { rules: [{ signingProfileArn, repositoryFilters }, { signingProfileArn }] };
      const put = (rules: object[]) => ["put_signing_configuration", { signingConfiguration: { rules } }] as const;
      const of = { repositoryName: "team/app" };
      const ofArn = (arn: string) => put([{ signingProfileArn: arn }]);
      const [before, gone, wrong, path, many, kept, shown, status, unknown, nowhere] = await callBoto3(
        context,
        server.url,
        [
          ["get_signing_configuration", {}],
          ["delete_signing_configuration", {}],
          ofArn("arn:aws:signer:eu-central-1:1:/signing-profiles/release"),
          put([{ signingProfileArn, repositoryFilters: [{ filter: "Team", filterType: "WILDCARD_MATCH" }] }]),
          put(Array.from({ length: 11 }, () => ({ signingProfileArn }))),
          ["put_signing_configuration", { signingConfiguration }],
          ["get_signing_configuration", {}],
          ["describe_image_signing_status", { ...of, imageId: { imageTag: "v1" } }],
          ["describe_image_signing_status", { ...of, imageId: { imageTag: "v2" } }],
          ["describe_image_signing_status", { repositoryName: "no/such", imageId: { imageTag: "v1" } }],
        ],
      );
      for (const one of [before, gone]) expect(one.error.Code).toBe("SigningConfigurationNotFoundException");
      for (const one of [wrong, path, many]) expect(one.error.Code).toBe("InvalidParameterException");
      expect(kept.signingConfiguration).toEqual(signingConfiguration);
      expect(shown).toMatchObject({ registryId, signingConfiguration });
      expect(status).toMatchObject({
        ...{ registryId, ...of, signingStatuses: [] },
        imageId: { imageTag: "v1", imageDigest: image.digest },
      });
      expect([unknown.error.Code, nowhere.error.Code]).toEqual([
        "ImageNotFoundException",
        "RepositoryNotFoundException",
      ]);
      const told = async () => (await fetch(`${server.url}/api/v1/namespaces/-/settings`)).headers.get("warning");
      expect(await told()).toContain(`2 rules for the signing of account ${registryId}: nothing is signed yet`);
      const [taken, after] = await callBoto3(context, server.url, [
        ["delete_signing_configuration", {}],
        ["get_signing_configuration", {}],
      ]);
      expect(taken).toMatchObject({ registryId, signingConfiguration });
      expect(after.error.Code).toBe("SigningConfigurationNotFoundException");
      expect(await told()).toBeNull();
      expect(server.errors).toEqual([]);
    } finally {
      await server.close();
    }
  });
});

test("rules that cannot hold are refused, and leave what was there", async () => {
  const server = await startTestServer();
  try {
    const rule = (scanFrequency: string, filter = "*") => ({ scanFrequency, repositoryFilters: [ofFilter(filter)] });
    const to = (...destinations: { region: string; registryId: string }[]) => ({ destinations });
    const many = Array.from({ length: 26 }, (_, i) => ({ region: `region-${i}`, registryId }));
    const prefix = { ...to(), repositoryFilters: [ofFilter("a", "PREFIX_MATCH")] };
    const scanning = "PutRegistryScanningConfiguration";
    const replication = "PutReplicationConfiguration";
    const cases: readonly (readonly [string, object, string])[] = [
      [scanning, { scanType: "BASIC", rules: [rule("CONTINUOUS_SCAN")] }, "SCAN_ON_PUSH or MANUAL"],
      [scanning, { rules: [rule("CONTINUOUS_SCAN")] }, "where scanType is BASIC"],
      [scanning, { scanType: "ENHANCED", rules: [rule("MANUAL")] }, "SCAN_ON_PUSH or CONTINUOUS_SCAN"],
      [scanning, { scanType: "BASIC", rules: [rule("SCAN_ON_PUSH"), rule("SCAN_ON_PUSH", "a")] }, "one rule for each"],
      [scanning, { scanType: "FULL", rules: [] }, "enum value set"],
      [scanning, { scanType: "BASIC", rules: [rule("SCAN_ON_PUSH", "UPPER")] }, "regular expression"],
      [scanning, { rules: [rule("MANUAL"), rule("SCAN_ON_PUSH"), rule("CONTINUOUS_SCAN")] }, "less than or equal to 2"],
      [
        replication,
        { rules: [to({ region: "eu-central-1", registryId })] },
        "cannot be the same as the source registry",
      ],
      [replication, { rules: [to(...many)] }, "at most 25 destinations"],
      [replication, { rules: [prefix] }, "greater than or equal to 2"],
      [replication, { rules: Array.from({ length: 11 }, () => to()) }, "less than or equal to 10"],
    ];
    for (const [operation, input, sentence] of cases) {
      const sent = operation === replication ? { replicationConfiguration: input } : input;
      const { status, body } = await callEcr(server.url, operation, sent);
      expect([status, body.__type], JSON.stringify(input).slice(0, 100)).toEqual([400, "InvalidParameterException"]);
      expect(body.message).toContain(sentence);
    }
    const { body } = await callEcr(server.url, "GetRegistryScanningConfiguration");
    expect(body.scanningConfiguration).toEqual({ scanType: "BASIC", rules: [] });
    expect((await callEcr(server.url, "DescribeRegistry")).body.replicationConfiguration).toEqual({ rules: [] });
    expect(server.errors).toEqual([]);
  } finally {
    await server.close();
  }
});
