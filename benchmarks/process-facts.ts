import { readFileSync } from "node:fs";

/** Clock ticks of /proc a second: 100 on every Linux that Node runs on. */
const ticks = 100;

/** Processor seconds that a process has used, all its threads and ended children included. */
export function readCpu(pid: number): number {
  const text = readFileSync(`/proc/${pid}/stat`, "utf8");
  // The name in brackets may hold spaces: count from the bracket that closes it.
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  const [user, system, childUser, childSystem] = fields.slice(11, 15).map(Number);
  return (user! + system! + childUser! + childSystem!) / ticks;
}

/** Resident memory of a process in MiB: now (`VmRSS`) or at its highest (`VmHWM`). */
export function readMemory(pid: number, what: "VmRSS" | "VmHWM"): number {
  const line = readFileSync(`/proc/${pid}/status`, "utf8")
    .split("\n")
    .find((one) => one.startsWith(what));
  return Number(/\d+/.exec(line ?? "")?.[0] ?? 0) / 1024;
}
