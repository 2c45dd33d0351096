import { usageError } from "./command-error.ts";
import { parsePlace } from "./parse-scope.ts";
import type { Spread, Verb } from "./verb.ts";

/** Where something is held, or can be undone. */
export const heldPlace: Spread = {
  about: "team/ is a namespace with all below it, / the whole server, team/app a repository",
  fields: ["path", "name"],
  read: (text) => {
    const { namespace, repository, tag } = parsePlace(text);
    if (tag !== undefined) throw usageError("it is listed by repository or namespace: leave the tag out");
    return repository === undefined ? { path: namespace } : { name: repository };
  },
};

const inRepository = { labels: { name: "repository" } } as const;

/** `berth hold …` */
export const holdVerbs: Readonly<Record<string, Verb>> = {
  list: {
    endpoint: "listNamespaceHolds",
    orElse: { field: "name", endpoint: "listHolds" },
    about: "list what is held in a repository, or in all below a namespace",
    args: ["place"],
    spread: { place: heldPlace },
    columns: ["id", "repository", "digest", "reason", "setBy", "setAt"],
  },
  set: { endpoint: "setHold", ...inRepository, args: ["name", "digest"], digest: "digest" },
  release: { endpoint: "releaseHold", ...inRepository, args: ["name", "hold"] },
};

/** Whose reports. */
const usagePlace: Spread = {
  about: "the namespace, such as team/; / is the whole server",
  fields: ["path"],
  read: (text) => ({ path: text.replace(/\/$/, "") }),
};

/** `berth usage …`, beside `berth usage report`. */
export const usageVerbs: Readonly<Record<string, Verb>> = {
  list: { endpoint: "listUsage", args: ["namespace"], spread: { namespace: usagePlace } },
  forget: { endpoint: "forgetUsage", args: ["namespace", "source"], spread: { namespace: usagePlace } },
};

/** Of verbs that take away what may run: nobody says `--no-force`. */
export const byForce = { flags: { force: { flags: ["--force"] } } } as const;
export const byForceOrPurge = { flags: { ...byForce.flags, purge: { flags: ["--purge"] } } } as const;
