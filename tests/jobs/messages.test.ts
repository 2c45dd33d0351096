import { Webhook } from "standardwebhooks";
import { expect, test } from "vitest";
import { eventType } from "../../src/contract/webhooks.ts";
import { renderBatch, renderEvent, sayableIn, saysAnything } from "../../src/jobs/render-event.ts";
import type { Teller } from "../../src/jobs/render-event.ts";
import type { ToldEvent } from "../../src/jobs/told-event.ts";
import { newWebhookSecret, signMessage } from "../../src/jobs/sign-message.ts";
import { pauseAfter } from "../../src/jobs/pause.ts";
import { eventTypes } from "../../src/policy/index.ts";

const digest = `sha256:${"a".repeat(64)}`;
const pushed: ToldEvent = {
  ...{ id: "evt_1_2", type: "image.pushed", repository: "team/app", at: Date.parse("2026-11-25T03:04:05.678Z") },
  payload: {
    ...{ target: digest, principal: "user:alice", tags: ["v1", "latest"], size: 5000 },
    mediaType: "application/vnd.oci.image.manifest.v1+json",
  },
};
const teller: Teller = {
  ...{ source: "https://registry.example.com", host: "registry.example.com" },
  repository: { createdAt: 1_700_000_000_000, public: false },
  ecr: {
    ...{ account: "123456789012", region: "eu-central-1", name: "app" },
    arn: "arn:aws:ecr:eu-central-1:123456789012:repository/app",
  },
};
const rendered = (...of: Parameters<typeof renderEvent>) => renderEvent(...of)[0]!;
const bodyOf = (format: Parameters<typeof renderEvent>[0], event = pushed) =>
  JSON.parse(rendered(format, event, teller).body);

test("CloudEvents 1.0, structured: the attributes that it demands, and data as JSON", () => {
  const { headers } = rendered("cloudevents", pushed, teller);
  expect(headers["content-type"]).toMatch(/^application\/cloudevents\+json/);
  expect(bodyOf("cloudevents")).toEqual({
    ...{ specversion: "1.0", id: "evt_1_2", source: "https://registry.example.com", type: "image.pushed" },
    ...{ subject: `team/app@${digest}`, time: "2026-11-25T03:04:05.678Z", datacontenttype: "application/json" },
    data: {
      ...{ repository: "team/app", digest, actor: "user:alice", tags: ["v1", "latest"], size: 5000 },
      mediaType: "application/vnd.oci.image.manifest.v1+json",
    },
  });
});

test("CloudEvents 1.0, batched: a list of what is sent one by one otherwise, in its order, and a list of one too", () => {
  const moved = { ...pushed, id: "evt_1_3", type: "tag.moved", payload: { target: "v1", digest, new: true } };
  const { headers, body } = renderBatch([moved, pushed], teller);
  expect(headers["content-type"]).toMatch(/^application\/cloudevents-batch\+json/);
  expect(JSON.parse(body)).toEqual([bodyOf("cloudevents", moved), bodyOf("cloudevents")]);
  expect(bodyOf("cloudevents-batch")).toEqual([bodyOf("cloudevents")]);
});

test("CloudEvents 1.0, binary: attributes in headers, encoded, and data alone in the body", () => {
  const moved = { ...pushed, type: "tag.moved", payload: { target: "v1", digest, new: true } };
  const { headers } = rendered("cloudevents-binary", moved, { ...teller, source: 'https://x/"ü%' });
  expect(headers).toEqual({
    ...{ "ce-specversion": "1.0", "ce-id": "evt_1_2", "ce-type": "tag.moved", "ce-subject": "team/app:v1" },
    ...{ "ce-source": "https://x/%22%C3%BC%25", "ce-time": "2026-11-25T03:04:05.678Z" },
    "content-type": "application/json",
  });
  expect(bodyOf("cloudevents-binary", moved)).toEqual({
    ...{ repository: "team/app", tag: "v1", actor: null, digest, new: true },
  });
});

