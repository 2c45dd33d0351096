import type { AnswerOf, collectionEndpoints } from "../contract/index.ts";
import { roughSize } from "./lifecycle-words.ts";

/** How collection is, as the API says it. */
export type ShownCollection = AnswerOf<typeof collectionEndpoints.getCollection>;

type Pass = NonNullable<ShownCollection["last"]>;
type Space = NonNullable<ShownCollection["space"]>;
type Figures = NonNullable<ShownCollection["figures"]>;
type Weighed = Pick<Figures["live"], "manifests" | "blobs" | "bytes">;

/** Lines of `berth gc status` for people. */
export function linesOf(status: ShownCollection): string[][] {
  const { state, reason, running, last, nextReview, nextUndo, rowRate, objectRate, figures, space } = status;
  const rate = (count: number) => (count === 0 ? "any number" : `${count}`);
  return [
    ["collection", reason === null ? state : `${state}: ${reason}`],
    ...(running === null ? [] : [["pass under way", describePass(running)]]),
    ["last pass", last === null ? "none yet" : describePass(last)],
    ["rates", `${rate(rowRate)} rows and ${rate(objectRate)} objects a second at most, on all nodes together`],
    ["next look", nextReview ?? "nothing waits"],
    ["next end of undo", nextUndo ?? "nothing can be undone"],
    ...(space === null ? [] : linesOfSpace(space)),
    ...(figures === null ? [["counted", "not yet: berth gc run --count"]] : linesOfFigures(figures)),
  ];
}

function linesOfSpace({ free, total, floor, look, givenUp }: Space): string[][] {
  const short = free < floor && look !== null && look.missing > 0;
  const missing = short ? `, and ${roughSize(look.missing)} more than that is missing` : "";
  return [
    [
      "free space",
      `${roughSize(free)} of ${roughSize(total)}; below ${roughSize(floor)} the oldest deletes are given up`,
    ],
    ...(free < floor && look !== null
      ? [["too little room", `${roughSize(look.leaving)} were on their way out at ${look.at}${missing}`]]
      : []),
    ...(givenUp === null
      ? []
      : [
          [
            "given up",
            `${givenUp.count} deletes with ${roughSize(givenUp.bytes)} for want of space, the last at ${givenUp.at}`,
          ],
        ]),
  ];
}

function describePass({ node, beganAt, endedAt, removed, objects, bytes, looked, rowsPerSecond }: Pass): string {
  const gone = `${removed.manifest} manifests, ${removed.link} links, ${removed.blob} blobs, ${objects} objects (${roughSize(bytes)}) removed`;
  const when = endedAt === null ? `since ${beganAt}` : `${beganAt} to ${endedAt}`;
  return `${when} on ${node}: ${gone}; ${looked} rows looked at, ${rowsPerSecond} a second`;
}

function linesOfFigures({ asOf, live, undo, pinned, held, reclaimable, dead }: Figures): string[][] {
  const until = (time: string | null, word: string) => (time === null ? "" : `, ${word} ${time}`);
  const days = undo.days.map(
    ({ until: day, bytes }) => `${roughSize(bytes)} ${day === null ? "later" : `by ${day.slice(0, 10)}`}`,
  );
  const unknown = dead.unknown === 0 ? "" : ` and ${dead.unknown} of unknown size`;
  return [
    ["counted", asOf],
    ["live", describe(live)],
    ["pending undo", `${describe(undo)}${until(undo.from, "from")}${until(undo.until, "until")}`],
    ...(days.length === 0 ? [] : [["comes free", days.join(", ")]]),
    ["pinned", `${describe(pinned)}${until(pinned.until, "until")}`],
    ["held", describe(held)],
    ["reclaimable", describe(reclaimable)],
    [
      "dead objects",
      `${dead.objects} with ${roughSize(dead.bytes)}${unknown}, ${dead.due} may go now${until(dead.until, "the last at")}`,
    ],
  ];
}

function describe({ manifests, blobs, bytes }: Weighed): string {
  return `${roughSize(bytes)} in ${manifests} manifests and ${blobs} blobs`;
}
