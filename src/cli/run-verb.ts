import { endpoints } from "../contract/index.ts";
import type { Endpoint } from "../contract/index.ts";
import { askEndpoint, askPages, askServer, changeSeen } from "./ask-server.ts";
import type { Server } from "./ask-server.ts";
import { askInTurn } from "./ask-secret.ts";
import { CommandError, usageError } from "./command-error.ts";
import { exitCodes } from "./exit-codes.ts";
import { isPaged, words } from "./field-flags.ts";
import type { FieldFlag } from "./field-flags.ts";
import { openContext } from "./open-context.ts";
import type { ServerFlags } from "./open-context.ts";
import { printResult } from "./print-result.ts";
import type { Output } from "./print-result.ts";
import type { Verb } from "./verb.ts";

/** Flags that all verbs may have, and those of their fields. */
export interface VerbFlags extends ServerFlags {
  readonly output: Output;
  readonly limit?: string;
  readonly passwordStdin?: true;
  readonly passwordFile?: string;
  readonly password?: boolean;
  readonly [flag: string]: unknown;
}

/** A command line of a verb. */
export interface GivenVerb {
  readonly noun: string;
  readonly name: string;
  readonly verb: Verb;
  readonly args: readonly string[];
  readonly values: readonly (string | undefined)[];
  readonly flags: readonly FieldFlag[];
  readonly options: VerbFlags;
}

/** `berth <noun> <verb>`: one endpoint, or all pages of a list. */
export async function runVerb(env: NodeJS.ProcessEnv, given: GivenVerb): Promise<number> {
  const { verb, options } = given;
  const limit = limitOf(options.limit);
  const values = splitFirst(given);
  const { context, server } = await openContext(env, options);
  const fields = new Map<string, unknown>(Object.entries(verb.fixed ?? {}));
  if (verb.self !== undefined) fields.set(verb.self, options[verb.self] ?? context.user);
  for (const [index, name] of given.args.entries()) {
    const value = values[index];
    if (value === undefined) continue;
    for (const [field, read] of readArgument(verb, name, value)) fields.set(field, read);
  }
  for (const flag of given.flags) {
    const value = options[optionName(flag)];
    if (value !== undefined) fields.set(flag.name, flag.read(value));
  }
  const own = verb.self === undefined || fields.get(verb.self) === context.user;
  for (const [name, value] of await askSecrets(given, own)) fields.set(name, value);
  if (verb.digest !== undefined && fields.has(verb.digest))
    fields.set(verb.digest, await findDigest(server, fields, verb.digest));
  const { orElse } = verb;
  const id = orElse !== undefined && fields.has(orElse.field) ? orElse.endpoint : verb.endpoint;
  const endpoint: Endpoint = endpoints[id];
  const question = questionFor(endpoint, fields);
  if (isPaged(endpoint)) {
    const items: unknown[] = [];
    const notes = new Set<string>();
    const note = (some: readonly string[]) => some.forEach((one) => notes.add(one));
    for await (const item of askPages(server, id, question, limit, note)) items.push(item);
    await printList(options.output, items, verb.columns);
    for (const one of notes) process.stderr.write(`note: ${one}\n`);
  } else {
    const changes = endpoint.method === "PATCH" || endpoint.method === "PUT";
    const answer = await (changes ? changeSeen(server, id, question) : askEndpoint(server, id, question));
    const items = (answer as { readonly items?: readonly unknown[] } | undefined)?.items;
    await (items === undefined
      ? printOne({ ...given, values }, answer)
      : printList(options.output, items, verb.columns));
    refuseLostSecret(answer);
    return verb.exitCode?.(answer) ?? exitCodes.done;
  }
  return exitCodes.done;
}

/** Arguments, the first split in two where it says both. @throws CommandError when that makes too many or leaves too few */
function splitFirst({ noun, name, verb: { joined, digest }, args, values: given }: GivenVerb): GivenVerb["values"] {
  if (joined === undefined) return given;
  const [first = "", ...others] = given.filter((value) => value !== undefined);
  const values = [...(joined.split(first) ?? [first]), ...others];
  if (values.length === args.length) return values;
  const rest = digest === undefined ? "" : ` <${digest}>`;
  const [how, line] = [values.length < args.length ? "not enough" : "too many", `berth ${noun} ${name}`];
  throw usageError(`${how} arguments: write ${line} ${joined.example}${rest}`);
}

/** What an argument says of which fields. @throws CommandError */
function readArgument({ spread, flags }: Verb, name: string, text: string): readonly (readonly [string, unknown])[] {
  const several = spread?.[name];
  if (several !== undefined) return Object.entries(several.read(text));
  const read = flags?.[name]?.read;
  // People write the root namespace as a slash: an empty word is easily lost.
  return [[name, read === undefined ? (text === "/" ? "" : text) : read(text)]];
}

