import { readFile, writeFile } from "node:fs/promises";
import { resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, inject, test } from "vitest";
import { findPeer, needPeers } from "../support/peers.ts";
import type { PeerName } from "../support/peers.ts";
import { actions } from "./actions.ts";
import type { Action, Row } from "./actions.ts";
import { renderPage } from "./page.ts";
import type { Workplace } from "./workplace.ts";

/** What a client does with a registry, or why it cannot. */
export type Cell =
  | {
      /** One sentence for the page: what is run, and what is compared. */
      readonly does: string;
      /** Throws unless the registry did its part. @param registry host and port */
      readonly run: (registry: string) => Promise<void>;
    }
  | { readonly reason: string };

/** One row of the matrix. */
export interface Client {
  readonly name: string;
  /** Without these the row counts as skipped. */
  readonly peers: readonly PeerName[];
  /** Starts what the client needs before its first cell. */
  readonly start?: () => Promise<void>;
  /** Resolves to a text that holds the client's version number. */
  readonly version: () => Promise<string>;
  readonly cells: Readonly<Record<Action, Cell>>;
}

/** Warnings that are about the command line or a connection that a test has cut, and not about the registry. */
const knownWarnings = /password|credential|Failed, retrying/;

const goldenPath = resolve(import.meta.dirname, "../golden/interop.json");
const pagePath = resolve(import.meta.dirname, "../../docs/interop.md");

/** Declares the tests of a client: its cells on every back end, then the comparison with the page. */
export function testClient(place: Workplace, client: Client): void {
  const seen: Record<string, Record<string, "passed" | "failed">> = {};
  beforeAll(async () => {
    if (client.peers.every((name) => findPeer(name) !== undefined)) await client.start?.();
  });
  afterAll(() => place.close());

  const plain = inject("backEnds").map((backEnd) => ({ ...backEnd, tls: false }));
  const absent = plain.map(({ name }) => ({ name: `${name}, with a certificate`, registry: undefined }));
  const secure = (inject("secure")?.backEnds ?? absent).map((backEnd) => ({ ...backEnd, tls: true }));
  for (const { name, registry, tls } of [...plain, ...secure]) {
    describe(`${client.name} on ${name}`, () => {
      for (const action of actions.filter((one) => (one === "TLS") === tls)) {
        const cell = client.cells[action];
        if ("reason" in cell) continue;
        test(action, async (context) => {
          needPeers(context, ...client.peers);
          if (registry === undefined) return context.skip(`${name} is not there`);
          const verdicts = (seen[action] ??= {});
          verdicts[name] = "failed";
          await cell.run(registry);
          const warnings = place.takeWarnings().filter((line) => !knownWarnings.test(line));
          expect(warnings, "the client warns").toEqual([]);
          verdicts[name] = "passed";
        });
      }
    });
  }

  test(`docs/interop.md says what ${client.name} did`, async (context) => {
    needPeers(context, ...client.peers);
    if (inject("backEnds").some(({ registry }) => registry === undefined))
      return context.skip("a back end is not there");
    const version = /\d+\.\d+\.\d+/.exec(await client.version())?.[0] ?? "unknown";
    const cells = actions.map((action) => {
      const cell = client.cells[action];
      return [action, "reason" in cell ? cell : { does: cell.does, seen: seen[action] ?? {} }] as const;
    });
    await expectRow(client.name, { version, cells: Object.fromEntries(cells) });
  });
}

async function expectRow(name: string, row: Row): Promise<void> {
  const rows = JSON.parse(await readFile(goldenPath, "utf8").catch(() => "{}")) as Record<string, Row>;
  if (process.env["GOLDEN"] === "write") {
    const next = Object.fromEntries(Object.entries({ ...rows, [name]: row }).sort(([a], [b]) => (a < b ? -1 : 1)));
    await writeFile(goldenPath, `${JSON.stringify(next, null, 2)}\n`);
    await writeFile(pagePath, renderPage(next));
    return;
  }
  const advice = "npm run golden writes docs/interop.md anew";
  expect(row, advice).toEqual(rows[name]);
  expect(await readFile(pagePath, "utf8"), advice).toBe(renderPage(rows));
}
