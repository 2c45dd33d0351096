import type { z } from "zod";
import { parseDuration } from "../lib/index.ts";
import type { Endpoint } from "../contract/index.ts";
import { usageError } from "./command-error.ts";

/** How a field of the contract is given on the command line, and read from it. */
export interface FieldFlag {
  /** Of the field. */
  readonly name: string;
  /** As commander takes it: `--description <text>`; several for a truth value that may be taken away. */
  readonly flags: readonly string[];
  readonly about: string;
  readonly choices?: readonly string[];
  /** The server refuses the request without it. */
  readonly needed: boolean;
  /** May be given several times; then `read` gets a list. */
  readonly several?: true;
  /** From what commander read. @throws CommandError */
  readonly read: (given: unknown) => unknown;
}

interface Shape {
  readonly type: string;
  readonly optional: boolean;
  readonly nullable: boolean;
  readonly about: string | undefined;
  readonly schema: z.ZodType;
}

/** What a field holds, beneath what makes it optional. */
export function shapeOf(schema: z.ZodType): Shape {
  let [optional, nullable] = [false, false];
  let about = schema.meta()?.description;
  let at = schema as z.ZodType & { readonly def: { readonly type: string; readonly innerType?: z.ZodType } };
  while (at.def.innerType !== undefined) {
    if (at.def.type === "optional" || at.def.type === "default" || at.def.type === "prefault") optional = true;
    if (at.def.type === "nullable") nullable = true;
    at = at.def.innerType as typeof at;
    about ??= at.meta()?.description;
  }
  return { type: at.def.type, optional, nullable, about, schema: at };
}

/** The flag of a field whose kind says it all: text, number, truth value, choice, list of texts. */
export function flagOfField(name: string, field: z.ZodType): FieldFlag {
  const { type, optional, nullable, about: said, schema } = shapeOf(field);
  const needed = !optional;
  const seconds = /^Seconds(?:; |$)/.exec(said ?? "")?.[0];
  // What takes a duration needs no word for it: `--expires 30d`.
  const flag = `--${kebab(seconds === undefined ? name : name.replace(/In$/, ""))}`;
  const about = (seconds === undefined ? said : said!.slice(seconds.length)) || words(name);
  const orNone = (read: (text: string) => unknown) => (given: unknown) =>
    nullable && given === "" ? null : read(given as string);
  const none = nullable ? "; empty for none" : "";
  switch (type) {
    case "boolean":
      return {
        name,
        needed: false,
        flags: [flag, `--no-${kebab(name)}`],
        about: lowerFirst(about),
        read: (given) => given,
      };
    case "number":
    case "int":
      if (seconds !== undefined) {
        return {
          name,
          needed,
          flags: [`${flag} <duration>`],
          about: `such as 12h or 30d; ${about}${none}`,
          read: orNone(secondsOf),
        };
      }
      return {
        name,
        needed,
        flags: [`${flag} <number>`],
        about: lowerFirst(about) + none,
        read: orNone((text) => numberOf(flag, text)),
      };
    case "enum": {
      const choices = (schema as z.ZodEnum).options as readonly string[];
      return {
        name,
        needed,
        flags: [`${flag} <${kebab(name)}>`],
        about: lowerFirst(about),
        choices,
        read: (given) => given,
      };
    }
    case "array": {
      const inner = shapeOf((schema as z.ZodArray).element as z.ZodType);
      const choices = inner.type === "enum" ? ((inner.schema as z.ZodEnum).options as readonly string[]) : undefined;
      const more = choices === undefined ? "" : `: ${choices.join(", ")}`;
      return {
        name,
        needed,
        flags: [`${flag} <list>`],
        about: `${lowerFirst(about)}, with commas between${more}${none}`,
        read: orNone((text) => listOf(flag, text, choices)),
      };
    }
    default:
      return { name, needed, flags: [`${flag} <text>`], about: lowerFirst(about) + none, read: orNone((text) => text) };
  }
}

/** Fields of path, query and body, but for those of paging. */
export function fieldsOf({ parameters, query, body }: Endpoint): Map<string, z.ZodType> {
  const shapes = [parameters, query, body].map((schema) =>
    Object.entries((schema?.shape ?? {}) as Record<string, z.ZodType>),
  );
  return new Map(shapes.flat().filter(([name]) => name !== "limit" && name !== "after"));
}

/** Whether it answers with a page of a list. */
export function isPaged({ answer }: Endpoint): boolean {
  const shape = (answer as z.ZodObject | undefined)?.shape;
  return shape !== undefined && "items" in shape && "next" in shape;
}

/** `expiresIn` → `expires-in` */
export function kebab(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

/** `expiresIn` → `expires in` */
export function words(name: string): string {
  return kebab(name).replaceAll("-", " ");
}

/** For the middle of a sentence, unless it begins with a code. */
export function lowerFirst(text: string): string {
  return /^[A-Z][a-z]/.test(text) ? text[0]!.toLowerCase() + text.slice(1) : text;
}

function listOf(flag: string, text: string, choices: readonly string[] | undefined): readonly string[] {
  const parts = text.split(",").map((part) => part.trim());
  const wrong = parts.find((part) => part === "" || choices?.includes(part) === false);
  if (wrong === undefined) return parts;
  throw usageError(`${flag}: ${JSON.stringify(wrong)} is none of ${choices?.join(", ") ?? "what can be listed"}`);
}

function numberOf(flag: string, text: string): number {
  if (/^\d{1,15}$/.test(text)) return Number(text);
  throw usageError(`${flag} is a number, ${JSON.stringify(text)} is none`);
}

/** Seconds of a duration such as `30d`. @throws CommandError */
export function secondsOf(text: string): number {
  try {
    return Math.round(parseDuration(text) / 1000);
  } catch {
    throw usageError(`${JSON.stringify(text)} is no duration: give one such as 12h or 30d`);
  }
}
