import { setTimeout } from "node:timers/promises";
import { afterAll, describe, expect, test } from "vitest";
import { placeOfRepository } from "../../src/api/ecr/index.ts";
import { callEcr } from "../support/ecr-wire.ts";
import { clientOf } from "../support/management-client.ts";
import { needPeers } from "../support/peers.ts";
import { startPostgres } from "../support/postgres.ts";
import { Receiver } from "../support/receiver.ts";
import { startTestServer } from "../support/start-server.ts";
import { WireClient } from "../support/wire-client.ts";

const postgres = await startPostgres();
afterAll(() => postgres?.stop());

const accounts = [
  { id: "111111111111", namespace: "" },
  { id: "123456789012", namespace: "shop", region: "eu-central-1" },
  { id: "210987654321", namespace: "shop", region: "eu-west-1" },
];

test("a repository is in the account of the nearest namespace above it, the first of several", () => {
  const settings = { accounts, createOnPush: false, strict: false };
  const arn = (region: string, account: string, name: string) => `arn:aws:ecr:${region}:${account}:repository/${name}`;
  expect(placeOfRepository(settings, "shop/web/app")).toEqual({
    ...{ account: "123456789012", region: "eu-central-1", name: "web/app" },
    arn: arn("eu-central-1", "123456789012", "web/app"),
  });
  // A name that only begins alike is not below it; an account without a region is in the one that Amazon's clients begin with.
  expect(placeOfRepository(settings, "shopping/app")).toEqual({
    ...{ account: "111111111111", region: "us-east-1", name: "shopping/app" },
    arn: arn("us-east-1", "111111111111", "shopping/app"),
  });
  const elsewhere = { accounts: accounts.slice(1), createOnPush: false, strict: false };
  expect(placeOfRepository(elsewhere, "lab/app")).toMatchObject({ account: "000000000000", name: "lab/app" });
  expect(placeOfRepository({ accounts: [], createOnPush: false, strict: false }, "shop/app")).toMatchObject({
    ...{ account: "000000000000", name: "shop/app" },
  });
});

describe.each(["SQLite", "PostgreSQL"] as const)("%s", (kind) => {
  test("a receiver of EventBridge's events follows pushes, tags and deletes of an account, each once and in order", async (context) => {
    if (kind === "PostgreSQL") needPeers(context, "postgresql");
    const receiver = await Receiver.open();
    const server = await startTestServer({
      ...(kind === "PostgreSQL" ? { database: await postgres!.makeDatabase() } : {}),
      ...{ ecr: { accounts }, outgoing: { allow: ["127.0.0.0/8"] }, undo: { window: "0s" } },
    });
    try {
      const api = clientOf(() => server.url);
      expect((await api.post("/namespaces", { path: "shop" })).status).toBe(201);
      const made = await api.post("/webhooks", {
        ...{ namespace: "shop", url: `${receiver.url}/events`, format: "eventbridge" },
      });
      expect([made.status, made.body.format]).toEqual([201, "eventbridge"]);
      const wire = new WireClient(() => server.url);
      const name = "shop/app";
      const one = await wire.pushImage(name, "v1");
      const text = (await wire.get(`/v2/${name}/manifests/v1`)).text;
      // The same again changes no tag, and is a push all the same.
      expect((await wire.putManifest(name, "v1", text)).status).toBe(201);
      const call = async (operation: string, input: object) => {
        const answer = await callEcr(server.url, operation, { registryId: "123456789012", ...input });
        expect(answer.status, answer.text).toBe(200);
        return answer.body;
      };
      await call("PutImage", { repositoryName: "app", imageManifest: text, imageTag: "v2" });
      const two = await wire.pushImage(name, undefined, { annotations: { note: "two" } });
      const tags = `/v2/${name}/manifests/v2`;
      expect((await wire.call("DELETE", tags)).status).toBe(202);
      await call("PutImage", { repositoryName: "app", imageManifest: text, imageTag: "v3" });
      await call("BatchDeleteImage", { repositoryName: "app", imageIds: [{ imageDigest: one.digest }] });
      await call("BatchDeleteImage", { repositoryName: "app", imageIds: [{ imageDigest: two.digest }] });
      const said = () =>
        receiver.got.map(({ body }) => {
          const { detail } = JSON.parse(body);
          return `${detail["action-type"]} ${detail["image-digest"] === one.digest ? "one" : "two"} ${detail["image-tag"] ?? "-"}`;
        });
      for (let look = 0; look < 3_000 && receiver.got.length < 9; look++) await setTimeout(10);
      // What is about one tag or digest comes in its order; the second image is a stranger to the first.
      const of = (image: string) => said().filter((line) => line.split(" ")[1] === image);
      expect(of("one")).toEqual([
        ...["PUSH one v1", "PUSH one v1", "PUSH one v2", "DELETE one v2", "PUSH one v3"],
        ...["DELETE one v1", "DELETE one v3"],
      ]);
      expect(of("two")).toEqual(["PUSH two -", "DELETE two -"]);
      for (const { headers, body } of receiver.got) {
        expect(headers["content-type"]).toBe("application/json");
        expect(JSON.parse(body)).toEqual({
          ...{ version: "0", id: expect.stringMatching(/^[0-9a-f-]{36}$/), "detail-type": "ECR Image Action" },
          ...{ source: "aws.ecr", account: "123456789012", region: "eu-central-1" },
          time: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/),
          resources: ["arn:aws:ecr:eu-central-1:123456789012:repository/app"],
          detail: expect.objectContaining({ result: "SUCCESS", "repository-name": "app" }),
        });
      }
      for (const key of ["webhook-id", "id"]) {
        const ids = receiver.got.map(({ headers, body }) => headers[key] ?? JSON.parse(body)[key]);
        expect(new Set(ids).size, key).toBe(9);
      }
      expect(server.errors).toEqual([]);
    } finally {
      await server.close();
      await receiver.close();
    }
  });
});
