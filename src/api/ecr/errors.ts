import type { RegistryError, RegistryErrorCode } from "../../oci/index.ts";
import { arnOf, callerArn, nameFor } from "./accounts.ts";
import type { EcrCall } from "./call.ts";
import { EcrError } from "./ecr-error.ts";

/** Errors of the registry that mean the same to every operation; the others are parameters that are wrong. */
const types: { readonly [code in RegistryErrorCode]?: string } = {
  INTERNAL: "ServerException",
  NAME_UNKNOWN: "RepositoryNotFoundException",
  READ_ONLY: "AccessDeniedException",
  STORAGE_FULL: "LimitExceededException",
  TOO_MANY_REQUESTS: "ThrottlingException",
  UNAVAILABLE: "ServerException",
};

/** What broke here, and not at the client's. */
export function isServerFault({ type }: EcrError): boolean {
  return type === "ServerException";
}

interface Detail {
  readonly name?: string;
  readonly action?: string;
  /** Names the statement of a policy. */
  readonly policy?: string;
}

/** What a use-case refused, in the service's words. */
export function translateRefusal(call: EcrCall, error: RegistryError): EcrError {
  const { name, action } = (error.detail ?? {}) as Detail;
  const refused = error.code === "UNAUTHORIZED" || (error.code === "DENIED" && action !== undefined);
  if (refused) return refuseAccess(call, name, error);
  if (error.code === "NAME_UNKNOWN")
    return unknownRepository(call, name === undefined ? "" : nameFor(call.account, name));
  const type = types[error.code] ?? "InvalidParameterException";
  return new EcrError(type, error.message, {}, error);
}

/** Says which action on what: private or not there, it reads the same. */
function refuseAccess({ operation, caller, account, region }: EcrCall, name: string | undefined, cause: RegistryError) {
  const below = name !== undefined && (account.namespace === "" || name.startsWith(`${account.namespace}/`));
  const resource = below ? arnOf("ecr", region, account, `repository/${nameFor(account, name)}`) : "*";
  const who = callerArn(region, account, caller.principal);
  const action = `ecr:${operation}`;
  const { policy } = (cause.detail ?? {}) as Detail;
  const why =
    policy === undefined
      ? `because no identity-based policy allows the ${action} action`
      : `with an explicit deny in a resource-based policy (${policy})`;
  const message = `User: ${who} is not authorized to perform: ${action} on resource: ${resource} ${why}`;
  return new EcrError("AccessDeniedException", message, {}, cause);
}

export function unknownRepository({ account }: EcrCall, name: string): EcrError {
  const message = `The repository with name '${name}' does not exist in the registry with id '${account.id}'`;
  return new EcrError("RepositoryNotFoundException", message);
}

/** @param rule what the parameter must satisfy */
export function invalidParameter(name: string, rule: string): EcrError {
  return new EcrError(
    "InvalidParameterException",
    `Invalid parameter at '${name}' failed to satisfy constraint: '${rule}'`,
  );
}
