import { spawnSync } from "node:child_process";
import { closeSync, constants, mkdtempSync, openSync, readSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { LineWriter } from "./line-writer.ts";

/** A pipe of the system, which holds 64 KiB, and what can be read from it at the moment. */
function openPipe(context: { onTestFinished(end: () => void): void }) {
  const folder = mkdtempSync(join(tmpdir(), "berth-lines-"));
  const path = join(folder, "pipe");
  expect(spawnSync("mkfifo", [path]).status).toBe(0);
  const file = openSync(path, constants.O_RDWR | constants.O_NONBLOCK);
  context.onTestFinished(() => {
    closeSync(file);
    rmSync(folder, { recursive: true });
  });
  let text = "";
  const read = () => {
    const bytes = Buffer.alloc(65_536);
    try {
      text += bytes.toString("utf8", 0, readSync(file, bytes));
    } catch (error) {
      expect((error as NodeJS.ErrnoException).code).toBe("EAGAIN");
    }
    return text;
  };
  return { file, read };
}

const lineOf = (number: number) => `${number} ${"x".repeat(990)}\n`;

test("lines that nobody takes wait, come whole and in their order, and are lost beyond the limit, which is told", async (context) => {
  const { file, read } = openPipe(context);
  const told: number[] = [];
  const writer = new LineWriter(file, { limit: 200_000, lost: (lines) => void told.push(lines) });
  for (let number = 0; number < 500; number++) writer.write(lineOf(number));
  await expect.poll(() => [read(), told.length].at(-1), { timeout: 30_000, interval: 10 }).toBe(1);
  writer.write("after\n");
  await expect.poll(read, { timeout: 30_000 }).toMatch(/\nafter\n$/);
  const lines = read().split("\n").slice(0, -2);
  expect(lines).toEqual(lines.map((_, number) => lineOf(number).slice(0, -1)));
  expect(lines.length).toBeGreaterThan(199);
  expect(told).toEqual([500 - lines.length]);
});

test("a flush writes at once what waits, and ends where nobody takes it", (context) => {
  const { file, read } = openPipe(context);
  const writer = new LineWriter(file);
  writer.write("last\n");
  writer.flush();
  expect(read()).toBe("last\n");
  const silent = openSync("/dev/full", "w");
  context.onTestFinished(() => closeSync(silent));
  const unheard = new LineWriter(silent);
  unheard.write("nobody hears this\n");
  unheard.flush();
});
