import type { EndpointId } from "./ask-server.ts";
import type { FieldFlag } from "./field-flags.ts";

/** How an endpoint is called from the command line. */
export interface Verb {
  readonly endpoint: EndpointId;
  /** What is called instead when a field is given. */
  readonly orElse?: { readonly field: string; readonly endpoint: EndpointId };
  /** The help's sentence, where the contract's does not suit. */
  readonly about?: string;
  /** Fields that are given in this order without a flag; names of the path and texts that must be there when left out. */
  readonly args?: readonly string[];
  /** The field that is the user of the login when it is left out; a flag unless it is one of `args`. */
  readonly self?: string;
  /** Fields that are given in a way of their own. */
  readonly flags?: Readonly<Record<string, Partial<FieldFlag>>>;
  /** Arguments that stand for several fields, and what they say of them. */
  readonly spread?: Readonly<Record<string, Spread>>;
  /** The first argument may say the second too. */
  readonly joined?: Joined;
  /** What the help calls an argument. */
  readonly labels?: Readonly<Record<string, string>>;
  /** The argument that is a digest, and may be a tag. */
  readonly digest?: string;
  /** What the command ends with; 0 when left out. */
  readonly exitCode?: (answer: unknown) => number;
  /** Fields that are left to another verb. */
  readonly omit?: readonly string[];
  /** Fields that the verb itself says; the body has no others then. */
  readonly fixed?: Readonly<Record<string, unknown>>;
  /** Fields that are asked for without an echo, or come from standard input or a file, a line each. */
  readonly secrets?: readonly Secret[];
  /** Fields of an entry that the table shows; all when left out. */
  readonly columns?: readonly string[];
}

export interface Spread {
  readonly about: string;
  readonly optional?: true;
  /** Of the fields that it stands for. */
  readonly fields: readonly string[];
  /** @throws CommandError */
  readonly read: (text: string) => Readonly<Record<string, unknown>>;
}

export interface Joined {
  /** What the help says of the first argument. */
  readonly about: string;
  readonly example: string;
  /** Both; undefined when the text says the first alone. @throws CommandError */
  readonly split: (text: string) => readonly [string, string] | undefined;
}

export interface Secret {
  readonly field: string;
  readonly question: string;
  /** A new one, which is asked for twice. */
  readonly twice?: true;
  /** Asked for only when the user of the login is meant. */
  readonly own?: true;
}
