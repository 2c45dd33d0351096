import type { AnswerOf, collectionEndpoints } from "../../contract/index.ts";
import { RegistryError } from "../../oci/index.ts";
import {
  describePause,
  findPause,
  inspectCollection,
  pauseCollection,
  resumeCollection,
  standardPause,
} from "../../registry/index.ts";
import type {
  CollectionStatus,
  InspectedPass,
  InspectedSpace,
  Registry,
  StorageFigures,
} from "../../registry/index.ts";
import type { HandlersOf } from "./call.ts";
import { replyJob } from "./jobs.ts";
import { findTime, timeOf } from "./page.ts";

type Shown = AnswerOf<typeof collectionEndpoints.getCollection>;

export const collectionHandlers: HandlersOf<typeof collectionEndpoints> = {
  getCollection: ({ management: { registry } }) => reply(registry),
  async startCollection({ management: { registry, jobs }, by, body: { count = false } }) {
    const pause = await findPause(registry);
    if (pause !== undefined && !count) {
      const message = `garbage collection does not run: ${describePause(pause)}; resume it first`;
      throw new RegistryError("CONFLICT", message);
    }
    const { job } = await jobs.metadata.write("startCollection", { by, count });
    jobs.wake();
    return replyJob(jobs, job);
  },
  async pauseCollection({ management: { registry }, by, body: { for: length, reason = null } }) {
    await pauseCollection(registry, by, length === undefined ? standardPause : length * 1_000, reason);
    return reply(registry);
  },
  async resumeCollection({ management: { registry }, by }) {
    await resumeCollection(registry, by);
    return reply(registry);
  },
};

async function reply(registry: Registry): Promise<{ readonly body: Shown }> {
  return { body: showCollection(await inspectCollection(registry)) };
}

/** How collection is, as the API says it. */
export function showCollection({
  pause,
  running,
  last,
  figures,
  nextReview,
  nextUndo,
  space,
  ...status
}: CollectionStatus): Shown {
  return {
    ...status,
    pause: pause === null ? null : { ...pause, since: timeOf(pause.since), until: timeOf(pause.until) },
    running: running === null ? null : showPass(running),
    last: last === null ? null : showPass(last),
    nextReview: findTime(nextReview),
    nextUndo: findTime(nextUndo),
    figures: figures === null ? null : showFigures(figures),
    space: space === null ? null : showSpace(space),
  };
}

function showPass({ node, beganAt, endedAt, did, rowsPerSecond }: InspectedPass) {
  return { node, beganAt: timeOf(beganAt), endedAt: findTime(endedAt), rowsPerSecond, ...did };
}

function showSpace({ look, givenUp, ...space }: InspectedSpace) {
  return {
    ...space,
    look: look === null ? null : { ...look, at: timeOf(look.at) },
    givenUp: givenUp === null ? null : { ...givenUp, at: timeOf(givenUp.at) },
  };
}

function showFigures({ asOf, undo, pinned, dead, pendingIn: _, ...figures }: StorageFigures) {
  return {
    ...figures,
    asOf: timeOf(asOf),
    undo: {
      ...undo,
      from: findTime(undo.from),
      until: findTime(undo.until),
      days: undo.days.map(({ until, bytes }) => ({ until: findTime(until), bytes })),
    },
    pinned: { ...pinned, until: findTime(pinned.until) },
    dead: { ...dead, until: findTime(dead.until) },
  };
}
