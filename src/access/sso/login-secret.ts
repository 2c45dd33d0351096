import type { Access } from "../access.ts";
import { seal, unseal } from "../seal-secret.ts";

/** What a provider is asked again by: a refresh token, else an access token. */
export type LoginSecret = { readonly refresh: string } | { readonly access: string };

/** @param id of the login: moved to another's row it does not open */
export function sealLogin({ sealingKey }: Pick<Access, "sealingKey">, id: string, secret: LoginSecret): string {
  return seal(sealingKey, purposeOf(id), Buffer.from(JSON.stringify(secret)));
}

/** Undefined when it was changed, is of another login, or was sealed under another key. */
export function unsealLogin(
  { sealingKey }: Pick<Access, "sealingKey">,
  id: string,
  sealed: string,
): LoginSecret | undefined {
  const bytes = unseal(sealingKey, purposeOf(id), sealed);
  return bytes === undefined ? undefined : (JSON.parse(bytes.toString("utf8")) as LoginSecret);
}

function purposeOf(id: string): string {
  return `provider-login:${id}`;
}