/** The digest that a tag is at; a digest has a colon, which no tag has. */
async function findDigest(server: Server, fields: ReadonlyMap<string, unknown>, field: string): Promise<string> {
  const [name, given] = [fields.get("name") as string, fields.get(field) as string];
  if (given.includes(":")) return given;
  return (await askServer(server, "getTag", { parameters: { name, tag: given } as never })).digest;
}

/** @throws CommandError when what was made is there, and its secret went with an answer that was lost */
function refuseLostSecret(answer: unknown): void {
  const { secret, secretAccessKey } = (answer ?? {}) as {
    readonly secret?: unknown;
    readonly secretAccessKey?: unknown;
  };
  if (secret !== null && secretAccessKey !== null) return;
  throw new CommandError(
    "the connection broke when this was made, and its secret is lost: delete it and make another, or rotate it",
  );
}

/** Under which name commander keeps it: `expiresIn`. */
function optionName({ flags }: FieldFlag): string {
  const long = /--([\w-]+)/.exec(flags[0]!)![1]!;
  return long.replace(/-(\w)/g, (_, letter: string) => letter.toUpperCase());
}

function questionFor({ parameters, query, body }: Endpoint, fields: ReadonlyMap<string, unknown>) {
  const part = (schema: { readonly shape: object } | undefined) =>
    schema === undefined
      ? undefined
      : Object.fromEntries(
          Object.keys(schema.shape).flatMap((name) => (fields.has(name) ? [[name, fields.get(name)]] : [])),
        );
  return { parameters: part(parameters), query: part(query), body: part(body) };
}

const passwordFlags = "--password-stdin or --password-file";

/** @param own whether the user of the login is meant */
async function askSecrets({ verb, options }: GivenVerb, own: boolean): Promise<readonly [string, string][]> {
  const wanted = (verb.secrets ?? []).filter((secret) => own || secret.own !== true);
  if (wanted.length === 0 || options.password === false) return [];
  const source = { stdin: options.passwordStdin === true, file: options.passwordFile };
  const answers = await askInTurn(wanted, source, passwordFlags);
  return wanted.map(({ field }, index) => [field, answers[index]!]);
}

async function printList(
  output: Output,
  items: readonly unknown[],
  columns: readonly string[] | undefined,
): Promise<void> {
  const entries = items as readonly Readonly<Record<string, unknown>>[];
  const names = columns ?? Object.keys(entries[0] ?? {});
  await printResult(output, {
    value: items,
    heading: names.map((name) => words(name).toUpperCase()),
    rows: entries.map((entry) => names.map((name) => cellOf(entry[name], name))),
  });
}

async function printOne({ noun, name, args, values, options }: GivenVerb, answer: unknown): Promise<void> {
  if (answer === undefined) {
    const named = Object.fromEntries(args.map((arg, index) => [arg, values[index]]));
    const rows = [[`${noun} ${name} ${values.filter((value) => value !== undefined).join(" ")}: done`]];
    return printResult(options.output, { value: named, rows });
  }
  const entries = Object.entries(answer as object);
  await printResult(options.output, {
    value: answer,
    rows: entries.map(([key, value]) => [words(key), cellOf(value, key)]),
  });
}

/** Fields whose empty text is the root namespace, which people write as a slash. */
const places = ["path", "namespace"];

/** One cell of a table. @param name of the field */
export function cellOf(value: unknown, name = ""): string {
  if (value === null || value === undefined) return "-";
  if (typeof value === "boolean") return value ? "yes" : "no";
  if (Array.isArray(value)) return value.length === 0 ? "-" : value.map((one) => cellOf(one)).join(", ");
  if (typeof value === "object") {
    const { os, architecture, variant } = value as Readonly<Record<string, unknown>>;
    if (os !== undefined && architecture !== undefined) return [os, architecture, variant].filter(Boolean).join("/");
    const parts = Object.entries(value).filter(([, part]) => part !== null && part !== undefined);
    return parts.map(([inner, part]) => `${inner}=${cellOf(part, inner)}`).join(" ");
  }
  if (value === "") return places.includes(name) ? "/" : '""';
  return String(value as string | number);
}

function limitOf(text: string | undefined): number {
  if (text === undefined) return Infinity;
  if (/^[1-9]\d{0,14}$/.test(text)) return Number(text);
  throw usageError(`--limit is a number of at least 1, ${JSON.stringify(text)} is none`);
}
