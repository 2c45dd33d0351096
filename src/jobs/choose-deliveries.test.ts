import fc from "fast-check";
import { expect, test } from "vitest";
import { chooseDeliveries } from "./choose-deliveries.ts";
import type { Queued } from "./choose-deliveries.ts";

const moved = (id: number, tag: string, due = 0, repository = "team/app"): Queued => {
  return { id, type: "tag.moved", repository, payload: JSON.stringify({ target: tag }), due_at: due };
};
const pushed = (id: number, digest: string, tags: string[], due = 0): Queued => {
  const payload = JSON.stringify({ target: digest, tags });
  return { id, type: "image.pushed", repository: "team/app", payload, due_at: due };
};
const about = (id: number, type: string): Queued => ({ id, type, repository: "team/app", payload: "{}", due_at: 0 });
const ids = (waiting: Queued[], underWay: number[] = [], room = 100) =>
  chooseDeliveries(waiting, 10, new Set(underWay), room).map(({ id }) => id);

test("of a tag the earlier comes before the later, and other tags do not wait", () => {
  expect(ids([moved(1, "v1"), moved(2, "v1"), moved(3, "v2")])).toEqual([1, 3]);
  expect(ids([moved(1, "v1"), moved(2, "v1"), moved(3, "v2")], [1])).toEqual([3]);
  expect(ids([moved(1, "v1", 99), moved(2, "v1"), moved(3, "v2")])).toEqual([3]);
  expect(ids([moved(1, "v1"), moved(2, "v1", 0, "team/web")])).toEqual([1, 2]);
});

test("a push waits for the moves of its tags and for its own digest", () => {
  expect(ids([moved(1, "v1"), pushed(2, "sha256:a", ["v1"]), pushed(3, "sha256:b", [])])).toEqual([1, 3]);
  expect(ids([pushed(1, "sha256:a", ["v1"]), pushed(2, "sha256:a", ["v2"]), moved(3, "v2")])).toEqual([1]);
});

test("what is about the repository itself parts what was before from what comes after", () => {
  expect(ids([moved(1, "v1"), about(2, "repository.deleted"), moved(3, "v2")])).toEqual([1]);
  expect(ids([about(2, "repository.deleted"), moved(3, "v2")])).toEqual([2]);
});

test("no more than there is room for", () => {
  expect(ids([moved(1, "a"), moved(2, "b"), moved(3, "c")], [], 2)).toEqual([1, 2]);
});

test("sent in any such way, with failures, each tag's events arrive in their order and all arrive", () => {
  const event = fc.record({ tag: fc.constantFrom("a", "b", "c"), kind: fc.constantFrom("moved", "pushed", "made") });
  fc.assert(
    fc.property(
      fc.array(event, { maxLength: 30 }),
      fc.infiniteStream(fc.integer({ min: 0, max: 5 })),
      (events, chance) => {
        const make = {
          moved: (id: number, tag: string) => moved(id, tag),
          pushed: (id: number, tag: string) => pushed(id, `sha256:${id}`, [tag]),
        };
        let waiting: Queued[] = events.map(({ tag, kind }, id) =>
          kind === "made" ? about(id, "repository.created") : make[kind as "moved"](id, tag),
        );
        const arrived: number[] = [];
        for (let now = 0; waiting.length > 0; now++) {
          const chosen = chooseDeliveries(waiting, now, new Set(), 3);
          for (const one of chosen) {
            const fails = chance.next().value;
            if (fails === 0)
              waiting = waiting.map((other) => (other.id === one.id ? { ...other, due_at: now + 3 } : other));
            else {
              arrived.push(one.id);
              waiting = waiting.filter(({ id }) => id !== one.id);
            }
          }
        }
        expect(arrived.toSorted((a, b) => a - b)).toEqual(events.map((_, id) => id));
        for (const tag of ["a", "b", "c"]) {
          const own = arrived.filter((id) => events[id]!.kind !== "made" && events[id]!.tag === tag);
          expect(own).toEqual(own.toSorted((a, b) => a - b));
        }
      },
    ),
    { numRuns: 200 },
  );
});
