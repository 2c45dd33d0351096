import { readFile } from "node:fs/promises";
import { openLdap, parseGroupMapping } from "./access/index.ts";
import type { IdentityProvider, SsoProvider } from "./access/index.ts";
import type { Config } from "./config.ts";
import { openGuardedFetch } from "./lib/index.ts";
import type { GuardedFetch } from "./lib/index.ts";
import { SettingsError } from "./lib/settings/index.ts";

/** Asks other servers, under the guard. @throws SettingsError when the certificates cannot be read */
export async function openOutgoing({ outgoing: { allow, ca } }: Config): Promise<GuardedFetch> {
  const bounds = { timeout: 5_000, sizeLimit: 1024 ** 2 };
  return openGuardedFetch({ allow, ca: await readCertificates("outgoing.ca", ca), ...bounds });
}

/**
 * Sends events to receivers, under the guard; their answers are not read for more than a little. Connections are kept: an event
 * that comes twice is known by its id. @throws SettingsError
 */
export async function openReceivers({ outgoing: { allow, ca }, webhooks }: Config): Promise<GuardedFetch> {
  const keep = { idle: 4_000, life: 60_000 };
  const bounds = { timeout: webhooks.timeout, sizeLimit: 64 * 1024, keep };
  return openGuardedFetch({ allow, ca: await readCertificates("outgoing.ca", ca), ...bounds });
}

/** The directory that the settings name; it is asked when somebody logs in. @throws SettingsError */
export async function openDirectory({ ldap }: Config): Promise<IdentityProvider | undefined> {
  const { url, base, bindDn: dn, bindPassword: password } = ldap;
  if (url === undefined || base === undefined) return undefined;
  const { startTls, nameAttribute, idAttribute, filter, groupBase, timeout } = ldap;
  return openLdap({
    ...{ url, base, startTls, nameAttribute, idAttribute, filter, groupBase, timeout },
    ca: await readCertificates("ldap.ca", ldap.ca),
    bind: dn === undefined || password === undefined ? undefined : { dn, password },
    groups: parseGroupMapping(ldap.groups),
  });
}

async function readCertificates(setting: string, path: string | undefined): Promise<string | undefined> {
  if (path === undefined) return undefined;
  try {
    return await readFile(path, "utf8");
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    const message = `\`${setting}\` is ${path}, which cannot be read (${code}): name a readable file of certificates in PEM`;
    throw new SettingsError([message], { cause });
  }
}

/** The providers that the settings name. */
export function ssoProvidersOf({ sso }: Config): SsoProvider[] {
  return sso.map(({ clientSecret, clientSecretFile: _, groups, ...provider }) => ({
    ...provider,
    clientSecret,
    groups: parseGroupMapping(groups),
  }));
}
