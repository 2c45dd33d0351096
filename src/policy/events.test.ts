import { expect, test } from "vitest";
import { tagsOfEvent, wantsEvent } from "./events.ts";
import type { EventFacts, Subscription } from "./events.ts";

const server: Subscription = {
  place: { kind: "namespace", path: "" },
  ...{ events: null, repositories: null, tags: null, sayable: null, since: 0 },
};
const event: EventFacts = {
  ...{ type: "image.pushed", repository: "team/app", repositoryId: 5, namespace: null, at: 10, tags: ["v1"] },
};

test("a namespace is told what is below it, the server everything", () => {
  const told = (path: string, facts: Partial<EventFacts> = {}) =>
    wantsEvent({ ...server, place: { kind: "namespace", path } }, { ...event, ...facts });
  expect([told(""), told("team"), told("tea"), told("team/app"), told("other")]).toEqual([
    true,
    true,
    false,
    false,
    false,
  ]);
  const nowhere = { repository: "", repositoryId: null };
  expect([told("", nowhere), told("team", nowhere)]).toEqual([true, false]);
  const quota = { ...nowhere, namespace: "team/sub" };
  expect([told("", quota), told("team", quota), told("team/sub", quota), told("team/sub/x", quota)]).toEqual([
    ...[true, true, true, false],
  ]);
});

test("a repository is told by its number, whatever it was called then, and by name only where none is known", () => {
  const place = { kind: "repository", id: 5, name: "team/new" } as const;
  const told = (facts: Partial<EventFacts>) => wantsEvent({ ...server, place }, { ...event, ...facts });
  expect(told({})).toBe(true);
  expect(told({ repositoryId: 6, repository: "team/new" })).toBe(false);
  expect(told({ repositoryId: null, repository: "team/new" })).toBe(true);
  expect(told({ repositoryId: null, repository: "team/app" })).toBe(false);
});

test("types, names, tags and the time narrow; pulls are told on demand alone", () => {
  const told = (wish: Partial<Subscription>, facts: Partial<EventFacts> = {}) =>
    wantsEvent({ ...server, ...wish }, { ...event, ...facts });
  expect(told({ events: ["tag.moved"] })).toBe(false);
  expect(told({ events: ["image.pushed"] })).toBe(true);
  expect(told({}, { type: "image.pulled" })).toBe(false);
  expect(told({ events: ["image.pulled"] }, { type: "image.pulled" })).toBe(true);
  expect(told({ sayable: ["image.deleted"] })).toBe(false);
  expect(told({ repositories: ["team/*"] })).toBe(true);
  expect(told({ repositories: ["*/web", "x"] })).toBe(false);
  expect(told({ tags: ["v*"] })).toBe(true);
  expect(told({ tags: ["v*"] }, { tags: [] })).toBe(false);
  expect(told({ since: 11 })).toBe(false);
});

test("the tags of an event are found by its type", () => {
  expect(tagsOfEvent("tag.moved", { target: "v1" })).toEqual(["v1"]);
  expect(tagsOfEvent("image.pushed", { target: "sha256:1", tags: ["a", 1, "b"] })).toEqual(["a", "b"]);
  expect(tagsOfEvent("image.pulled", { tag: "v1" })).toEqual(["v1"]);
  expect(tagsOfEvent("access.changed", { target: "alice" })).toEqual([]);
});
