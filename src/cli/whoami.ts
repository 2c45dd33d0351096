import { askServer } from "./ask-server.ts";
import { exitCodes } from "./exit-codes.ts";
import { openContext } from "./open-context.ts";
import type { ServerFlags } from "./open-context.ts";
import { printResult } from "./print-result.ts";
import type { Output } from "./print-result.ts";

/** `berth whoami`: as whom the server knows the caller, by what, until when, and with which roles where. */
export async function whoami(
  env: NodeJS.ProcessEnv,
  flags: ServerFlags & { readonly output: Output },
): Promise<number> {
  const { context, server } = await openContext(env, flags);
  const me = await askServer(server, "whoAmI");
  const value = {
    context: context.name,
    server: context.server,
    user: me.name,
    credential: me.credential,
    scoped: me.scoped,
    expires: me.expiresAt ?? context.expires ?? null,
    sponsor: me.sponsor,
    serverOwner: me.serverOwner,
    scope: me.scope,
    grants: me.grants,
  };
  const { scope, grants, sponsor, ...plain } = value;
  const rows = Object.entries({ ...plain, ...(sponsor && { sponsor }) }).map(([name, cell]) => [
    name,
    cell === null ? "(not known)" : String(cell),
  ]);
  const narrowed = (scope ?? []).map((part) => ["scope", `${placeOf(part)}: ${rightsOf({ role: null, ...part })}`]);
  const granted = grants.map((grant) => ["grant", `${placeOf(grant)}: ${rightsOf(grant)}, given to ${grant.to}`]);
  await printResult(flags.output, { value, rows: [...rows, ...narrowed, ...granted] });
  return exitCodes.done;
}

interface Placed {
  readonly namespace?: string | undefined;
  readonly repository?: string | undefined;
}

/** As arguments write it: `team/` is a namespace, `/` the root. */
function placeOf({ namespace, repository }: Placed): string {
  return repository ?? (namespace === "" ? "/" : `${namespace ?? ""}/`);
}

function rightsOf(given: {
  readonly role: string | null;
  readonly actions: readonly string[];
  readonly tags?: readonly string[] | null | undefined;
}): string {
  const { role, actions, tags } = given;
  const what = [...(role === null ? [] : [role]), ...actions].join(", ");
  return tags === undefined || tags === null ? what : `${what} for the tags ${tags.join(", ")}`;
}
