import type { Attribution } from "../metadata/index.ts";
import { RegistryError } from "../oci/index.ts";
import type { Access } from "./access.ts";
import type { Identity } from "./identity-providers/identity-provider.ts";

/** Between two looks at one account that goes on by its tokens, in milliseconds. */
const lookAgainAfter = 60_000;
/** How long what was seen counts while the directory does not answer. */
const staleFor = 60 * 60_000;
/** Accounts whose last look is remembered; all are forgotten when there are more. */
const rememberLimit = 10_000;

const looks = new WeakMap<Access, Map<number, number>>();

/**
 * The account of whoever the directory knows by this name and password, brought up to what it says; undefined when it knows
 * nobody, or there is no directory.
 * @throws RegistryError UNAVAILABLE when the directory does not answer, CONFLICT when the name belongs to another here
 */
export async function admitByPassword(access: Access, name: string, password: string): Promise<number | undefined> {
  const identity = await access.directory?.authenticate(name, password);
  return identity === undefined ? undefined : admit(access, identity);
}

/**
 * Looks again at an account that the directory vouches for: its groups are those of now, and where the directory does not
 * know it any more the answer is false. At most once a minute for each account.
 * @throws RegistryError UNAVAILABLE when the directory has not answered for an hour
 */
export async function isStillVouchedFor(
  access: Access,
  account: { readonly id: number; readonly name: string; readonly source: string; readonly external_id: string | null },
): Promise<boolean> {
  const { directory } = access;
  if (account.source === "local" || account.source !== directory?.source) return true;
  const seen = looksOf(access).get(account.id);
  if (seen !== undefined && Date.now() - seen < lookAgainAfter) return true;
  try {
    const identity = await directory.find(account.name);
    if (identity?.externalId !== account.external_id) return false;
    await admit(access, identity);
    return true;
  } catch (error) {
    const down = error instanceof RegistryError && error.code === "UNAVAILABLE";
    if (down && seen !== undefined && Date.now() - seen < staleFor) return true;
    throw error;
  }
}

async function admit(access: Access, identity: Identity): Promise<number> {
  const { source } = access.directory!;
  const by: Attribution = {
    principal: `system:${source}`,
    credential: null,
    address: null,
    request: null,
    reason: "the directory says so",
  };
  const { id } = await access.metadata.write("admitIdentity", { by, source, identity });
  const seen = looksOf(access);
  if (seen.size >= rememberLimit) seen.clear();
  seen.set(id, Date.now());
  return id;
}

function looksOf(access: Access): Map<number, number> {
  let map = looks.get(access);
  if (map === undefined) looks.set(access, (map = new Map()));
  return map;
}
