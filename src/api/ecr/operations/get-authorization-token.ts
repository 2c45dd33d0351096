import type { EcrCall } from "../call.ts";
import { makePassword } from "../password.ts";
import { hostFor, secondsOf } from "../show-repository.ts";

/** A login for the Distribution API, for each registry that is asked for: the user AWS and a password. */
export function getAuthorizationToken(call: EcrCall<"GetAuthorizationToken">): object {
  const { account, input, outside } = call;
  const registries = [...new Set(input.registryIds ?? [account.id])];
  const { password, expiresAt } = makePassword(call);
  const data = {
    authorizationToken: Buffer.from(`AWS:${password}`).toString("base64"),
    expiresAt: secondsOf(expiresAt),
    proxyEndpoint: `${outside.scheme}://${hostFor(call)}`,
  };
  const authorizationData = registries.map(() => data);
  return { authorizationData };
}
