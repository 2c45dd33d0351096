import { expect, test } from "vitest";
import { refuseRemoval } from "./holds.ts";
import type { Removal } from "./holds.ts";

const at = Date.parse("2026-11-29T20:00:00Z");
const hold = (whole: boolean) => ({ id: 3, whole, setBy: "user:alice", setAt: at });

test("a refusal says what must not go, which hold keeps it, since when, by whom, and what to do", () => {
  expect(refuseRemoval("team/app", { kind: "manifest", digest: "sha256:ab" }, hold(false))).toBe(
    "the manifest sha256:ab may not be deleted: the image, or what it belongs to, is held (hold 3, set by user:alice on 2026-11-29). Leave it, or ask an owner to release the hold (berth hold list team/app)",
  );
  const whole: Record<string, Removal> = {
    "the repository team/app may not be renamed": { kind: "name" },
    "the repository team/app may not be deleted": { kind: "repository" },
    "the blob sha256:ab may not be deleted": { kind: "blob", digest: "sha256:ab" },
    "the tag v1 may not be deleted": { kind: "tag", tag: "v1" },
    "the tag v1 may not be deleted, as its image has no other": { kind: "last-tag", tag: "v1" },
    "the tag v1 may not be moved to another manifest, as its image has no other": { kind: "moved-tag", tag: "v1" },
  };
  for (const [words, removal] of Object.entries(whole)) {
    expect(refuseRemoval("team/app", removal, hold(true))).toMatch(`${words}: the repository team/app is held (hold 3`);
  }
});

test("a tag of a held image may go while it has another; of a held repository none may", () => {
  expect(refuseRemoval("team/app", { kind: "tag", tag: "v1" }, hold(false))).toBeUndefined();
  expect(refuseRemoval("team/app", { kind: "repository" }, hold(false))).toContain("an image in team/app is held");
});
