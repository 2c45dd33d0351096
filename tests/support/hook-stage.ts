import { setTimeout } from "node:timers/promises";
import { operator } from "../../src/access/index.ts";
import type { Access, Caller } from "../../src/access/index.ts";
import { makeWebhookSecret, openWebhooks } from "../../src/jobs/index.ts";
import type { Webhooks } from "../../src/jobs/index.ts";
import { openGuardedFetch } from "../../src/lib/index.ts";
import { findWebhook, listDeliveries } from "../../src/metadata/index.ts";
import type { DeliveryRow, Metadata, WebhookRow } from "../../src/metadata/index.ts";
import { parseRepositoryName, parseTag } from "../../src/oci/index.ts";
import { pushBlob, pushManifest } from "../../src/registry/index.ts";
import type { Registry } from "../../src/registry/index.ts";
import type { AllWrites } from "../../src/writes.ts";
import { openTestDatabase } from "./open-database.ts";
import type { TestDatabase } from "./open-database.ts";
import { digestOf, imageOf, imageType } from "./open-registry.ts";
import { callerOf, grant, makeAccount, makeNamespace, openGuarded } from "./open-rights.ts";
import type { Postgres } from "./postgres.ts";
import { Receiver } from "./receiver.ts";

export const everybody = callerOf(operator);
export const app = parseRepositoryName("team/app");

/** Patience of milliseconds. */
const quick = {
  look: 20,
  // Nobody loses it because a machine is busy; who wants to lose it says so.
  lease: 30_000,
  attempts: 4,
  pause: { first: 10, factor: 2, most: 40 },
  threshold: 6,
  rest: { first: 100, factor: 2, most: 400 },
  giveUp: 60_000,
};

/** An account for all that is in `team`. */
const ecrPlaceOf = (repository: string) => {
  const name = repository.replace(/^team\//, "");
  const arn = `arn:aws:ecr:eu-west-1:123456789012:repository/${name}`;
  return { account: "123456789012", region: "eu-west-1", name, arn };
};

/** A registry, a receiver, and webhooks between them: what tests of both databases play on. */
export class HookStage {
  readonly metadata: Metadata<AllWrites>;
  readonly database: TestDatabase;
  readonly registry: Registry & { readonly access: Access };
  /** Of the namespace `team`. */
  readonly team: number;
  /** A maintainer of `team`. */
  readonly olga: Caller;
  receiver: Receiver;
  opened: Webhooks[] = [];
  alarms: string[] = [];

  private constructor(database: TestDatabase, of: Pick<HookStage, "registry" | "team" | "olga" | "receiver">) {
    this.database = database;
    this.metadata = database.metadata;
    ({ registry: this.registry, team: this.team, olga: this.olga, receiver: this.receiver } = of);
  }

  static async open(postgres: Postgres | undefined): Promise<HookStage> {
    const database = await openTestDatabase(postgres);
    await database.metadata.write("ensureInstallation", { uploadKey: "00", epoch: "0123456789abcdef" });
    const registry = await openGuarded(database.metadata);
    const team = await makeNamespace(database.metadata, "team");
    const olga = await memberOf(database.metadata, team, "olga");
    return new HookStage(database, { registry, team, olga, receiver: await Receiver.open() });
  }

  /** Ends what a test began. */
  async clear(): Promise<void> {
    await Promise.all(this.opened.splice(0).map((webhooks) => webhooks.stop()));
    await this.receiver.close();
    this.receiver = await Receiver.open();
    this.alarms = [];
    await this.database.sql("delete from webhook");
    await this.database.sql("delete from event");
  }

  async close(): Promise<void> {
    await this.receiver.close();
    this.registry.access.version.close();
    await this.database.close();
  }

  /** Another maintainer of `team`. */
  member = (name: string): Promise<Caller> => memberOf(this.metadata, this.team, name);

  /** Begins to deliver. @param timeout of an attempt, in milliseconds @param node another one on the same database */
  open = async (
    { timeout = 20_000, ...more }: { readonly timeout?: number; readonly [option: string]: unknown } = {},
    node: Metadata<AllWrites> = this.metadata,
  ): Promise<Webhooks> => {
    const bounds = { ca: undefined, timeout, sizeLimit: 1_000, keep: { idle: 2_000, life: 10_000 } };
    const fetch = openGuardedFetch({ allow: ["127.0.0.0/8"], ...bounds });
    const deps = {
      metadata: node,
      access: this.registry.access,
      fetch,
      source: "https://registry.example.com",
      ecrPlaceOf,
    };
    const alarm = (what: string, facts: object) => void this.alarms.push(`${what} ${JSON.stringify(facts)}`);
    const webhooks = await openWebhooks(deps, { ...quick, alarm, ...more });
    this.opened.push(webhooks);
    return webhooks;
  };

  /** Makes a webhook that tells the receiver. */
  hook = async (wish: object = {}, on: object = { namespace: "team" }): Promise<number> => {
    const { sealed } = makeWebhookSecret(this.registry);
    const plain = { format: "cloudevents", events: null, repositories: null, tags: null, description: null };
    const whole = { url: `${this.receiver.url}/hook?key=canary-in-url`, disabled: false, ...plain, ...wish };
    const place = on as { readonly namespace: string };
    const input = { caller: this.olga, on: place, wish: whole, secret: sealed, once: undefined };
    return (await this.metadata.write("createWebhook", input)).id;
  };

  /** Pushes an image under a tag, another for each note. */
  push = async (tag: string, note = tag, repository = app, caller = everybody) => {
    const layer = Buffer.from("layer");
    const { registry } = this;
    await pushBlob(registry, caller, repository, digestOf(layer), async (take) => void (await take(layer)));
    const bytes = Buffer.from(imageOf(["layer"], { annotations: { note } }));
    const input = { repository, digest: undefined, tags: [parseTag(tag)], bytes, contentType: imageType };
    return (await pushManifest(registry, caller, input)).digest;
  };

  /** Bodies that came, read. */
  told = (): any[] => this.receiver.got.map(({ body }) => JSON.parse(body));

  until = async (done: () => boolean | Promise<boolean>, what = "what is awaited"): Promise<void> => {
    for (let look = 0; look < 6_000; look++) {
      if (await done()) return;
      await setTimeout(10);
    }
    const came = this.told().map(({ type, subject }) => `${type} ${subject}`);
    throw new Error(`${what} did not come: ${came.join(", ")} ${this.alarms.join("; ")}`);
  };

  deliveries = async (webhook: number, state = ""): Promise<DeliveryRow[]> =>
    this.metadata.read.all(listDeliveries, { webhook, before: Number.MAX_SAFE_INTEGER, state, limit: 1000 });

  row = async (webhook: number): Promise<WebhookRow> => (await this.metadata.read.first(findWebhook, { webhook }))!;
}

async function memberOf(metadata: Metadata<AllWrites>, team: number, name: string): Promise<Caller> {
  const id = await makeAccount(metadata, name);
  await grant(metadata, { account: id }, { namespace: team }, "maintainer");
  return callerOf({ kind: "account", id, name: `user:${name}`, credential: "password", limits: [] });
}
