import { afterAll, describe, expect, test } from "vitest";
import { callBoto3 } from "../support/call-boto3.ts";
import { callEcr, ecrTarget } from "../support/ecr-wire.ts";
import { basicHeader, startGuardedServer } from "../support/management-client.ts";
import type { ApiClient } from "../support/management-client.ts";
import { needPeers } from "../support/peers.ts";
import { startPostgres } from "../support/postgres.ts";
import { signedHeaders } from "../support/sign-as.ts";
import type { Pair } from "../support/sign-as.ts";
import { startTestServer } from "../support/start-server.ts";
import type { TestServer } from "../support/start-server.ts";
import { digestOf, types } from "../support/wire-client.ts";

const postgres = await startPostgres();
afterAll(() => postgres?.stop());

const repositoryName = "team/app";
const arnOf = (name: string) => `arn:aws:iam::000000000000:${name}`;

describe.each(["SQLite", "PostgreSQL"] as const)("%s", (kind) => {
  test("pulls by users, robots and roles that boto3 excludes move no time, by any client; all others do", async (context) => {
    if (kind === "PostgreSQL") needPeers(context, "postgresql");
    const guarded = await startGuardedServer(kind === "PostgreSQL" ? { database: await postgres!.makeDatabase() } : {});
    const { server, admin } = guarded;
    try {
      const stage = new Stage(server, admin);
      await stage.open();
      const { keys } = stage;
      const [none, wrong, other, registered, twice, robot, role, listed, pages] = await callBoto3(
        context,
        server.url,
        [
          ["list_pull_time_update_exclusions", {}],
          ["register_pull_time_update_exclusion", { principalArn: "arn:aws:iam::000000000000:group/all" }],
          ["register_pull_time_update_exclusion", { principalArn: "arn:aws:iam::123456789012:user/scanner" }],
          ["register_pull_time_update_exclusion", { principalArn: arnOf("user/people/scanner") }],
          ["register_pull_time_update_exclusion", { principalArn: arnOf("user/people/scanner") }],
          ["register_pull_time_update_exclusion", { principalArn: arnOf("user/robot_team_mirror") }],
          ["register_pull_time_update_exclusion", { principalArn: arnOf("role/robot_team_job") }],
          ["list_pull_time_update_exclusions", {}],
          ["list_pull_time_update_exclusions", { maxResults: 2 }],
        ],
        { id: keys.accessKeyId, secret: keys.secretAccessKey },
      );
      expect(none.pullTimeUpdateExclusions).toEqual([]);
      expect([wrong.error.Code, other.error.Code]).toEqual(["InvalidParameterException", "InvalidParameterException"]);
      expect(registered.principalArn).toBe(arnOf("user/people/scanner"));
      expect(Math.abs(registered.createdAt - Date.now() / 1000)).toBeLessThan(600);
      expect(twice.error.Code).toBe("ExclusionAlreadyExistsException");
      expect([robot.principalArn, role.principalArn]).toEqual([
        arnOf("user/robot_team_mirror"),
        arnOf("role/robot_team_job"),
      ]);
      const all = [arnOf("role/robot_team_job"), arnOf("user/people/scanner"), arnOf("user/robot_team_mirror")];
      expect(listed.pullTimeUpdateExclusions).toEqual(all);
      expect(pages.pullTimeUpdateExclusions).toEqual(all.slice(0, 2));
      const { nextToken } = pages;
      const rest = await stage.call(keys, "ListPullTimeUpdateExclusions", { nextToken });
      expect(rest.body).toEqual({ pullTimeUpdateExclusions: all.slice(2) });

      const scanner = basicHeader("scanner", password);
      const mirror = basicHeader("robot_team_mirror", stage.robots.get("mirror")!.secret);
      const job = basicHeader("robot_team_job", stage.robots.get("job")!.secret);
      const login = (await stage.call(stage.robots.get("mirror")!, "GetAuthorizationToken")).body.authorizationData[0];
      const acting = await stage.actAs("job");
      const asRole = (await stage.call(acting, "GetAuthorizationToken")).body.authorizationData[0];
      const excluded = [
        scanner,
        mirror,
        `Basic ${login.authorizationToken}`,
        `Basic ${asRole.authorizationToken}`,
        await stage.exchange(scanner),
        await stage.exchange(mirror),
        await stage.exchange(`Basic ${asRole.authorizationToken}`),
      ];
      // Often enough that answers are cached.
      for (const shown of [...excluded, ...excluded, ...excluded]) await stage.pull(shown);
      const got = await stage.call(stage.robots.get("mirror")!, "BatchGetImage", {
        repositoryName,
        imageIds: [{ imageTag: "v1" }],
      });
      expect(got.body.images).toHaveLength(1);
      await server.restart();
      expect(await stage.pulledAt()).toBeUndefined();
      // The robot by its own secret is a user, not the role.
      await stage.pull(job);
      await server.restart();
      const first = await stage.pulledAt();
      expect(first).toBeGreaterThan(0);

      const gone = await stage.call(keys, "DeregisterPullTimeUpdateExclusion", {
        principalArn: arnOf("user/people/scanner"),
      });
      expect(gone.body).toEqual({ principalArn: arnOf("user/people/scanner") });
      const again = await stage.call(keys, "DeregisterPullTimeUpdateExclusion", {
        principalArn: arnOf("user/people/scanner"),
      });
      expect(again.body.__type).toBe("ExclusionNotFoundException");
      await stage.pull(mirror);
      await stage.pull(scanner);
      await server.restart();
      expect(await stage.pulledAt()).toBeGreaterThan(first!);
      const { body } = await admin.get("/audit?order=latest&action=change-settings");
      expect(JSON.stringify(body.items[0])).toContain(arnOf("user/people/scanner"));
      expect(server.errors).toEqual([]);
    } finally {
      await guarded.close();
    }
  });
});

