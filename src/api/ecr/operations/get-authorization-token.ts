import { makeEcrPassword, refuseDenied } from "../../../access/index.ts";
import type { EcrCall } from "../call.ts";
import { hostFor, secondsOf } from "../show-repository.ts";

/** A login for the Distribution API, for each registry that is asked for: the user AWS and a password. */
export async function getAuthorizationToken(call: EcrCall<"GetAuthorizationToken">): Promise<object> {
  const { registry, caller, account, input, outside, now } = call;
  await refuseDenied(registry.access, caller, account.namespace);
  const registries = [...new Set(input.registryIds ?? [account.id])];
  const { password, expiresAt } = await makeEcrPassword(registry.access, caller.principal, now);
  const data = {
    authorizationToken: Buffer.from(`AWS:${password}`).toString("base64"),
    expiresAt: secondsOf(expiresAt),
    proxyEndpoint: `${outside.scheme}://${hostFor(call)}`,
  };
  return { authorizationData: registries.map(() => data) };
}
