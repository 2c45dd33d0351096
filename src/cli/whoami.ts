import { askServer } from "./ask-server.ts";
import { exitCodes } from "./exit-codes.ts";
import { openContext } from "./open-context.ts";
import type { ServerFlags } from "./open-context.ts";
import { printResult } from "./print-result.ts";
import type { Output } from "./print-result.ts";

/** `berth whoami`: as whom the server knows the caller, by what, and until when. */
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
    expires: context.expires ?? null,
    serverOwner: me.serverOwner,
  };
  await printResult(flags.output, {
    value,
    rows: Object.entries(value).map(([name, cell]) => [name, cell === null ? "(not known)" : String(cell)]),
  });
  return exitCodes.done;
}
