import { afterAll, describe, expect, test } from "vitest";
import { callBoto3 } from "../support/call-boto3.ts";
import { callEcr } from "../support/ecr-wire.ts";
import { clientOf } from "../support/management-client.ts";
import { needPeers } from "../support/peers.ts";
import { startPostgres } from "../support/postgres.ts";
import { startTestServer } from "../support/start-server.ts";

const postgres = await startPostgres();
afterAll(() => postgres?.stop());

const registryId = "000000000000";
const secret = (name: string) =>
  `arn:aws:secretsmanager:eu-central-1:${registryId}:secret:ecr-pullthroughcache/${name}`;
const customRoleArn = `arn:aws:iam::${registryId}:role/pulls`;
const hub = {
  ecrRepositoryPrefix: "docker-hub",
  upstreamRegistryUrl: "registry-1.docker.io",
  credentialArn: secret("hub"),
};
const ofAmazon = {
  ecrRepositoryPrefix: "ROOT",
  upstreamRegistryUrl: "public.ecr.aws",
  upstreamRegistry: "ecr-public",
  upstreamRepositoryPrefix: "docker/library/",
  customRoleArn,
};

describe.each(["SQLite", "PostgreSQL"] as const)("%s", (kind) => {
  const open = async () => startTestServer(kind === "PostgreSQL" ? { database: await postgres!.makeDatabase() } : {});

  test("boto3 makes, lists by pages, changes, validates and deletes rules, which read as they were written", async (context) => {
    if (kind === "PostgreSQL") needPeers(context, "postgresql");
    const server = await open();
    try {
      const answers = await callBoto3(context, server.url, [
        ["describe_pull_through_cache_rules", {}],
        ["create_pull_through_cache_rule", hub],
        ["create_pull_through_cache_rule", ofAmazon],
        ["create_pull_through_cache_rule", { ...hub, ecrRepositoryPrefix: "docker-hub/" }],
        ["describe_pull_through_cache_rules", { PaginationConfig: { PageSize: 1 } }, "pages"],
        ["describe_pull_through_cache_rules", { ecrRepositoryPrefixes: ["docker-hub"] }],
        ["describe_pull_through_cache_rules", { ecrRepositoryPrefixes: ["docker-hub", "nil"] }],
        ["update_pull_through_cache_rule", { ecrRepositoryPrefix: "docker-hub", credentialArn: secret("other") }],
        ["update_pull_through_cache_rule", { ecrRepositoryPrefix: "docker-hub", customRoleArn }],
        ["update_pull_through_cache_rule", { ecrRepositoryPrefix: "nil", customRoleArn }],
        ["validate_pull_through_cache_rule", { ecrRepositoryPrefix: "docker-hub" }],
        ["validate_pull_through_cache_rule", { ecrRepositoryPrefix: "nil" }],
        ["delete_pull_through_cache_rule", { ecrRepositoryPrefix: "docker-hub" }],
        ["delete_pull_through_cache_rule", { ecrRepositoryPrefix: "docker-hub" }],
        ["describe_pull_through_cache_rules", { ecrRepositoryPrefixes: ["docker-hub"] }],
        ["describe_pull_through_cache_rules", {}],
      ]);
      const plain = answers.map((answer: any) => {
        if (Array.isArray(answer)) return answer;
        const { ResponseMetadata: _metadata, ...members } = answer;
        return members;
      });
      const [createdAt, updatedAt] = [expect.any(Number), expect.any(Number)];
      const hubs = { ...hub, upstreamRegistry: "docker-hub", registryId };
      const publics = { ...ofAmazon, registryId };
      expect(plain.slice(0, 3)).toEqual([
        { pullThroughCacheRules: [] },
        { ...hubs, createdAt },
        { ...publics, createdAt },
      ]);
      expect(plain[3].error).toMatchObject({ Code: "PullThroughCacheRuleAlreadyExistsException", retries: 0 });
      const pages = plain[4].map((page: any) => page.pullThroughCacheRules);
      expect(pages).toEqual([[{ ...publics, createdAt, updatedAt }], [{ ...hubs, createdAt, updatedAt }]]);
      expect(plain[5].pullThroughCacheRules).toEqual([{ ...hubs, createdAt, updatedAt }]);
      const named = { ecrRepositoryPrefix: "docker-hub", registryId };
      expect(plain[7]).toEqual({ ...named, credentialArn: secret("other"), updatedAt });
      const changed = { ...named, credentialArn: secret("other"), customRoleArn };
      expect(plain[8]).toEqual({ ...changed, updatedAt });
      const failure = "The rule is kept, but nothing is pulled through yet.";
      const of = { ...changed, upstreamRegistryUrl: hub.upstreamRegistryUrl };
      expect(plain[10]).toEqual({ ...of, isValid: false, failure });
      expect(plain[12]).toEqual({ ...of, createdAt });
      for (const index of [6, 9, 11, 13, 14]) {
        expect(plain[index].error.Code, String(index)).toBe("PullThroughCacheRuleNotFoundException");
      }
      expect(plain[15].pullThroughCacheRules).toEqual([{ ...publics, createdAt, updatedAt }]);
      expect(server.errors).toEqual([]);
    } finally {
      await server.close();
    }
  });

  test("that nothing is pulled through is told with the settings, and each change is in the audit trail", async (context) => {
    if (kind === "PostgreSQL") needPeers(context, "postgresql");
    const server = await open();
    try {
      const api = clientOf(() => server.url);
      const warning = async () => (await api.get("/namespaces/-/settings")).headers.get("warning");
      expect(await warning()).toBeNull();
      expect((await callEcr(server.url, "CreatePullThroughCacheRule", hub)).status).toBe(200);
      expect(await warning()).toContain(
        `1 rule for the pull-through cache of account ${registryId}: nothing is pulled through yet`,
      );
      const named = { ecrRepositoryPrefix: hub.ecrRepositoryPrefix };
      expect((await callEcr(server.url, "DeletePullThroughCacheRule", named)).status).toBe(200);
      expect(await warning()).toBeNull();
      const { items } = (await api.get("/audit?order=latest")).body;
      const rows = items.filter(({ target }: { target: string }) => target === `ECR account ${registryId}`);
      const name = "pull-through-cache-rule/docker-hub";
      expect(rows.map(({ detail }: any) => detail)).toMatchObject([
        { unset: [name] },
        { set: { [name]: expect.stringContaining("registry-1.docker.io") } },
      ]);
      expect(server.errors).toEqual([]);
    } finally {
      await server.close();
    }
  });
});

