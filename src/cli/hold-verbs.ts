import { usageError } from "./command-error.ts";
import { parsePlace } from "./parse-scope.ts";
import type { Spread, Verb } from "./verb.ts";

/** Where something is held. */
const holdPlace: Spread = {
  about: "team/ is a namespace with all below it, / the whole server, team/app a repository",
  fields: ["path", "name"],
  read: (text) => {
    const { namespace, repository, tag } = parsePlace(text);
    if (tag !== undefined) throw usageError("holds are listed by repository or namespace: leave the tag out");
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
    spread: { place: holdPlace },
    columns: ["id", "repository", "digest", "reason", "setBy", "setAt"],
  },
  set: { endpoint: "setHold", ...inRepository, args: ["name", "digest"], digest: "digest" },
  release: { endpoint: "releaseHold", ...inRepository, args: ["name", "hold"] },
};
