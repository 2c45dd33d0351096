import fc from "fast-check";
import { expect, test } from "vitest";
import { chooseDeliveries } from "./choose-deliveries.ts";
import type { Queued } from "./choose-deliveries.ts";

const moved = (id: number, tag: string, due = 0, repository = "team/app"): Queued => {
  return {
    id,
    type: "tag.moved",
    repository,
    payload: JSON.stringify({ target: tag }),
    ...{ attempts: 0, due_at: due },
  };
};
const pushed = (id: number, digest: string, tags: string[], due = 0): Queued => {
  const payload = JSON.stringify({ target: digest, tags });
  return { id, type: "image.pushed", repository: "team/app", payload, ...{ attempts: 0, due_at: due } };
};
const about = (id: number, type: string): Queued => {
  return { id, type, repository: "team/app", payload: "{}", attempts: 0, due_at: 0 };
};
const single = { events: 1, characters: 1_000 };
const ids = (waiting: Queued[], underWay: number[] = [], room = 100) =>
  chooseDeliveries(waiting, 10, new Set(underWay), room, single).map(([one, ...more]) => {
    expect(more).toEqual([]);
    return one!.id;
  });
const messages = (waiting: Queued[], underWay: number[] = [], room = 100, bounds = { events: 4, characters: 1_000 }) =>
  chooseDeliveries(waiting, 10, new Set(underWay), room, bounds).map((message) => message.map(({ id }) => id));

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

test("one message tells of a tag's changes in their order, beside those of other tags", () => {
  expect(messages([moved(1, "v1"), moved(2, "v1"), moved(3, "v2")])).toEqual([[1, 2, 3]]);
  expect(messages([moved(1, "v1"), about(2, "repository.deleted"), moved(3, "v1")])).toEqual([[1, 2, 3]]);
});

test("a message has so many events and characters at most, and what does not fit waits for it", () => {
  const moves = [1, 2, 3, 4, 5, 6].map((id) => moved(id, "v1"));
  expect(messages(moves)).toEqual([[1, 2, 3, 4]]);
  expect(messages(moves, [1, 2, 3, 4])).toEqual([]);
  expect(messages([...moves.slice(0, 4), moved(5, "v2"), moved(6, "v1")])).toEqual([[1, 2, 3, 4], [5]]);
  const { length } = moves[0]!.payload;
  expect(messages(moves.slice(0, 2), [], 9, { events: 4, characters: 2 * length - 1 })).toEqual([[1]]);
  expect(messages(moves.slice(0, 2), [], 9, { events: 4, characters: 2 * length })).toEqual([[1, 2]]);
  expect(messages([moved(1, "a long one"), moved(2, "v2")], [], 9, { events: 4, characters: 1 })).toEqual([[1], [2]]);
});

test("what is put off or under way holds back its tag and nothing else, in messages of several too", () => {
  expect(messages([moved(1, "v1", 99), moved(2, "v1"), moved(3, "v2"), moved(4, "v3")])).toEqual([[3, 4]]);
  expect(messages([moved(1, "v1"), moved(2, "v1"), moved(3, "v2")], [1])).toEqual([[3]]);
  expect(messages([moved(1, "v1"), moved(2, "v2", 99), about(3, "repository.deleted"), moved(4, "v3")])).toEqual([[1]]);
  expect(messages([moved(1, "v1"), moved(2, "v1", 99), moved(3, "v1")])).toEqual([[1]]);
});

test("what failed before goes alone, and what comes after it on its tag waits", () => {
  const failed = (one: Queued): Queued => ({ ...one, attempts: 1 });
  const waiting = [failed(moved(1, "v1")), moved(2, "v1"), failed(moved(3, "v2")), moved(4, "v3"), moved(5, "v4")];
  expect(messages(waiting)).toEqual([[1], [3], [4, 5]]);
  expect(messages([moved(1, "v1"), failed(moved(2, "v1")), moved(3, "v2")])).toEqual([[1, 3]]);
});

test.each([1, 2, 7])(
  "sent in messages of %i, with failures, each tag's events arrive in their order and all arrive",
  (size) => {
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
            const chosen = chooseDeliveries(waiting, now, new Set(), 3, { events: size, characters: 1_000 });
            for (const message of chosen) {
              const isOf = ({ id }: Queued) => message.some((one) => one.id === id);
              const fails = chance.next().value === 0;
              const again = (one: Queued): Queued => ({ ...one, attempts: one.attempts + 1, due_at: now + 3 });
              if (fails) waiting = waiting.map((other) => (isOf(other) ? again(other) : other));
              else {
                arrived.push(...message.map(({ id }) => id));
                waiting = waiting.filter((other) => !isOf(other));
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
  },
);
