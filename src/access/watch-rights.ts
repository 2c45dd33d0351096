import { RegistryError } from "../oci/index.ts";
import type { RepositoryName } from "../oci/index.ts";
import type { Action } from "../policy/index.ts";
import type { Access } from "./access.ts";
import { authorize } from "./authorize.ts";
import { findHolder } from "./find-holder.ts";
import { holderOf } from "./holder.ts";
import type { Caller } from "./principal.ts";

/** Rights that are watched while the body of a request arrives, which may take hours. */
export interface RightsWatch {
  /**
   * Asks again where something about anybody's rights changed since the last look, and now and then, so that a directory or
   * provider is heard meanwhile; undefined where there is nothing to ask. What expired by itself goes on to the end of its
   * request.
   * @throws RegistryError UNAUTHORIZED when the credential was ended, and as `authorize` does
   */
  look(): Promise<void> | undefined;
}

/** Watches whether the caller may do this to the repository. Called before rights are asked for the first time. */
export function watchRights(access: Access, caller: Caller, action: Action, name: RepositoryName): RightsWatch {
  return watch(access, caller, async () => void (await authorize(access, caller, action, name)));
}

/** Watches whether the caller's credential is good, for requests that ask for rights themselves when they are whole. */
export function watchLogin(access: Access, caller: Caller): RightsWatch {
  return watch(access, caller, async () => undefined);
}

/** Between two looks where nothing changed here, in milliseconds. */
function longestGap({ settings }: Access): number {
  return Math.min(60_000, settings.freshness / 4);
}

function watch(access: Access, caller: Caller, ask: () => Promise<void>): RightsWatch {
  const { kind } = caller.principal;
  if (kind === "operator" || kind === "system") return { look: () => undefined };
  const began = Date.now();
  let seen = access.version.current();
  let next = began + longestGap(access);
  const lookAgain = async (version: number) => {
    await requireHeld(access, caller, began);
    await ask();
    seen = version;
    next = Date.now() + longestGap(access);
  };
  return {
    look() {
      const version = access.version.current();
      return version === seen && Date.now() < next ? undefined : lookAgain(version);
    },
  };
}

/**
 * The credential by which the caller is known must be good still, but for what expired since the request began.
 * @throws RegistryError UNAUTHORIZED
 */
async function requireHeld(access: Access, { principal }: Caller, began: number): Promise<void> {
  const held = await findHolder(access, holderOf(principal), began);
  if (held === undefined) {
    throw new RegistryError("UNAUTHORIZED", "the login was ended while the request was under way: log in again");
  }
}
