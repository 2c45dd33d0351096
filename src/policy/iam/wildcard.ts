/** Any characters, none included; or exactly one. Other parts are texts that stand for themselves, or policy variables. */
const many = Symbol("*");
const one = Symbol("?");

/** A policy variable, `${aws:username}`. */
export interface Variable {
  /** Name of a condition key, in lower case. */
  readonly key: string;
  /** What stands there when the request has no such key. */
  readonly standard: string | undefined;
}

type Part = string | typeof many | typeof one | Variable;

/** A text of a policy with `*`, `?` and policy variables, ready to be compared. */
export interface Wildcard {
  readonly parts: readonly Part[];
}

/** What a policy variable stands for in a request; undefined when the request does not have it. */
export type VariableLookup = (key: string) => string | undefined;

/** Takes `*` and `?` as wildcards, and nothing else. */
export function parseWildcard(text: string): Wildcard {
  return { parts: partsOf(text) };
}

/** The same, without wildcards. */
export function parseExact(text: string): Wildcard {
  return { parts: text === "" ? [] : [text] };
}

const variable = /\$\{([^}]*)\}/g;

/**
 * Reads a text with policy variables (IAM's policies of the version 2012-10-17): `${aws:username}`,
 * `${aws:username, 'nobody'}`, and `${*}`, `${?}`, `${$}` for the characters themselves.
 * @param wild whether `*` and `?` beside them are wildcards
 * @param toVariable gives what stands for what is between the braces, or throws
 */
export function parseVariables(text: string, wild: boolean, toVariable: (inner: string) => Variable): Wildcard {
  const parts: Part[] = [];
  const literal = (piece: string) => parts.push(...(wild ? partsOf(piece) : piece === "" ? [] : [piece]));
  let at = 0;
  for (const { 0: whole, 1: inner, index } of text.matchAll(variable)) {
    literal(text.slice(at, index));
    parts.push(inner === "*" || inner === "?" || inner === "$" ? inner : toVariable(inner!.trim()));
    at = index + whole.length;
  }
  literal(text.slice(at));
  return { parts };
}

function partsOf(text: string): Part[] {
  return text
    .split(/([*?])/)
    .filter((piece) => piece !== "")
    .map((piece) => (piece === "*" ? many : piece === "?" ? one : piece));
}

/**
 * Whether the whole text matches. What a variable stands for is no wildcard. The time is at most the product of both
 * lengths, whatever the author of the pattern wrote: a star that has matched is never looked at again once a later one has.
 * @param fold compare without regard to case
 */
export function matchesWildcard({ parts }: Wildcard, text: string, lookup: VariableLookup, fold = false): boolean {
  const pattern: (string | typeof many | typeof one)[] = [];
  for (const part of parts) {
    if (typeof part === "symbol") pattern.push(part);
    else {
      const literal = typeof part === "string" ? part : (lookup(part.key) ?? part.standard);
      if (literal === undefined) return false;
      pattern.push(...(fold ? literal.toLowerCase() : literal).split(""));
    }
  }
  return matchUnits(pattern, fold ? text.toLowerCase() : text);
}

function matchUnits(pattern: readonly (string | typeof many | typeof one)[], text: string): boolean {
  let [at, place] = [0, 0];
  // Where to go on from when what follows the last star does not match here.
  let [star, from] = [-1, 0];
  while (at < text.length) {
    const unit = pattern[place];
    if (unit === many) [star, from, place] = [place, at, place + 1];
    else if (unit !== undefined && (unit === one || unit === text[at])) [at, place] = [at + 1, place + 1];
    else if (star < 0) return false;
    else [from, at, place] = [from + 1, from + 1, star + 1];
  }
  while (pattern[place] === many) place++;
  return place === pattern.length;
}
