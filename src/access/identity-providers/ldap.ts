import type * as Ldapts from "ldapts";
import type { Client, Entry, Filter } from "ldapts";
import { RegistryError } from "../../oci/index.ts";
import type { Identity, IdentityProvider } from "./identity-provider.ts";
import { mapGroups } from "./map-groups.ts";
import type { GroupMapping } from "./map-groups.ts";

/** How an LDAP directory, Active Directory among them, is asked. */
export interface LdapSettings {
  /** `ldap://host:389` or `ldaps://host:636`. */
  readonly url: string;
  /** TLS on an `ldap://` connection before anything is said. */
  readonly startTls: boolean;
  /** Certificates in PEM that are believed instead of the usual ones. */
  readonly ca: string | undefined;
  /** Who searches; nobody by name when undefined. */
  readonly bind: { readonly dn: string; readonly password: string } | undefined;
  /** Below which people are looked for. */
  readonly base: string;
  /** What people type: `uid`, `sAMAccountName`. */
  readonly nameAttribute: string;
  /** What never changes: `entryUUID`, `objectGUID`. */
  readonly idAttribute: string;
  /** Another condition on people, as RFC 4515 writes it. */
  readonly filter: string | undefined;
  /** Below which groups with members are looked for; undefined reads `memberOf` of the person. */
  readonly groupBase: string | undefined;
  readonly groups: GroupMapping;
  /** Of one step, in milliseconds. */
  readonly timeout: number;
}

/** The library is loaded by who has a directory. */
type Ldap = typeof Ldapts;

/**
 * People of an LDAP directory (RFC 4511): searched by name, then bound with the password that was given. What people type
 * reaches filters as a value of its own, never as text of a filter.
 */
export function openLdap(settings: LdapSettings): IdentityProvider {
  return {
    source: "ldap",
    async authenticate(name, password) {
      // A bind with an empty password succeeds as nobody (RFC 4513, 5.1.2).
      if (password === "") return undefined;
      return ask(settings, async (ldap, open) => {
        const entry = await findPerson(ldap, await open(), settings, name);
        if (entry === undefined) return undefined;
        const own = await open("nobody");
        try {
          await own.bind(entry.dn, password);
        } catch (error) {
          if (error instanceof ldap.InvalidCredentialsError) return undefined;
          throw error;
        }
        return identityOf(ldap, await open(), settings, entry);
      });
    },
    find: (name) =>
      ask(settings, async (ldap, open) => {
        const entry = await findPerson(ldap, await open(), settings, name);
        return entry === undefined ? undefined : identityOf(ldap, await open(), settings, entry);
      }),
  };
}

/** A connection of the searcher, the same each time, or a new one on which nobody has said who they are. */
type Open = (as?: "nobody") => Promise<Client>;

async function ask<T>(settings: LdapSettings, work: (ldap: Ldap, open: Open) => Promise<T>): Promise<T> {
  const ldap = await import("ldapts");
  const clients: Client[] = [];
  let searcher: Client | undefined;
  let timer: NodeJS.Timeout | undefined;
  const connect = async () => {
    const client = await openClient(ldap, settings);
    clients.push(client);
    return client;
  };
  const open: Open = async (as) => {
    if (as === "nobody") return connect();
    if (searcher !== undefined) return searcher;
    const client = await connect();
    if (settings.bind !== undefined) await bindSearcher(ldap, client, settings.bind);
    return (searcher = client);
  };
  // The library bounds each request, and not what goes on before: a handshake may hang, too.
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error("it took too long")), 4 * settings.timeout);
  });
  try {
    return await Promise.race([work(ldap, open), late]);
  } catch (cause) {
    throw explain(settings, cause);
  } finally {
    clearTimeout(timer);
    for (const client of clients) void client.unbind().catch(() => undefined);
  }
}

async function openClient(ldap: Ldap, { url, startTls, ca, timeout }: LdapSettings): Promise<Client> {
  const { hostname } = new URL(url);
  const tlsOptions = { minVersion: "TLSv1.2" as const, ...(ca === undefined ? {} : { ca }), ...nameOf(hostname) };
  const secure = url.startsWith("ldaps:");
  // The library speaks TLS from the first byte wherever it is given options of it.
  const client = new ldap.Client({ url, timeout, connectTimeout: timeout, ...(secure ? { tlsOptions } : {}) });
  if (!secure && startTls) await client.startTLS(tlsOptions);
  return client;
}

/** An address is no server name (RFC 6066, 3). */
function nameOf(host: string): { readonly servername?: string; readonly host: string } {
  const plain = host.replace(/^\[(.*)\]$/, "$1");
  return /^[\d.]+$|:/.test(plain) ? { host: plain } : { host: plain, servername: plain };
}