test("rules that Amazon would not take are refused, and leave what was there", async () => {
  const server = await startTestServer();
  try {
    const unsupported = "UnsupportedUpstreamRegistryException";
    const cases: readonly (readonly [object, string, string?])[] = [
      [{ upstreamRegistryUrl: "registry.example.com" }, "is not supported", unsupported],
      [{ upstreamRegistryUrl: "https://registry-1.docker.io" }, "without a scheme", unsupported],
      [{ upstreamRegistryUrl: "azurecr.io" }, "is not supported", unsupported],
      [{ upstreamRegistryUrl: "x.registry-1.docker.io" }, "is not supported", unsupported],
      [{ upstreamRegistry: "quay" }, "must be docker-hub"],
      [{ upstreamRegistry: "hub" }, "enum value set"],
      [{ credentialArn: undefined }, "must be given for docker-hub"],
      ...["ghcr.io", "registry.gitlab.com", "cgr.dev", "myteam.azurecr.io"].map(
        (upstreamRegistryUrl) => [{ upstreamRegistryUrl, credentialArn: undefined }, "must be given for"] as const,
      ),
      [{ credentialArn: secret("hub").replace("ecr-pullthroughcache", "others-of-the-team") }, "regular expression"],
      [{ credentialArn: "arn" }, "greater than or equal to 50"],
      [{ ecrRepositoryPrefix: "a" }, "greater than or equal to 2"],
      [{ ecrRepositoryPrefix: "x".repeat(31) }, "less than or equal to 30"],
      [{ ecrRepositoryPrefix: "Docker" }, "regular expression"],
      [{ upstreamRepositoryPrefix: "a//b" }, "regular expression"],
      [{ customRoleArn: "\u0000" }, "no control characters"],
    ];
    for (const [input, sentence, type = "InvalidParameterException"] of cases) {
      const { status, body } = await callEcr(server.url, "CreatePullThroughCacheRule", { ...hub, ...input });
      expect([status, body.__type], JSON.stringify(input)).toEqual([400, type]);
      expect(body.message).toContain(sentence);
    }
    const list = async () => (await callEcr(server.url, "DescribePullThroughCacheRules")).body.pullThroughCacheRules;
    expect(await list()).toEqual([]);
    const withoutLogin = [
      "quay.io",
      "registry.k8s.io",
      "public.ecr.aws",
      "123456789012.dkr.ecr.eu-west-1.amazonaws.com",
    ];
    for (const [index, upstreamRegistryUrl] of withoutLogin.entries()) {
      const rule = { ecrRepositoryPrefix: `up${index}`, upstreamRegistryUrl };
      expect((await callEcr(server.url, "CreatePullThroughCacheRule", rule)).status).toBe(200);
    }
    for (let index = withoutLogin.length; index < 50; index++) {
      const rule = { ecrRepositoryPrefix: `up${index}`, upstreamRegistryUrl: "quay.io" };
      expect((await callEcr(server.url, "CreatePullThroughCacheRule", rule)).status).toBe(200);
    }
    expect((await callEcr(server.url, "CreatePullThroughCacheRule", hub)).body.__type).toBe("LimitExceededException");
    expect(await list()).toHaveLength(50);
    const again = { ecrRepositoryPrefix: "up1", upstreamRegistryUrl: "quay.io" };
    const { body } = await callEcr(server.url, "CreatePullThroughCacheRule", again);
    expect(body.__type).toBe("PullThroughCacheRuleAlreadyExistsException");
    expect(server.errors).toEqual([]);
  } finally {
    await server.close();
  }
});
