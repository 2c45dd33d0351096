import { expect, test } from "vitest";
import { openOps, Readiness } from "./index.ts";

function readinessWith(run: () => Promise<unknown>) {
  let time = 0;
  const readiness = new Readiness([{ name: "database", run }], () => time);
  return { readiness, pass: (milliseconds: number) => (time += milliseconds) };
}

test("a node is ready while its stores answer, and says which does not", async () => {
  let works = true;
  const { readiness, pass } = readinessWith(async () => {
    if (!works) throw new Error("no connection");
  });
  expect(await readiness.report()).toEqual({ ready: true, checks: { database: "ok" } });
  works = false;
  expect((await readiness.report()).ready, "an answer is good for a second").toBe(true);
  pass(1_000);
  expect(await readiness.report()).toEqual({ ready: false, checks: { database: "no connection" } });
});

test("three storage faults within a minute make a node not ready, until a minute without them has passed", async () => {
  const { readiness, pass } = readinessWith(() => Promise.resolve());
  for (const wait of [0, 30_000]) {
    pass(wait);
    readiness.countFault();
    expect((await readiness.report()).ready).toBe(true);
  }
  pass(20_000);
  readiness.countFault();
  const report = await readiness.report();
  expect([report.ready, report.checks["disk"]]).toEqual([false, expect.stringContaining("3 writes failed")]);
  pass(59_000);
  expect((await readiness.report()).ready, "the first is older than a minute").toBe(true);
  readiness.countFault();
  readiness.countFault();
  expect((await readiness.report()).ready).toBe(false);
  pass(60_001);
  expect((await readiness.report()).ready).toBe(true);
  expect(readiness.faults).toBe(5);
});

test("a node that shuts down is not ready", async () => {
  const { readiness } = readinessWith(() => Promise.resolve());
  readiness.drain();
  const { ready, checks } = await readiness.report();
  expect([ready, checks["draining"]]).toEqual([false, "this node is shutting down"]);
});

test("a check that does not answer has failed", async () => {
  const { readiness } = readinessWith(() => new Promise(() => undefined));
  expect(await readiness.report()).toEqual({ ready: false, checks: { database: "no answer within 3 s" } });
});

test("a process that only a new start helps says so, so that it gets one, but not while it shuts down", async () => {
  let ended: string | undefined;
  const readiness = new Readiness([], undefined, [], () => ended);
  const ops = await openOps({ host: "127.0.0.1", port: 0, readiness, metrics: [] });
  const ask = async () => {
    const answer = await fetch(`http://127.0.0.1:${ops.port}/healthz`);
    return [answer.status, await answer.json()];
  };
  try {
    expect(await ask()).toEqual([200, { alive: true }]);
    ended = "the writer has stopped";
    expect(await ask()).toEqual([503, { alive: false, reason: ended }]);
    readiness.drain();
    expect(await ask()).toEqual([200, { alive: true }]);
  } finally {
    await ops.close();
  }
});
