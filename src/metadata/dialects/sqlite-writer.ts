import { receiveMessageOnPort } from "node:worker_threads";
import type { MessagePort } from "node:worker_threads";
import type { Writes } from "../metadata.ts";
import { GroupCommit } from "./sqlite-group.ts";
import type { Job } from "./sqlite-group.ts";
import { Reserve } from "./sqlite-reserve.ts";
import { closeName } from "./sqlite.ts";
import type { WriterStart } from "./sqlite.ts";

/** Writes waited for by more than this many jobs are split, so that the first of them is not kept waiting for all. */
const groupLimit = 512;
/** The writer waits for others for this share of the time that a commit takes, and for no more milliseconds than that. */
const patience = 0.25;
const patienceLimit = 2;

/**
 * The writer thread: takes jobs, runs all that are waiting as one group, answers after its commit. While a commit waits
 * for the disk the next group gathers by itself.
 * @param adding names of writes that leave what is held back for a full disk to the others
 */
export function serveWrites(
  port: MessagePort,
  start: WriterStart,
  writes: Writes,
  adding: readonly string[] = [],
): void {
  const room = { reserve: new Reserve(`${start.path}-reserve`), adding: new Set(adding) };
  const group = new GroupCommit(start.path, writes, start.generations, room);
  let waiting: Job[] = [];
  let running = false;

  /** Jobs that the last group had and that came while it was at work: as many are likely to come again. */
  let expected = 1;
  /** How long that group took, in milliseconds. */
  let took = 0;

  const drain = () => {
    for (let more = receiveMessageOnPort(port); more !== undefined; more = receiveMessageOnPort(port)) {
      waiting.push(...(more.message as Job[]));
    }
  };

  /** Waits for the others, if there were others lately, for a part of what the commit costs that this may save. */
  const gather = () => {
    const end = performance.now() + Math.min(patienceLimit, took * patience);
    for (;;) {
      const posted = Atomics.load(start.posted, 0);
      drain();
      const left = end - performance.now();
      if (waiting.length >= expected || left <= 0) return;
      Atomics.store(start.posted, 1, 1);
      Atomics.wait(start.posted, 0, posted, left);
      Atomics.store(start.posted, 1, 0);
    }
  };

  const runAll = async () => {
    running = true;
    for (drain(); waiting.length > 0; drain()) {
      gather();
      const began = performance.now();
      const jobs = waiting.slice(0, groupLimit);
      waiting = waiting.slice(groupLimit);
      const end = jobs.findIndex((job) => job.name === closeName);
      port.postMessage(await group.run(end < 0 ? jobs : jobs.slice(0, end)));
      if (end < 0) {
        took = performance.now() - began;
        drain();
        expected = jobs.length + waiting.length;
        continue;
      }
      group.close();
      port.postMessage([{ id: jobs[end]!.id, value: undefined }]);
      return;
    }
    running = false;
  };

  port.on("message", (jobs: Job[]) => {
    waiting.push(...jobs);
    if (!running) void runAll();
  });
  port.postMessage("ready");
}