test("an exclusion made on one node holds on another within two seconds", async (context) => {
  needPeers(context, "postgresql");
  const database = await postgres!.makeDatabase();
  const guarded = await startGuardedServer({ database });
  const { server, admin } = guarded;
  const other = await startTestServer({ open: false, database, data: server.config.data });
  try {
    const stage = new Stage(server, admin);
    await stage.open();
    const shown = basicHeader("scanner", password);
    await stage.pull(shown, other.url);
    await stage.call(stage.keys, "RegisterPullTimeUpdateExclusion", { principalArn: arnOf("user/scanner") });
    await other.restart();
    const first = await stage.pulledAt();
    expect(first).toBeGreaterThan(0);
    await stage.pull(shown, other.url);
    await other.restart();
    expect(await stage.pulledAt()).toBe(first);
    await stage.call(stage.keys, "DeregisterPullTimeUpdateExclusion", { principalArn: arnOf("user/scanner") });
    await expect
      .poll(async () => {
        await stage.pull(shown, other.url);
        await other.restart();
        return stage.pulledAt();
      })
      .toBeGreaterThan(first!);
  } finally {
    await other.stop();
    await guarded.close();
  }
});

const password = "a long pass phrase of nobody";

interface Robot extends Pair {
  readonly secret: string;
}

/** A repository with one image, a user and two robots that may pull it. */
class Stage {
  readonly server: TestServer;
  readonly robots = new Map<string, Robot>();
  keys!: Pair;
  readonly #admin: ApiClient;

  constructor(server: TestServer, admin: ApiClient) {
    this.server = server;
    this.#admin = admin;
  }

  async open(): Promise<void> {
    const post = async (path: string, body: object) => {
      const made = await this.#admin.post(path, body);
      expect(made.status, made.text).toBe(201);
      return made.body;
    };
    await post("/namespaces", { path: "team" });
    await post("/users", { name: "scanner", password });
    await post("/namespaces/team/-/grants", { to: { user: "scanner" }, role: "reader" });
    this.keys = await post("/users/admin/tokens", { name: "aws", aws: true });
    for (const name of ["mirror", "job"]) {
      const scope = [{ namespace: "team", actions: ["pull"] }];
      const { secret } = await post("/namespaces/team/-/robots", { name, scope });
      const pair = await post(`/namespaces/team/-/robots/${name}/secrets`, { aws: true, overlap: 3600 });
      this.robots.set(name, { ...pair, secret });
    }
    const made = await this.call(this.keys, "CreateRepository", { repositoryName });
    expect(made.status, made.text).toBe(200);
    const authorization = basicHeader("admin", "correct horse battery staple");
    const send = (method: string, path: string, body: string, type: string) =>
      fetch(`${this.server.url}/v2/${repositoryName}${path}`, {
        method,
        headers: { authorization, "content-type": type },
        body,
      });
    for (const text of ["{}", "layer"]) {
      const sent = await send("POST", `/blobs/uploads/?digest=${digestOf(text)}`, text, types.layer);
      expect(sent.status).toBe(201);
    }
    const manifest = JSON.stringify({
      schemaVersion: 2,
      mediaType: types.manifest,
      config: { mediaType: types.config, digest: digestOf("{}"), size: 2 },
      layers: [{ mediaType: types.layer, digest: digestOf("layer"), size: 5 }],
    });
    expect((await send("PUT", "/manifests/v1", manifest, types.manifest)).status).toBe(201);
  }

  async call(pair: Pair, operation: string, input: object = {}) {
    const body = JSON.stringify(input);
    const { host, url } = this.server;
    const wish = { region: "eu-central-1", host, body, target: `${ecrTarget}${operation}` };
    const { Host: _host, "Content-Length": _length, ...headers } = signedHeaders(pair, wish);
    return callEcr(url, operation, body, headers);
  }

  /** A session of the administrator as the robot. */
  async actAs(robot: string): Promise<Pair> {
    const RoleArn = arnOf(`role/robot_team_${robot}`);
    const form = { Action: "AssumeRole", Version: "2011-06-15", RoleArn, RoleSessionName: "nightly" };
    const body = new URLSearchParams(form).toString();
    const type = "application/x-www-form-urlencoded; charset=utf-8";
    const wish = { service: "sts", region: "eu-central-1", host: this.server.host, body, type };
    const { Host: _host, "Content-Length": _length, ...headers } = signedHeaders(this.keys, wish);
    const answer = await fetch(this.server.url, { method: "POST", headers, body });
    const text = await answer.text();
    expect(answer.status, text).toBe(200);
    const of = (name: string) => new RegExp(`<${name}>([^<]+)<`).exec(text)![1]!;
    return {
      accessKeyId: of("AccessKeyId"),
      secretAccessKey: of("SecretAccessKey"),
      sessionToken: of("SessionToken"),
    };
  }

  /** A registry token for the login. */
  async exchange(authorization: string): Promise<string> {
    const { host, url } = this.server;
    const scope = `repository:${repositoryName}:pull`;
    const answer = await fetch(`${url}/token?service=${host}&scope=${scope}`, { headers: { authorization } });
    expect(answer.status).toBe(200);
    return `Bearer ${((await answer.json()) as { token: string }).token}`;
  }

  async pull(authorization: string, url = this.server.url): Promise<void> {
    const answer = await fetch(`${url}/v2/${repositoryName}/manifests/v1`, { headers: { authorization } });
    expect(answer.status, await answer.text()).toBe(200);
  }

  async pulledAt(): Promise<number | undefined> {
    const { body } = await this.call(this.keys, "DescribeImages", { repositoryName });
    return body.imageDetails[0].lastRecordedPullTime;
  }
}
