import { Option } from "commander";
import type { Command } from "commander";
import { endpoints } from "../contract/index.ts";
import type { Endpoint } from "../contract/index.ts";
import { fieldsOf, flagOfField, isPaged, kebab, lowerFirst, shapeOf, words } from "./field-flags.ts";
import type { FieldFlag } from "./field-flags.ts";
import { withOutput, withServer } from "./flags.ts";
import { innerNouns } from "./nouns.ts";
import type { Noun } from "./nouns.ts";
import { verbs } from "./verbs.ts";
import type { Verb } from "./verb.ts";
import type { GivenVerb, VerbFlags } from "./run-verb.ts";

/** Gives a noun its verbs, as the contract of the management API has them. */
export function describeVerbs(command: Command, noun: Noun, finish: (code: number) => void): void {
  for (const [name, verb] of Object.entries<Verb>(verbs[noun])) {
    const [first, second] = name.split(" ") as [string, string?];
    const inner = second === undefined ? command : innerCommand(command, first);
    describeVerb(inner.command(second ?? first), { noun, name, verb }, finish);
  }
}

/** What verbs of two words are grouped by: `template set`. */
function innerCommand(command: Command, noun: string): Command {
  const made = command.commands.find((one) => one.name() === noun);
  return made ?? command.command(noun).description(innerNouns[noun]!).helpCommand(false);
}

function describeVerb(
  command: Command,
  { noun, name: called, verb }: Pick<GivenVerb, "noun" | "name" | "verb">,
  finish: (code: number) => void,
): void {
  const endpoint: Endpoint = endpoints[verb.endpoint];
  const fields = fieldsOf(endpoint);
  const args = verb.args ?? standardArguments(endpoint, verb);
  for (const [index, name] of args.entries()) {
    const spread = verb.spread?.[name];
    const { optional, about } =
      spread === undefined ? shapeOf(fields.get(name)!) : { optional: spread.optional === true, about: spread.about };
    const own = name === verb.self ? "your own when left out" : undefined;
    const joined = index === 0 ? verb.joined?.about : undefined;
    const said =
      own ?? joined ?? verb.flags?.[name]?.about ?? (name === verb.digest ? "or a tag that is at it" : about);
    const label = verb.labels?.[name] ?? kebab(name);
    const mayMiss = optional || own !== undefined || (verb.joined !== undefined && index > 0);
    command.argument(mayMiss ? `[${label}]` : `<${label}>`, said === undefined ? "" : lowerFirst(said));
  }
  const others = [...(verb.omit ?? []), ...(verb.fixed === undefined ? [] : Object.keys(endpoint.body?.shape ?? {}))];
  const spread = Object.values(verb.spread ?? {}).flatMap((one) => one.fields);
  const said = [...args, verb.self, ...others, ...spread, ...secretsOf(verb)];
  const flags = [...fields].flatMap(([name, field]): FieldFlag[] =>
    said.includes(name) ? [] : [{ ...flagOfField(name, field), ...verb.flags?.[name] }],
  );
  for (const flag of flags) addFieldFlag(command, flag);
  if (verb.self !== undefined && !args.includes(verb.self)) {
    command.option(`--${kebab(verb.self)} <name>`, "whose; your own when left out");
  }
  if (verb.secrets !== undefined) addSecretFlags(command, endpoint, verb);
  if (isPaged(endpoint)) command.option("--limit <number>", "entries at most; all when left out");
  withOutput(withServer(command))
    .description(verb.about ?? lowerFirst(endpoint.summary))
    .action(async (...given: unknown[]) => {
      const values = given.slice(0, args.length) as (string | undefined)[];
      const options = given[args.length] as VerbFlags;
      const { runVerb } = await import("./run-verb.ts");
      const call: GivenVerb = { noun, name: called, verb, args, values, flags, options };
      finish(await runVerb(process.env, call));
    });
}

function addFieldFlag(command: Command, { flags, about, choices, name, needed, several }: FieldFlag): void {
  for (const [index, text] of flags.entries()) {
    const option = new Option(text, index === 0 ? about : `not ${words(name)}`);
    if (choices !== undefined) option.choices(choices);
    if (several === true)
      option.argParser<readonly string[] | undefined>((value, before) => [...(before ?? []), value]);
    command.addOption(needed ? option.makeOptionMandatory() : option);
  }
}

/** Never the secret itself: other users see arguments. */
function addSecretFlags(command: Command, { body }: Endpoint, { secrets = [] }: Verb): void {
  const lines = secrets.length === 1 ? "" : "; the old one on a line before it, when it is your own";
  command.option("--password-stdin", `read the password from standard input${lines}`);
  command.option("--password-file <path>", `read the password from a file${lines}`);
  const [first] = secrets;
  if (secrets.length === 1 && shapeOf(body!.shape[first!.field]!).optional) {
    command.option("--no-password", "let nobody log in by a password");
  }
}

/** Names of the path in their order, then texts that the body must have. */
function standardArguments({ path, body }: Endpoint, verb: Verb): string[] {
  const names = [...path.matchAll(/\{(\w+)[+*]?\}/g)].map(([, name]) => name!);
  const needed = Object.entries(body?.shape ?? {}).flatMap(([name, field]) => {
    const { type, optional, nullable } = shapeOf(field);
    return type === "string" && !optional && !nullable ? [name] : [];
  });
  const others = [verb.self, ...secretsOf(verb), ...Object.keys(verb.flags ?? {})];
  return [...new Set([...names, ...needed])].filter((name) => !others.includes(name));
}

function secretsOf({ secrets = [] }: Verb): string[] {
  return secrets.map(({ field }) => field);
}
