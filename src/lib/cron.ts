import { Cron } from "croner";

/** Times of a clock on a wall: a cron expression of five fields in a time zone. */
export interface CronTimes {
  /** Minute, hour, day of month, month, day of week: `30 3 * * 1-5`. */
  readonly cron: string;
  /** Name of the IANA database: `Europe/Berlin`. */
  readonly zone: string;
}

/**
 * The first of the times after a moment; both in milliseconds since 1970. An hour that is skipped when clocks go forward is
 * made up for right after it, and of one that comes twice the first counts. Undefined when there is none, as with 30 February.
 * @throws RangeError, with a sentence, for what is no expression or no zone
 */
export function findNextTime({ cron, zone }: CronTimes, after: number): number | undefined {
  return openCron(cron, zone).nextRun(new Date(after))?.getTime();
}

function openCron(cron: string, zone: string): Cron {
  if (cron.trim().split(/\s+/).length !== 5) {
    throw new RangeError(`${JSON.stringify(cron)} has not five fields: minute, hour, day of month, month, day of week`);
  }
  try {
    new Intl.DateTimeFormat("en", { timeZone: zone });
  } catch (cause) {
    throw new RangeError(`${JSON.stringify(zone)} is no time zone: name one such as Europe/Berlin or UTC`, { cause });
  }
  try {
    return new Cron(cron, { timezone: zone, mode: "5-part", paused: true });
  } catch (cause) {
    const why = `${JSON.stringify(cron)} is no cron expression: five fields such as 30 3 * * 1-5 are`;
    throw new RangeError(why, { cause });
  }
}
