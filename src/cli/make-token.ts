import { hostname } from "node:os";
import { askServer } from "./ask-server.ts";
import type { Server } from "./ask-server.ts";
import { CommandError } from "./command-error.ts";

/** A personal token that was just made. */
export interface MadeToken {
  readonly user: string;
  readonly token: string;
  /** Of its row. */
  readonly tokenId: number;
  /** RFC 3339. */
  readonly expires: string;
}

/**
 * Makes a token of the user that shows its credential.
 * @param seconds that it is good for; the longest that the server allows when undefined
 * @throws CommandError
 */
export async function makeToken(server: Server, name: string, seconds: number | undefined): Promise<MadeToken> {
  const { user } = server;
  const body = { name, ...(seconds === undefined ? {} : { expiresIn: seconds }) };
  const made = await askServer(server, "createToken", { parameters: { user }, body });
  if (typeof made.secret === "string") return { user, token: made.secret, tokenId: made.id, expires: made.expiresAt };
  // The answer to the first attempt was lost, and with it the only copy of the secret.
  await askServer(server, "revokeToken", { parameters: { user, token: made.id } });
  throw new CommandError(`the connection to ${server.url} broke while a token was made, and it is revoked: try again`);
}

/** Of this machine, for the names of tokens: letters and digits that every reader takes. */
export function machineName(): string {
  return (
    hostname()
      .replace(/[^\w.-]/g, "-")
      .slice(0, 60) || "a machine"
  );
}
