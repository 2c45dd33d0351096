import { hashSecret, newSecret, openAccess, operator } from "../../src/access/index.ts";
import type {
  Access,
  IdentityProvider,
  AccessSettings,
  Outside,
  Caller,
  Principal,
  ScopeEntry,
} from "../../src/access/index.ts";
import { openGuardedFetch } from "../../src/lib/index.ts";
import type { GuardedFetch } from "../../src/lib/index.ts";
import type { InputOf, Metadata } from "../../src/metadata/index.ts";
import type { Action, Role } from "../../src/policy/index.ts";
import type { Registry } from "../../src/registry/index.ts";
import { accessSettings, openRegistry } from "./open-registry.ts";
import type { AllWrites } from "../../src/writes.ts";

/** The use-cases over these rows with access control on. */
export async function openGuarded(
  metadata: Metadata<AllWrites>,
  fetch: GuardedFetch = openGuardedFetch({
    allow: ["127.0.0.0/8"],
    ca: undefined,
    timeout: 4_000,
    sizeLimit: 100_000,
  }),
  settings: Partial<AccessSettings> = {},
  directory?: IdentityProvider,
  outside: Partial<Outside> = {},
): Promise<Registry & { readonly access: Access }> {
  const given = { fetch, directory, ...outside };
  const access = await openAccess(metadata, { ...accessSettings, ...settings }, Buffer.alloc(32, 9), given);
  return { ...openRegistry(metadata), access };
}

const by = { principal: "user:admin", credential: "password", address: null, request: null, reason: "test" };

/** An account with a password that costs nothing: it has none, and is known by a token. */
export async function makeAccount(metadata: Metadata<AllWrites>, name: string): Promise<number> {
  const account = { name, display: null, email: null, password: null, source: "local", externalId: null };
  return (await metadata.write("createAccount", { by, ...account })).id;
}

/** A token of the account. */
export async function makeToken(
  metadata: Metadata<AllWrites>,
  account: number,
  scope: readonly ScopeEntry[] | null = null,
  age = 3_600_000,
): Promise<{ readonly id: number; readonly secret: string }> {
  const secret = newSecret("token");
  const text = scope === null ? null : JSON.stringify(scope);
  const token = { account, name: "laptop", hash: hashSecret(secret), scope: text, age };
  return { ...(await metadata.write("createToken", { by, ...token })), secret };
}

export async function makeNamespace(metadata: Metadata<AllWrites>, path: string, open = false): Promise<number> {
  return (await metadata.write("createNamespace", { by, path, public: open })).id;
}

export async function grant(
  metadata: Metadata<AllWrites>,
  to:
    | { readonly account: number }
    | { readonly group: number }
    | { readonly robot: number }
    | { readonly trust: number },
  on: { readonly namespace: number } | { readonly repository: number },
  what: Role | readonly Action[],
  tags: readonly string[] | null = null,
): Promise<number> {
  const given = typeof what === "string" ? { role: what, actions: [] } : { role: null, actions: what };
  return (await metadata.write("createGrant", { by, to, on, ...given, tags, target: "test" })).id;
}

/** A robot of the namespace for which the account answers. */
export async function makeRobot(
  metadata: Metadata<AllWrites>,
  namespace: number,
  name: string,
  sponsor: { readonly account: number } | { readonly robot: number },
  age = 3_600_000,
): Promise<{ readonly id: number; readonly secret: string }> {
  const secret = newSecret("robot");
  const robot = { namespace, name, login: `robot_${name}`, description: null, sponsor, hash: hashSecret(secret) };
  return { ...(await metadata.write("createRobot", { by, ...robot, age })), secret };
}

/** A request of the principal. */
export function callerOf(principal: Principal): Caller {
  return { principal, address: "192.0.2.1", id: "test" };
}

export function basic(name: string, secret: string): string {
  return `Basic ${Buffer.from(`${name}:${secret}`).toString("base64")}`;
}

/** A trust rule; what is not said is as for tokens of `registry.example.com` in the root namespace. */
export async function makeTrustRule(
  metadata: Metadata<AllWrites>,
  rule: Partial<InputOf<AllWrites["createTrustRule"]>> &
    Pick<InputOf<AllWrites["createTrustRule"]>, "issuer" | "conditions">,
): Promise<number> {
  const caller = callerOf(operator);
  const audience = "registry.example.com";
  const whole = { caller, name: "rule", description: null, audience, namespace: "", disabled: false };
  return (await metadata.write("createTrustRule", { ...whole, grants: [], ...rule })).id;
}
