import { wireActions } from "../../access/index.ts";
import type { Wanted, WireAction } from "../../access/index.ts";
import { parseRepositoryName, RegistryError } from "../../oci/index.ts";

/** Scopes of one request that are looked at. */
const scopeLimit = 100;

/**
 * What a client asks for: `repository:team/app:pull,push`, `repository(image):…`, `registry:catalog:*`. Scopes stand in
 * several parameters or with spaces between. Types, names and actions that are unknown are passed over, as the protocol
 * wants it; `*` stands for all actions.
 */
export function readScopes(parameters: readonly string[]): Wanted[] {
  const texts = parameters.flatMap((text) => text.split(" ")).filter((text) => text !== "");
  return texts.slice(0, scopeLimit).flatMap((text) => findWanted(text) ?? []);
}

function findWanted(text: string): Wanted | undefined {
  const [, type = "", name = "", list = ""] = /^([a-z]+)(?:\([^)]*\))?:(.*):([^:]*)$/.exec(text) ?? [];
  const asked = list.split(",");
  if (type === "registry") return name === "catalog" && asked.includes("*") ? { catalog: true } : undefined;
  if (type !== "repository") return undefined;
  const actions: readonly WireAction[] = asked.includes("*")
    ? wireActions
    : wireActions.filter((action) => asked.includes(action));
  try {
    return actions.length === 0 ? undefined : { repository: parseRepositoryName(name), actions };
  } catch (error) {
    if (error instanceof RegistryError) return undefined;
    throw error;
  }
}