test("what concerns no repository names what it is about", () => {
  const changed = { ...pushed, type: "access.changed", repository: "", payload: { target: "alice", principal: null } };
  expect(bodyOf("cloudevents", changed)).toMatchObject({ subject: "alice", data: { target: "alice", actor: null } });
});

test("the envelope of Docker Registry has an event for each tag, or one without", () => {
  const { headers } = rendered("distribution", pushed, teller);
  expect(headers["content-type"]).toBe("application/vnd.docker.distribution.events.v2+json");
  const { events } = bodyOf("distribution");
  expect(events).toHaveLength(2);
  expect(events[0]).toEqual({
    ...{ id: "evt_1_2-0", timestamp: "2026-11-25T03:04:05.678Z", action: "push" },
    target: {
      ...{ mediaType: "application/vnd.oci.image.manifest.v1+json", size: 5000, length: 5000, digest },
      ...{ repository: "team/app", url: `https://registry.example.com/v2/team/app/manifests/${digest}`, tag: "v1" },
    },
    ...{ request: { id: "evt_1_2", host: "registry.example.com" }, actor: { name: "user:alice" } },
    source: { addr: "registry.example.com" },
  });
  const deleted = { ...pushed, type: "image.deleted", payload: { target: digest, tags: [] } };
  expect(bodyOf("distribution", deleted).events).toMatchObject([
    { id: "evt_1_2", action: "delete", target: { digest } },
  ]);
});

test("Harbor's default payload: resources, and the repository by its parts", () => {
  expect(bodyOf("harbor")).toEqual({
    ...{ type: "PUSH_ARTIFACT", occur_at: 1_795_575_845, operator: "alice" },
    event_data: {
      resources: [
        { digest, tag: "v1", resource_url: "registry.example.com/team/app:v1" },
        { digest, tag: "latest", resource_url: "registry.example.com/team/app:latest" },
      ],
      repository: {
        ...{ date_created: 1_700_000_000, name: "app", namespace: "team", repo_full_name: "team/app" },
        repo_type: "private",
      },
    },
  });
  const pulled = { ...pushed, type: "image.pulled", payload: { target: digest, tag: null, count: 3 } };
  expect(bodyOf("harbor", pulled)).toMatchObject({
    type: "PULL_ARTIFACT",
    event_data: { resources: [{ digest, tag: digest, resource_url: `registry.example.com/team/app@${digest}` }] },
  });
});

const actionsOf = (event: ToldEvent) =>
  renderEvent("eventbridge", event, teller).map(({ part, body }) => ({ part, body: JSON.parse(body) }));

