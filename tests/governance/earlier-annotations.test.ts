import { afterAll, expect, test } from "vitest";
import { lifecycle } from "../../src/metadata/migrations/0015-lifecycle.ts";
import { spell } from "../../src/metadata/migrations/index.ts";
import { openTestDatabase } from "../support/open-database.ts";
import { imageOf, openRegistry, putBlob, putManifest } from "../support/open-registry.ts";
import { startPostgres } from "../support/postgres.ts";

/* A policy that keeps by an annotation must see those of what was pushed before there was a column for them. */

const postgres = await startPostgres();
afterAll(() => postgres?.stop());

const annotated = [
  { "org.example/stage": "test", quote: "'\"\\", control: "\u0001\n\u0000", whale: "\u{1F433}" },
  { pair: "\u{1F433}", "escaped pair": "PAIR", "high half": "HIGH", "low half": "LOW" },
  { large: "x".repeat(70_000) },
  {},
  undefined,
];

/** Escapes that Python writes, and halves of pairs, which are no text. */
function escape(text: string): string {
  const escapes = { PAIR: "ud83d\\udc33", HIGH: "ud83d", LOW: "udc33" };
  return text.replaceAll(/PAIR|HIGH|LOW/g, (word) => `\\${escapes[word as keyof typeof escapes]}`);
}

/** What PostgreSQL cannot read in a document stands as U+FFFD there. */
function readable(annotations: unknown): unknown {
  const text = JSON.stringify(annotations).replaceAll(/\\u0000|\\ud[89a-f][0-9a-f]{2}/g, "\ufffd");
  return JSON.parse(text) as unknown;
}

for (const kind of ["SQLite", "PostgreSQL"] as const) {
  test.skipIf(kind === "PostgreSQL" && postgres === undefined)(
    `annotations of earlier pushes are those that a push keeps, on ${kind}`,
    async () => {
      const database = await openTestDatabase(kind === "SQLite" ? undefined : postgres);
      const registry = openRegistry(database.metadata);
      await putBlob(registry, "team/app", "layer");
      for (const [index, annotations] of annotated.entries()) {
        await putManifest(registry, "team/app", escape(imageOf(["layer"], { annotations })), `v${index}`);
      }
      const read = async () =>
        (await database.sql("select annotations from manifest order by id")).map(({ annotations }) =>
          annotations === null ? null : (JSON.parse(annotations as string) as unknown),
        );
      const pushed = await read();
      expect(pushed.length).toBe(annotated.length);
      expect([pushed[0], ...pushed.slice(2)]).toEqual([annotated[0], null, {}, null]);
      expect(pushed[1]).toMatchObject({ "escaped pair": "\u{1F433}" });
      await database.sql("update manifest set annotations = null");
      await database.sql(spell(lifecycle.steps[1]!, kind === "SQLite" ? "sqlite" : "postgres"));
      expect((await read()).map(readable)).toEqual(pushed.map(readable));
      await database.close();
    },
  );
}
