import { findNextTime } from "../cron.ts";
import { setting } from "./kinds.ts";

const { choice, count, duration, flag, group, parsed, sizeOrShare } = setting;
const second = 1_000;

/** What is done in the background. */
const jobSettings = group(
  { keep: duration("30d", { about: "Jobs that ended this long ago are removed.", least: second }) },
  { about: "What is done in the background, once or by schedule." },
);

/** Who is told of events, and for how long it is tried. */
const webhookSettings = group(
  {
    timeout: duration("10s", { about: "How long a receiver may take to answer.", least: 100 }),
    gather: duration("500ms", {
      about:
        "How long events may wait for others before they are told: the longer, the more of them a message in batches has.",
      least: 20,
    }),
    giveUp: duration("5d", { about: "A webhook whose receiver has failed for this long is disabled.", least: second }),
    keep: duration("7d", {
      about: "What was sent is kept for this long, and what cannot be sent is given up then.",
      least: second,
    }),
  },
  { about: "Events that others are told of. Receivers in your own network must stand in `outgoing.allow`." },
);

/** When lifecycle policies are carried out. */
const lifecycleSettings = group(
  {
    schedule: parsed((text) => (text === "off" ? undefined : checkedCron(text)), {
      about:
        "When the lifecycle policies of all repositories are carried out: minute, hour, day of month, month and day of week, or `off`.",
      must: "five fields of cron, such as 30 1 * * *, or off",
    }).prefault("30 1 * * *"),
    zone: parsed(checkedZone, {
      about: "The time zone of the schedule.",
      must: "a time zone such as Europe/Berlin or UTC",
    }).prefault("UTC"),
    jitter: duration("30m", { about: "Each time is put off by up to this much, each by another." }),
    window: duration("0s", {
      about:
        "From a time of the schedule, how long runs may begin and go on; the rest waits for the next time. 0 for any.",
    }),
  },
  { about: "Carrying out lifecycle policies by schedule; on demand there is `berth lifecycle run`." },
);

/** Taking back. */
const undoSettings = group(
  {
    window: duration("7d", {
      about:
        "How long deletes and tag moves can be undone where the setting `undoWindow` of no namespace or repository says otherwise; 0s for never.",
    }),
    maxWindow: duration("90d", {
      about:
        "The longest that `undoWindow` of a namespace or repository can bring about: a longer one is cut to this. What is kept already stays for as long as it was promised.",
    }),
    spaceFloor: sizeOrShare("5%", {
      about:
        "While the file system of `storage` has less free space than this, the oldest deletes that can be undone are given up, as many as it takes; a size, a part of all its space, or 0 for never. What they kept is off the disk an hour or so later, so leave room for what is pushed in that time. S3 says nothing of free space: nothing is given up there.",
    }),
  },
  { about: "Taking back what was deleted or moved." },
);

/** Collection of garbage. */
const collectionSettings = group(
  {
    enabled: flag(true, { about: "Collect garbage in the background of `serve`." }),
    interval: duration("1m", { about: "Between two passes.", least: 10 }),
    pin: duration("24h", { about: "How long what a pusher was told of is held back, so that its push can finish." }),
    objectGrace: duration("1h", { about: "How long removed bytes stay for those who are reading them." }),
    orphanGrace: duration("48h", {
      about: "An object without a row is removed when it is older than this; 1h at least.",
    }),
    lookGap: duration("10m", { about: "Time between the two looks that condemn and remove." }),
    rowRate: count(200, {
      about:
        "Rows (manifests, what repositories have, blobs) that collection looks at in a second, on all nodes together, so that it does not disturb pushes; 0 for as fast as it can.",
    }),
    objectRate: count(200, {
      about:
        "Objects that collection removes from `storage` in a second, on all nodes together; 0 for as fast as it can.",
    }),
    untagged: choice(["keep", "delete"], "keep", {
      about: "Manifests that no tag, index or subject holds: kept, or collected.",
    }),
  },
  { about: "Removal of what nothing refers to." },
);

/** Groups of settings, by name. */
export const backgroundSettings = {
  jobs: jobSettings,
  lifecycle: lifecycleSettings,
  webhooks: webhookSettings,
  collection: collectionSettings,
  undo: undoSettings,
};

function checkedCron(cron: string): string {
  findNextTime({ cron, zone: "UTC" }, 0);
  return cron;
}

function checkedZone(zone: string): string {
  findNextTime({ cron: "0 0 * * *", zone }, 0);
  return zone;
}
