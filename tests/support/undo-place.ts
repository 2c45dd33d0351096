import { expect } from "vitest";
import { parseReference, parseRepositoryName } from "../../src/oci/index.ts";
import { applyUndo, findBlob, inspectManifest, listUndo, pullManifest } from "../../src/registry/index.ts";
import type { Registry, UndoEntry, Undone } from "../../src/registry/index.ts";
import type { GuardedRows } from "./each-database.ts";
import type { TestDatabase } from "./open-database.ts";
import { caller, check, collectAll, digestOf, imageOf, openRegistry, putBlob } from "./open-registry.ts";

export const day = 86_400_000;
export const app = parseRepositoryName("team/app");
export const long = "a layer that is too long to live in its row ".repeat(5);
/** Two images of which each layer is there. */
export const first = imageOf(["layer", long]);
export const second = imageOf(["layer"]);
/** For lists that begin at the latest. */
export const latest = Number.MAX_SAFE_INTEGER;

export function digestOfText(content: string): string {
  return digestOf(Buffer.from(content));
}

export function codeOf(work: unknown): Promise<string | undefined> {
  return Promise.resolve(work).then(
    () => "done",
    (error: { code?: string }) => error.code,
  );
}

/** A repository in which deletes and moves can be undone for a week, and what tests ask of it. */
export class UndoPlace {
  readonly database: TestDatabase;
  readonly registry: Registry;

  private constructor(database: TestDatabase) {
    this.database = database;
    this.registry = openRegistry(database.metadata, undefined, { undoWindow: 7 * day });
  }

  static async open({ database }: GuardedRows): Promise<UndoPlace> {
    const place = new UndoPlace(database);
    await database.metadata.write("ensureInstallation", { uploadKey: "00", epoch: "e1" });
    for (const layer of ["layer", long]) await putBlob(place.registry, app, layer);
    return place;
  }

  undoable(): Promise<UndoEntry[]> {
    return listUndo(this.registry, caller, app, latest, 100);
  }

  /** The latest when no number is given. */
  async undo(entry?: number): Promise<Undone> {
    return applyUndo(this.registry, caller, app, entry ?? (await this.undoable())[0]!.id);
  }

  /** What a tag is at. */
  async at(tag = "v1"): Promise<string | undefined> {
    try {
      return (await inspectManifest(this.registry, caller, app, parseReference(tag))).digest;
    } catch {
      return undefined;
    }
  }

  has(content: string): Promise<string | undefined> {
    return codeOf((async () => pullManifest(this.registry, caller, app, parseReference(digestOfText(content))))());
  }

  hasBlob(content: string): Promise<string | undefined> {
    return codeOf((async () => findBlob(this.registry, caller, app, digestOf(Buffer.from(content))))());
  }

  async count(table: string): Promise<number> {
    return Number(Object.values((await this.database.sql(`select count(*) from ${table}`))[0]!)[0]);
  }

  /** All windows end. Whatever happened, rows and bytes agree, and nothing is held any more. */
  async leave(): Promise<void> {
    await this.database.sql("update undo set until_at = 1");
    await collectAll(this.registry);
    expect(await check(this.registry)).toEqual({ numbers: [0, 0, 0, 0], problems: [] });
    for (const table of ["undo", "undo_manifest", "undo_blob", "undo_child"]) expect(await this.count(table)).toBe(0);
  }
}
