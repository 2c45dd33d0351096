import { RegistryError } from "../../oci/index.ts";
import { IamFault } from "../../policy/index.ts";
import { EcrError } from "./ecr-error.ts";

/**
 * A policy that is refused, in ECR's words, which say what is wrong and where. Terraform sends a repository's again for some
 * minutes then, since at Amazon a user who was just made is not known at once.
 * @param parameter in which it came
 */
export function refusePolicy(parameter: string, of: "repository" | "registry", error: unknown): unknown {
  if (error instanceof IamFault) {
    const message = `Invalid parameter at '${parameter}' failed to satisfy constraint: 'Invalid ${of} policy provided: ${error.message}'`;
    return new EcrError("InvalidParameterException", message, {}, error);
  }
  const lacks = error instanceof RegistryError && error.code === "DENIED" && error.detail === undefined;
  return lacks ? new EcrError("AccessDeniedException", error.message, {}, error) : error;
}
