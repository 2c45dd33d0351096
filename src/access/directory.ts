import type { Account, Attribution } from "../metadata/index.ts";
import { RegistryError } from "../oci/index.ts";
import type { Access } from "./access.ts";
import type { Identity } from "./identity-providers/identity-provider.ts";
import type { Vouched } from "./vouched.ts";

/** How old what the directory said may be, where `access.freshness` allows more; milliseconds. */
const longestFreshness = 60_000;
/** Of the freshness: from then on the directory is asked in the background. */
const renewAfter = 0.75;
/** Between two tries of a directory that does not answer, in milliseconds. */
const tryAgainAfter = 15_000;
/** Accounts whose last look is remembered; all are forgotten when there are more. */
const rememberLimit = 10_000;

/** What this process knows of an account of the directory; milliseconds since 1970. */
interface Look {
  /** When the directory last said who it is. */
  readonly seen: number;
  /** When it was asked since and did not answer. */
  readonly failed?: number;
}

/** An account as its row has it. */
type Person = Pick<Account, "id" | "name" | "source" | "external_id">;

interface Looks {
  readonly known: Map<number, Look>;
  /** Of accounts that are looked at: whether the directory knows them still. */
  readonly asking: Map<number, Promise<boolean>>;
}

const looks = new WeakMap<Access, Looks>();

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
 * Whether the directory vouches for an account of its own still: its groups are those that the directory named lately, a
 * minute ago at most, or `access.freshness` where that is less. While it does not answer, what it said counts for
 * `access.outage`.
 * @throws RegistryError UNAVAILABLE when it has not answered for longer
 */
export async function lookAtPerson(access: Access, person: Person): Promise<Vouched> {
  const { directory, settings } = access;
  if (person.source === "local" || person.source.startsWith("sso:")) return { again: Number.POSITIVE_INFINITY };
  if (person.source !== directory?.source) return { ended: "the user's directory is not asked any more" };
  const freshness = Math.min(longestFreshness, settings.freshness);
  const look = looksOf(access).known.get(person.id);
  const now = Date.now();
  const age = look === undefined ? Number.POSITIVE_INFINITY : now - look.seen;
  if (age < freshness * renewAfter) return { again: now - age + freshness * renewAfter };
  const left = settings.outage - age;
  const rested = look?.failed === undefined || now - look.failed >= tryAgainAfter;
  const asking = rested ? askOnce(access, person) : undefined;
  if (age < freshness) {
    asking?.catch(() => undefined);
    return { again: now - age + freshness };
  }
  try {
    // Nobody waits for a directory that did not answer a moment ago.
    const known = asking === undefined && left > 0 ? true : await (asking ?? askOnce(access, person));
    if (!known) return { ended: "the directory does not know the user any more" };
    return { again: Date.now() + (asking === undefined ? Math.min(tryAgainAfter, left) : freshness * renewAfter) };
  } catch (error) {
    const down = error instanceof RegistryError && error.code === "UNAVAILABLE";
    if (down && left > 0) return { again: Date.now() + Math.min(tryAgainAfter, left) };
    throw error;
  }
}

/** Requests of one process ask once. */
function askOnce(access: Access, person: Person): Promise<boolean> {
  const { asking } = looksOf(access);
  let running = asking.get(person.id);
  if (running === undefined) {
    running = ask(access, person).finally(() => asking.delete(person.id));
    asking.set(person.id, running);
  }
  return running;
}

async function ask(access: Access, { id, name, external_id: externalId }: Person): Promise<boolean> {
  const { known } = looksOf(access);
  try {
    const identity = await access.directory!.find(name);
    if (identity?.externalId === externalId) await admit(access, identity);
    else known.delete(id);
    return identity?.externalId === externalId;
  } catch (error) {
    const look = known.get(id);
    if (look !== undefined) known.set(id, { ...look, failed: Date.now() });
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
  const { known } = looksOf(access);
  if (known.size >= rememberLimit) known.clear();
  known.set(id, { seen: Date.now() });
  return id;
}

function looksOf(access: Access): Looks {
  let kept = looks.get(access);
  if (kept === undefined) looks.set(access, (kept = { known: new Map(), asking: new Map() }));
  return kept;
}
