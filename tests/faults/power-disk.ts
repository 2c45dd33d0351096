import { fork, spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { run } from "../support/run.ts";

/** What a power cut did, in sectors of 512 bytes. */
export interface Cut {
  /** Written and not flushed. */
  readonly atRisk: number;
  readonly lost: number;
}

/**
 * An ext4 file system on a disk whose power can be cut: nbdfuse makes a file of our NBD server, a loop device makes a
 * disk of the file. Needs root.
 */
export class PowerDisk {
  readonly folder = mkdtempSync(join(tmpdir(), "berth-power-"));
  /** Where it is mounted. */
  readonly mount = join(this.folder, "mount");
  readonly #size: number;
  readonly #current = join(this.folder, "current.img");
  readonly #durable = join(this.folder, "durable.img");
  readonly #file = join(this.folder, "disk");
  #server: ChildProcess | undefined;
  #fuse: ChildProcess | undefined;
  #loop: string | undefined;

  /** @param size bytes */
  constructor(size: number) {
    this.#size = size;
    mkdirSync(this.mount);
    for (const path of [this.#current, this.#durable, this.#file]) writeFileSync(path, "");
    for (const path of [this.#current, this.#durable]) truncateSync(path, size);
  }

  /** Makes a new file system; what was there is gone. */
  async format(): Promise<void> {
    await get("mkfs.ext4", "-q", "-F", this.#current);
    await get("cp", "--sparse=always", this.#current, this.#durable);
  }

  /** Switches the power on and mounts. */
  async mountIt(): Promise<void> {
    const socket = join(this.folder, "socket");
    const program = join(import.meta.dirname, "nbd-server.ts");
    this.#server = fork(program, [socket, this.#current, this.#durable, String(this.#size)], { stdio: "inherit" });
    const failed = once(this.#server, "exit").then(() => Promise.reject(new Error("the disk's server ended")));
    await Promise.race([once(this.#server, "message"), failed]);
    failed.catch(() => undefined);
    writeFileSync(this.#file, "");
    this.#fuse = spawn("nbdfuse", [this.#file, `nbd+unix:///?socket=${socket}`], { stdio: "inherit" });
    for (let attempt = 0; statSync(this.#file).size !== this.#size; attempt++) {
      if (attempt > 200) throw new Error("nbdfuse does not start");
      await new Promise((done) => setTimeout(done, 25));
    }
    this.#loop = (await get("losetup", "-f", "--show", this.#file)).trim();
    await get("mount", "-t", "ext4", this.#loop, this.mount);
  }

  /** Lets the power go at the n-th write from now, or after `patience` milliseconds. Resolves when it has gone. */
  async cut(after: number, seed: number, patience: number): Promise<Cut> {
    const server = this.#server!;
    const gone = once(server, "message") as Promise<[{ readonly cut: number; readonly lost: number }]>;
    server.send({ cutAfter: after, seed });
    const timer = setTimeout(() => server.send({ cutAfter: 0, seed }), patience);
    const [{ cut, lost }] = await gone;
    clearTimeout(timer);
    return { atRisk: cut, lost };
  }

  /** Takes everything apart after a cut; processes that wait for the disk get errors then. */
  async takeAway(): Promise<void> {
    for (const child of [this.#fuse, this.#server]) {
      if (child === undefined || child.exitCode !== null || child.signalCode !== null) continue;
      child.kill("SIGKILL");
      await once(child, "exit");
    }
    await run("umount", ["-l", this.mount], { cwd: "/" });
    if (this.#loop !== undefined) await run("losetup", ["-d", this.#loop], { cwd: "/" });
    await run("fusermount3", ["-u", "-z", this.#file], { cwd: "/" });
    this.#fuse = this.#server = this.#loop = undefined;
  }

  async remove(): Promise<void> {
    await this.takeAway();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** Output of a program. @throws Error when it fails */
async function get(program: string, ...args: string[]): Promise<string> {
  const { code, output } = await run(program, args, { cwd: "/" });
  if (code !== 0) throw new Error(`${program} ${args.join(" ")}: ${output}`);
  return output;
}
