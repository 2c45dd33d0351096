import { z } from "zod";
import type { Endpoints } from "./endpoint.ts";
import { job } from "./jobs.ts";
import { line, seconds, time } from "./texts.ts";

const weighed = { manifests: z.int(), blobs: z.int(), bytes: z.int().meta({ description: "Of both" }) };

const figures = z
  .object({
    asOf: time.meta({ description: "When counting began; what happened since may be in or not" }),
    took: z.int().meta({ description: "Milliseconds that counting took" }),
    live: z.object(weighed).meta({ description: "What manifests name, and the manifests" }),
    undo: z
      .object({
        ...weighed,
        from: time.nullable().meta({ description: "When the first of it comes free" }),
        until: time.nullable().meta({ description: "When the last of it does" }),
        days: z.array(
          z.object({
            until: time.nullable().meta({ description: "End of the day, in UTC; null for all later ones" }),
            bytes: z.int(),
          }),
        ),
      })
      .meta({ description: "What nothing but deletes that can be undone keeps" }),
    pinned: z
      .object({ ...weighed, until: time.nullable() })
      .meta({ description: "What nothing uses, and a push was told of: it may name it until then" }),
    held: z.object(weighed).meta({ description: "What nothing uses in repositories that are held" }),
    reclaimable: z
      .object(weighed)
      .meta({ description: "What nothing uses or keeps: the next passes remove it, once both looks were taken" }),
    dead: z
      .object({
        objects: z.int(),
        bytes: z.int().meta({ description: "Of those whose size is known" }),
        unknown: z.int().meta({ description: "Objects of unknown size" }),
        due: z.int().meta({ description: "Objects that may go now; the others wait for those who read them" }),
        until: time.nullable().meta({ description: "When the last of them may go" }),
      })
      .meta({ description: "Objects that no row names any more, on their way out" }),
  })
  .meta({ id: "StorageFigures" });

const space = z
  .object({
    free: z.int().meta({ description: "Bytes that are free on the file system of the store" }),
    total: z.int(),
    floor: z.int().meta({ description: "While less is free, the oldest deletes are given up: `undo.spaceFloor`" }),
    look: z
      .object({
        at: time,
        leaving: z.int().meta({ description: "Bytes that were on their way off the disk" }),
        missing: z.int().meta({ description: "Bytes that would be short still, and that no delete keeps" }),
      })
      .nullable()
      .meta({ description: "What came of the last look at a disk with too little room" }),
    givenUp: z
      .object({
        count: z.int(),
        bytes: z.int().meta({ description: "What came free by them" }),
        at: time.meta({ description: "When the last was" }),
      })
      .nullable()
      .meta({ description: "Deletes that were given up for want of space until now" }),
  })
  .meta({ id: "StorageSpace" });

const counts = z.object({ manifest: z.int(), link: z.int(), blob: z.int() });

const pass = z
  .object({
    node: z.string(),
    beganAt: time,
    endedAt: time.nullable().meta({ description: "Null while it is under way" }),
    looked: z.int().meta({ description: "Rows that were looked at" }),
    rowsPerSecond: z.int(),
    removed: counts,
    condemned: counts.meta({ description: "Seen unused for the first time" }),
    repositories: z.int().meta({ description: "Deleted repositories that were emptied" }),
    uploads: z.int(),
    undo: z.int().meta({ description: "Deletes and moves that can no longer be undone" }),
    objects: z.int(),
    bytes: z.int().meta({ description: "Of objects whose size was known" }),
    stuck: z.int(),
    orphans: z.int(),
  })
  .meta({ id: "CollectionPass" });

const collection = z
  .object({
    state: z.enum(["running", "waiting", "paused", "off"]),
    reason: z.string().nullable().meta({ description: "Why nothing is collected" }),
    pause: z
      .object({
        by: z.string(),
        since: time,
        until: time.meta({ description: "When it ends by itself" }),
        reason: z.string().nullable(),
      })
      .nullable(),
    running: pass.nullable().meta({ description: "The pass under way that was heard of last" }),
    last: pass.nullable().meta({ description: "The last one that ended; of those that did something if there is one" }),
    nextReview: time.nullable().meta({ description: "When the next row is looked at" }),
    nextUndo: time.nullable().meta({ description: "When the next delete can no longer be undone" }),
    rowRate: z.int().meta({ description: "Rows a second at most, on all nodes together; 0 for any number" }),
    objectRate: z.int().meta({ description: "Objects a second at most, likewise" }),
    figures: figures.nullable().meta({ description: "As they were counted last; null before the first time" }),
    space: space.nullable().meta({
      description: "Null where the store says nothing of free space, as S3, or `undo.spaceFloor` is 0",
    }),
  })
  .meta({ id: "Collection" });

const seen = { place: "root", action: "manage-settings" } as const;
const owned = { place: "root", action: "manage-access" } as const;

export const collectionEndpoints = {
  getCollection: {
    method: "GET",
    path: "/collection",
    tag: "collection",
    summary: "Show how garbage collection is, and what the store holds",
    about:
      "What the store holds is counted every hour, after each run that somebody asked for, and by `POST /collection/runs` with `count`.",
    auth: seen,
    answer: collection,
    status: 200,
    errors: [],
  },
  startCollection: {
    method: "POST",
    path: "/collection/runs",
    tag: "collection",
    summary: "Collect garbage now, and count what the store holds",
    about:
      "It is done in the background, by one node: the answer is the job, or the one that is under way. Windows, pins and the two looks hold as ever.",
    auth: owned,
    body: z.strictObject({
      count: z.boolean().optional().meta({ description: "Only count what the store holds" }),
    }),
    answer: job,
    status: 202,
    errors: ["CONFLICT"],
  },
  pauseCollection: {
    method: "PUT",
    path: "/collection/pause",
    tag: "collection",
    summary: "Pause garbage collection on all nodes",
    about:
      "A pass under way ends within a second. What is deleted meanwhile is queued as ever. Of a pause that holds, the end and the reason change.",
    auth: owned,
    body: z.strictObject({
      for: seconds
        .max(30 * 86_400)
        .optional()
        .meta({ description: "Seconds after which it ends by itself: a day when left out, thirty at most" }),
      reason: line(200).min(1).optional(),
    }),
    answer: collection,
    status: 200,
    errors: [],
    whenReadOnly: true,
  },
  resumeCollection: {
    method: "DELETE",
    path: "/collection/pause",
    tag: "collection",
    summary: "Let garbage collection go on",
    auth: owned,
    answer: collection,
    status: 200,
    errors: [],
    whenReadOnly: true,
  },
} as const satisfies Endpoints;
