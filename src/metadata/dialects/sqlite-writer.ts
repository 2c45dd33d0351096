import { receiveMessageOnPort } from "node:worker_threads";
import type { MessagePort } from "node:worker_threads";
import type { Writes } from "../metadata.ts";
import { GroupCommit } from "./sqlite-group.ts";
import type { Job } from "./sqlite-group.ts";
import { closeName } from "./sqlite.ts";
import type { WriterStart } from "./sqlite.ts";

/** Writes waited for by more than this many jobs are split, so that the first of them is not kept waiting for all. */
const groupLimit = 512;

/**
 * The writer thread: takes jobs, runs all that are waiting as one group, answers after its commit. While a commit waits
 * for the disk the next group gathers by itself.
 */
export function serveWrites(port: MessagePort, start: WriterStart, writes: Writes): void {
  const group = new GroupCommit(start.path, writes, start.generations);
  let waiting: Job[] = [];
  let running = false;

  const drain = () => {
    for (let more = receiveMessageOnPort(port); more !== undefined; more = receiveMessageOnPort(port)) {
      waiting.push(...(more.message as Job[]));
    }
  };

  const runAll = async () => {
    running = true;
    for (drain(); waiting.length > 0; drain()) {
      const jobs = waiting.slice(0, groupLimit);
      waiting = waiting.slice(groupLimit);
      const end = jobs.findIndex((job) => job.name === closeName);
      port.postMessage(await group.run(end < 0 ? jobs : jobs.slice(0, end)));
      if (end < 0) continue;
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
