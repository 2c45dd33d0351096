import type { DialectName } from "../statement.ts";

/**
 * One step of the schema. Each step runs in a transaction with the row that records it, so that a killed migration goes
 * on where it stopped. A step that was released is never edited.
 */
export interface Migration {
  /** Sorts: `0001-core`. */
  readonly name: string;
  /** One statement a string; words in braces are spelt by the dialect (see `spell`). */
  readonly steps: readonly string[];
}

/**
 * JSON that PostgreSQL reads without an error: it refuses NUL and halves of surrogate pairs, which documents may have as
 * escapes; they become U+FFFD.
 */
function takenByPostgres(text: string): string {
  const high = String.raw`\\u[dD][89abAB][0-9a-fA-F]{2}`;
  const low = String.raw`\\u[dD][c-fC-F][0-9a-fA-F]{2}`;
  const broken = String.raw`\\u0000|${high}(?!${low})|(?<!${high})${low}`;
  return `regexp_replace(${text}, '${broken}', '\\\\ufffd', 'g')`;
}

const words: { readonly [dialect in DialectName]: { readonly [word: string]: string } } = {
  sqlite: {
    id: "integer primary key",
    sequence: "integer primary key autoincrement",
    int: "integer",
    bytes: "blob",
    text: "text",
    rowless: "without rowid",
    annotationsOf: "json_extract(cast(c.bytes as text), '$.annotations')",
  },
  postgres: {
    id: "bigint generated always as identity primary key",
    sequence: "bigint generated always as identity primary key",
    int: "bigint",
    bytes: "bytea",
    text: 'text collate "C"',
    rowless: "",
    annotationsOf: `(${takenByPostgres("convert_from(c.bytes, 'UTF8')")}::json ->> 'annotations')`,
  },
};

/** Spells a step for a database. @throws Error on an unknown word in braces */
export function spell(step: string, dialect: DialectName): string {
  return step.replace(/\{(\w+)\}/g, (_match, word: string) => {
    const spelt = words[dialect][word];
    if (spelt === undefined) throw new Error(`no spelling for {${word}}`);
    return spelt;
  });
}