test("EventBridge is told of an image action for each tag of a push, in the envelope of Amazon ECR", () => {
  const uuid = expect.stringMatching(/^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  const of = (tag: string) => ({
    ...{ version: "0", id: uuid, "detail-type": "ECR Image Action", source: "aws.ecr", account: "123456789012" },
    ...{ time: "2026-11-25T03:04:05Z", region: "eu-central-1" },
    resources: ["arn:aws:ecr:eu-central-1:123456789012:repository/app"],
    detail: {
      ...{ result: "SUCCESS", "repository-name": "app", "image-digest": digest },
      ...{ "action-type": "PUSH", "image-tag": tag },
    },
  });
  const told = actionsOf(pushed);
  expect(told).toEqual([
    { part: "0", body: of("v1") },
    { part: "1", body: of("latest") },
  ]);
  expect(told[0]!.body.id).not.toBe(told[1]!.body.id);
  expect(actionsOf(pushed)).toEqual(told);
  const { headers } = rendered("eventbridge", pushed, teller);
  expect(headers).toEqual({ "content-type": "application/json" });
});

test("EventBridge is told of images without a tag, of deletes, and of tags that were moved by themselves", () => {
  const detailsOf = (type: string, payload: ToldEvent["payload"]) =>
    actionsOf({ ...pushed, type, payload }).map(({ part, body }) => [part, body.detail]);
  const image = { result: "SUCCESS", "repository-name": "app", "image-digest": digest };
  const pushOne = (more: object) => [[undefined, { ...image, "action-type": "PUSH", ...more }]];
  const deleteOne = (more: object) => [[undefined, { ...image, "action-type": "DELETE", ...more }]];
  expect(detailsOf("image.pushed", { target: digest, tags: [] })).toEqual(pushOne({}));
  expect(detailsOf("image.deleted", { target: digest, tags: [] })).toEqual(deleteOne({}));
  expect(detailsOf("image.deleted", { target: digest, tags: ["v1", "v2"] })).toEqual([
    ["0", { ...image, "action-type": "DELETE", "image-tag": "v1" }],
    ["1", { ...image, "action-type": "DELETE", "image-tag": "v2" }],
  ]);
  expect(detailsOf("tag.moved", { target: "v1", digest, new: false })).toEqual(pushOne({ "image-tag": "v1" }));
  expect(detailsOf("tag.moved", { target: "v1", digest, deleted: true })).toEqual(deleteOne({ "image-tag": "v1" }));
});

test("EventBridge is not told twice of a tag that a push moved, nor of what Amazon ECR has no event for", () => {
  const moved = { ...pushed, type: "tag.moved", payload: { target: "v1", digest, new: true, pushed: true } };
  for (const event of [moved, ...["image.pulled", "repository.created"].map((type) => ({ ...pushed, type }))]) {
    expect([saysAnything("eventbridge", event), actionsOf(event)], event.type).toEqual([false, []]);
    expect(saysAnything("cloudevents", event)).toBe(true);
  }
  expect(saysAnything("eventbridge", pushed)).toBe(true);
  // Trying a webhook out is no push to anybody.
  const tested = { ...pushed, type: "webhook.tested", payload: { target: "webhook 1", principal: null } };
  expect(actionsOf(tested)[0]!.body).toMatchObject({
    ...{ source: "berth", "detail-type": "Webhook Test", resources: [], detail: { target: "webhook 1" } },
  });
});

test("these forms say what they can say", () => {
  const three = ["image.pushed", "image.pulled", "image.deleted"];
  expect([sayableIn("distribution"), sayableIn("harbor"), sayableIn("cloudevents")]).toEqual([three, three, null]);
  expect(sayableIn("eventbridge")).toEqual(["image.pushed", "image.deleted", "tag.moved"]);
});

test("a message is verified by the library of Standard Webhooks, with either secret while both are good", () => {
  const [late, former] = [newWebhookSecret(), newWebhookSecret()];
  const body = '{"a":"ü"}';
  const now = Math.floor(Date.now() / 1000);
  const headers = { ...signMessage("evt_1", now, body, [late, former]) };
  for (const secret of [late, former]) expect(new Webhook(secret).verify(body, headers)).toEqual({ a: "ü" });
  expect(() => new Webhook(newWebhookSecret()).verify(body, headers)).toThrow("No matching signature");
  expect(() => new Webhook(late).verify(`${body} `, headers)).toThrow("No matching signature");
  const old = { ...signMessage("evt_1", now - 600, body, [late]) };
  expect(() => new Webhook(late).verify(body, old)).toThrow("too old");
});

test("the contract lists the types that there are", () => {
  expect(eventType.options).toEqual([...eventTypes]);
});

test("pauses grow to their bound, and are drawn from the upper half", () => {
  const rule = { first: 5_000, factor: 4, most: 3_600_000 };
  expect([1, 2, 3, 4, 10, 1000].map((failures) => pauseAfter(failures, rule, 1))).toEqual([
    ...[5_000, 20_000, 80_000, 320_000, 3_600_000, 3_600_000],
  ]);
  expect(pauseAfter(2, rule, 0)).toBe(10_000);
});