/** The searcher's own password is the operator's affair. */
async function bindSearcher(ldap: Ldap, client: Client, { dn, password }: { dn: string; password: string }) {
  try {
    await client.bind(dn, password);
  } catch (cause) {
    if (!(cause instanceof ldap.InvalidCredentialsError)) throw cause;
    const message = "the directory does not take `ldap.bindDn` with `ldap.bindPassword`: tell the operator";
    throw new RegistryError("UNAVAILABLE", message, { cause });
  }
}

async function findPerson(
  ldap: Ldap,
  client: Client,
  settings: LdapSettings,
  name: string,
): Promise<Entry | undefined> {
  const { base, nameAttribute, idAttribute, filter } = settings;
  const named = new ldap.EqualityFilter({ attribute: nameAttribute, value: name });
  const filters: Filter[] = filter === undefined ? [named] : [named, ldap.FilterParser.parseString(filter)];
  const { searchEntries } = await client.search(base, {
    scope: "sub",
    filter: new ldap.AndFilter({ filters }),
    attributes: [nameAttribute, idAttribute, "displayName", "cn", "mail", "memberOf"],
    explicitBufferAttributes: [idAttribute],
    sizeLimit: 2,
  });
  // Two people of one name are nobody.
  return searchEntries.length === 1 ? searchEntries[0] : undefined;
}

async function identityOf(
  ldap: Ldap,
  client: Client,
  settings: LdapSettings,
  entry: Entry,
): Promise<Identity | undefined> {
  const id = valuesOf(entry, settings.idAttribute)[0];
  const name = textsOf(entry, settings.nameAttribute)[0]?.toLowerCase();
  if (id === undefined || name === undefined) {
    const message = `the directory's entry has no ${id === undefined ? settings.idAttribute : settings.nameAttribute}: tell the operator to set \`ldap.idAttribute\` and \`ldap.nameAttribute\``;
    throw new RegistryError("UNAVAILABLE", message);
  }
  // Identifiers of Active Directory are bytes, those of others text.
  const externalId = /GUID$/i.test(settings.idAttribute) ? Buffer.from(id).toString("hex") : String(id);
  const groups = await findGroups(ldap, client, settings, entry, name);
  return {
    externalId,
    name,
    display: textsOf(entry, "displayName")[0] ?? textsOf(entry, "cn")[0] ?? null,
    email: textsOf(entry, "mail")[0] ?? null,
    groups: mapGroups(settings.groups, groups),
  };
}

/** Distinguished name and short name of each group. */
async function findGroups(
  ldap: Ldap,
  client: Client,
  { groupBase }: LdapSettings,
  entry: Entry,
  name: string,
): Promise<string[][]> {
  if (groupBase === undefined) return textsOf(entry, "memberOf").map((dn) => [dn, shortName(dn)]);
  const members = { member: entry.dn, uniqueMember: entry.dn, memberUid: name };
  const filters = Object.entries(members).map(([attribute, value]) => new ldap.EqualityFilter({ attribute, value }));
  const filter = new ldap.OrFilter({ filters });
  const { searchEntries } = await client.search(groupBase, { scope: "sub", filter, attributes: ["cn"] });
  return searchEntries.map((group) => [group.dn, textsOf(group, "cn")[0] ?? shortName(group.dn)]);
}

/** The value of the first part of a distinguished name. */
function shortName(dn: string): string {
  return /^[^=]+=((?:[^,\\]|\\.)*)/.exec(dn)?.[1]?.replaceAll(/\\(.)/g, "$1") ?? dn;
}

function valuesOf(entry: Entry, attribute: string): (string | Buffer)[] {
  const name = Object.keys(entry).find((key) => key.toLowerCase() === attribute.toLowerCase());
  const value = name === undefined ? [] : entry[name];
  return [value ?? []].flat();
}

function textsOf(entry: Entry, attribute: string): string[] {
  return valuesOf(entry, attribute).map(String);
}

/** Whoever logs in learns that it is not their password; the cause goes into the log. */
function explain({ url }: LdapSettings, cause: unknown): RegistryError {
  if (cause instanceof RegistryError) return cause;
  const { host } = new URL(url);
  const { code } = cause as { readonly code?: unknown };
  const why =
    typeof code === "string" ? code : cause instanceof Error && cause.name !== "Error" ? cause.name : "too late";
  const message = `the directory ${host} does not answer as it should (${why}): try again later; users, tokens and robots of this registry still work`;
  return new RegistryError("UNAVAILABLE", message, { cause });
}
