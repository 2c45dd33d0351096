import { Webhook } from "standardwebhooks";
import { expect, test } from "vitest";
import { eventType } from "../../src/contract/webhooks.ts";
import { renderBatch, renderEvent, sayableIn } from "../../src/jobs/render-event.ts";
import type { Teller, ToldEvent } from "../../src/jobs/render-event.ts";
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
};
const bodyOf = (format: Parameters<typeof renderEvent>[0], event = pushed) =>
  JSON.parse(renderEvent(format, event, teller).body);

test("CloudEvents 1.0, structured: the attributes that it demands, and data as JSON", () => {
  const { headers } = renderEvent("cloudevents", pushed, teller);
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
  const { headers } = renderEvent("cloudevents-binary", moved, { ...teller, source: 'https://x/"ü%' });
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
  const { headers } = renderEvent("distribution", pushed, teller);
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

test("these two forms say what they can say", () => {
  const three = ["image.pushed", "image.pulled", "image.deleted"];
  expect([sayableIn("distribution"), sayableIn("harbor"), sayableIn("cloudevents")]).toEqual([three, three, null]);
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
