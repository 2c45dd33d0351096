import { usageError } from "./command-error.ts";

/** What may be done in one place, as the contract has it. */
export interface Scope {
  /** Empty for the root. */
  readonly namespace?: string;
  readonly repository?: string;
  readonly actions: readonly string[];
  readonly tags?: readonly string[];
}

/** The same with a role instead of actions. */
export type PlacedRight = Omit<Scope, "actions"> &
  ({ readonly role: string } | { readonly actions: readonly string[] });

const roles = ["reader", "writer", "maintainer", "owner"];

/**
 * `team/app:pull,push` is a repository; `team/:pull` a namespace with all below it, `/:pull` the root; `team/app:push:v*,ci-*`
 * is for tags of these patterns only.
 * @throws CommandError
 */
export function parseScope(text: string): Scope {
  const [place = "", actions = "", tags, ...more] = text.split(":");
  if (place === "" || actions === "" || tags === "" || more.length > 0) {
    throw usageError(`${JSON.stringify(text)} is no scope: write one as team/app:pull,push or team/:pull`);
  }
  return {
    ...(place.endsWith("/") ? { namespace: place.slice(0, -1) } : { repository: place }),
    actions: actions.split(","),
    ...(tags === undefined ? {} : { tags: tags.split(",") }),
  };
}

/** A scope in which a role may stand for actions: `team/:writer`. @throws CommandError */
export function parseRight(text: string): PlacedRight {
  const { actions, ...place } = parseScope(text);
  const [first = "", ...others] = actions;
  return others.length === 0 && roles.includes(first) ? { ...place, role: first } : { ...place, actions };
}

/** What a claim of an identity token must be, as the contract has it. */
export type Condition = Readonly<Record<string, unknown>>;

/**
 * `sub=repo:acme/app:ref:refs/heads/main` is the same text, `sub~repo:acme/*` a pattern, `ref in main,next` one of several;
 * `kubernetes.io/namespace=prod` is a claim within a claim. JSON for all that these cannot say.
 * @throws CommandError
 */
export function parseCondition(text: string): Condition {
  const wrong = () =>
    usageError(`${JSON.stringify(text)} is no condition: write one as claim=text, claim~pattern or "claim in one,two"`);
  if (text.startsWith("{")) {
    try {
      return JSON.parse(text) as Condition;
    } catch {
      throw wrong();
    }
  }
  const [, name, sign, value] = /^([^=~\s]+)( in |=|~)(.+)$/s.exec(text) ?? [];
  if (name === undefined || value === undefined) throw wrong();
  const claim = name.split("/");
  if (sign === "=") return { claim, equals: value };
  return sign === "~" ? { claim, glob: value } : { claim, oneOf: value.split(",") };
}

/** `team/` is a namespace, `/` the root, `team/app` a repository, `team/app:v1` a tag of it. Fields as the contract has them. */
export interface Place {
  readonly namespace?: string;
  readonly repository?: string;
  readonly tag?: string;
}

/** @throws CommandError */
export function parsePlace(text: string): Place {
  const [place = "", tag, ...more] = text.split(":");
  if (place === "" || tag === "" || more.length > 0 || (tag !== undefined && place.endsWith("/"))) {
    throw usageError(`${JSON.stringify(text)} is no place: write team/ for a namespace, team/app for a repository`);
  }
  if (place.endsWith("/")) return { namespace: place.slice(0, -1) };
  return { repository: place, ...(tag === undefined ? {} : { tag }) };
}

const subjects = ["user", "group", "robot", "trust"];

/** `user:alice` or `alice`, `group:dev`, `robot:robot_team_ci`, `trust:ci`. @throws CommandError */
export function parseSubject(text: string): Readonly<Record<string, string>> {
  const [kind, name, ...more] = text.includes(":") ? text.split(":") : ["user", text];
  if (!subjects.includes(kind!) || name === undefined || name === "" || more.length > 0) {
    throw usageError(`${JSON.stringify(text)} is nobody: write user:alice, group:dev, robot:robot_team_ci or trust:ci`);
  }
  return { [kind!]: name };
}
