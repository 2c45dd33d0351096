import { readFile } from "node:fs/promises";
import { z } from "zod";
import { setting } from "./kinds.ts";
import { groupMapping } from "./ldap-settings.ts";
import { variableOf } from "./list-settings.ts";
import { SettingsError } from "./problem.ts";

const { flag, text } = setting;

/** What a login says itself to the provider. */
const ownParameters =
  /^(?:client_id|client_secret|code_challenge|code_challenge_method|nonce|redirect_uri|request|request_uri|response_mode|response_type|scope|state)$/;

/** Providers of OpenID Connect with which people log in; in the file only. */
export const ssoSettings = z
  .array(
    z.strictObject({
      name: z.string().regex(/^[a-z0-9-]{1,32}$/, "a short name of lower-case letters, digits and -"),
      issuer: z.url({ protocol: /^https?$/ }),
      clientId: text({ about: "As the provider registered this registry." }),
      clientSecret: text({ about: "Its secret; a public client has none." }).optional(),
      clientSecretFile: text({ about: "Path of a file that holds `clientSecret`." }).optional(),
      scopes: z.array(z.string().min(1)).prefault(["openid", "profile", "email"]),
      offlineAccess: flag(true, { about: "Ask for a refresh token, where the provider knows `offline_access`." }),
      parameters: z.record(z.string().regex(/^\w{1,64}$/), z.string().max(1000)).prefault({}),
      nameClaim: z.string().min(1).prefault("preferred_username"),
      groupsClaim: z.string().min(1).prefault("groups"),
      groups: z.array(z.string().regex(groupMapping, "lines such as `Admins => admins`")).prefault([]),
    }),
    "a list of providers, each with name, issuer and clientId",
  )
  .prefault([])
  .describe(
    "Providers of OpenID Connect with which people log in, in the file only: `name`, `issuer`, `clientId`, `clientSecret` or `clientSecretFile`, `scopes`, `offlineAccess` (true: ask for a refresh token), `parameters` (more for the provider's login page, such as `prompt: consent`), `nameClaim` (`preferred_username`), `groupsClaim` (`groups`), `groups` (as in `ldap.groups`). The secret of the provider `okta` may come by `BERTH_SSO_OKTA_CLIENT_SECRET`, or by `BERTH_SSO_OKTA_CLIENT_SECRET_FILE`, the path of a file that holds it.",
  )
  .meta({ secrecy: "whole" });

type Provider = z.output<typeof ssoSettings>[number];

const secretVariable = /^SSO_[A-Z0-9_]+_CLIENT_SECRET(?:_FILE)?$/;

/** Variables that are settings although no schema can list them: each provider's secret. */
export function listSsoVariables(environment: Readonly<Record<string, string | undefined>>, prefix: string): string[] {
  return Object.keys(environment).filter(
    (name) => name.startsWith(prefix) && secretVariable.test(name.slice(prefix.length)),
  );
}

/**
 * The providers with their secrets, which the environment gives before the file.
 * @throws SettingsError for two of the same name, a parameter that a login sets itself, a secret that is given twice, a file that cannot be read, a variable for no provider
 */
export async function fillSsoSecrets(
  providers: readonly Provider[],
  environment: Readonly<Record<string, string | undefined>>,
  prefix: string,
): Promise<Provider[]> {
  const problems: string[] = [];
  const unused = new Set(listSsoVariables(environment, prefix).filter((name) => environment[name] !== ""));
  const names = new Set<string>();
  const filled: Provider[] = [];
  for (const provider of providers) {
    const { name } = provider;
    if (names.has(name)) problems.push(`\`sso\` has two providers called ${name}: give one of them another name`);
    names.add(name);
    for (const parameter of Object.keys(provider.parameters).filter((one) => ownParameters.test(one))) {
      problems.push(`\`sso\` ${name}: parameters names ${parameter}, which a login sets itself: leave it out`);
    }
    const variable = `${prefix}${variableOf(`sso.${name.replaceAll("-", "_")}.clientSecret`)}`;
    unused.delete(variable);
    unused.delete(`${variable}_FILE`);
    const [text, path] = [environment[variable] || undefined, environment[`${variable}_FILE`] || undefined];
    const given =
      text === undefined && path === undefined
        ? {
            text: provider.clientSecret,
            path: provider.clientSecretFile,
            by: [`\`sso\` ${name}: clientSecret`, "clientSecretFile"],
          }
        : { text, path, by: [variable, `${variable}_FILE`] };
    if (given.text !== undefined && given.path !== undefined) {
      problems.push(`the secret of ${name} is given twice, by ${given.by.join(" and ")}: keep one of them`);
    }
    filled.push({ ...provider, clientSecret: given.text ?? (await readSecret(given.path, given.by[1]!, problems)) });
  }
  for (const variable of unused) {
    const known = [...names].join(", ") || "none";
    problems.push(`${variable} is the secret of no provider of \`sso\`: there is ${known}`);
  }
  if (problems.length > 0) throw new SettingsError(problems);
  return filled;
}

async function readSecret(path: string | undefined, by: string, problems: string[]): Promise<string | undefined> {
  if (path === undefined) return undefined;
  try {
    const secret = (await readFile(path, "utf8")).trimEnd();
    if (secret !== "") return secret;
    problems.push(`${by} names ${path}, which is empty: put the secret into it`);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    problems.push(`${by} names ${path}, which cannot be read (${code}): make it a file that Berth may read`);
  }
  return undefined;
}
