import { exitCodes } from "./exit-codes.ts";
import type { Spread, Verb } from "./verb.ts";

/** Whose quotas. */
const quotaNamespace: Spread = {
  about: "team or team/; / is the root",
  fields: ["path"],
  read: (text) => ({ path: text.replace(/\/$/, "") }),
};

/** `berth quota …` */
export const quotaVerbs: Readonly<Record<string, Verb>> = {
  show: {
    endpoint: "showQuotas",
    args: ["namespace"],
    spread: { namespace: quotaNamespace },
    columns: ["quota", "from", "used", "limit", "percent", "pending", "givenUp"],
  },
  recount: {
    endpoint: "recountQuotas",
    about: "count anew what namespaces with a quota use, and set right what differs; ends with 4 when something did",
    args: ["namespace"],
    spread: { namespace: { ...quotaNamespace, about: "with all below it; / is all of the server" } },
    columns: ["namespace", "counted", "found", "corrected"],
    exitCode: (answer) =>
      (answer as { readonly items: readonly { readonly corrected: boolean }[] }).items.some((one) => one.corrected)
        ? exitCodes.found
        : exitCodes.done,
  },
};
