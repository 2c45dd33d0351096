import { berthLifecycle } from "../../contract/index.ts";
import { RegistryError } from "../../oci/index.ts";
import { PolicyFault } from "../../policy/index.ts";
import type { LifecyclePolicy } from "../../policy/index.ts";
import { compilePolicy, grammarOf } from "./compile-policy.ts";
import type { LifecycleDocument } from "./compile-policy.ts";

/** Reads a policy in any of the three grammars. @throws RegistryError REQUEST_INVALID, in the words of its grammar */
export function checkPolicy(document: LifecycleDocument): LifecyclePolicy {
  if (grammarOf(document) === "berth") {
    const { success, error } = berthLifecycle.safeParse(document);
    if (!success) {
      const faults = error.issues
        .slice(0, 5)
        .map(({ path, message }) => `${path.join(".") || "the policy"}: ${message}`);
      throw refused(faults.join("; "));
    }
  }
  try {
    return compilePolicy(document);
  } catch (fault) {
    if (fault instanceof PolicyFault) throw refused(fault.message);
    throw fault;
  }
}

function refused(why: string): RegistryError {
  return new RegistryError("REQUEST_INVALID", `the lifecycle policy cannot be taken: ${why}`);
}
