import { setting } from "./kinds.ts";

const { duration, group } = setting;
const second = 1_000;

/** What is done in the background. */
export const jobSettings = group(
  { keep: duration("30d", { about: "Jobs that ended this long ago are removed.", least: second }) },
  { about: "What is done in the background, once or by schedule." },
);

/** Who is told of events, and for how long it is tried. */
export const webhookSettings = group(
  {
    timeout: duration("10s", { about: "How long a receiver may take to answer.", least: 100 }),
    giveUp: duration("5d", { about: "A webhook whose receiver has failed for this long is disabled.", least: second }),
    keep: duration("7d", {
      about: "What was sent is kept for this long, and what cannot be sent is given up then.",
      least: second,
    }),
  },
  { about: "Events that others are told of. Receivers in your own network must stand in `outgoing.allow`." },
);
