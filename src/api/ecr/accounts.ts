import { describeAwsIdentity, partitionOf } from "../../access/index.ts";
import type { Principal } from "../../access/index.ts";
import { isRepositoryName } from "../../oci/index.ts";
import type { RepositoryName } from "../../oci/index.ts";
import { EcrError } from "./ecr-error.ts";

/** A registry as ECR's clients know one: an account in a region. Here it is a namespace with all below it. */
export interface EcrAccount {
  /** Twelve digits. */
  readonly id: string;
  /** The only region in which it is there; undefined for every one. */
  readonly region?: string | undefined;
  /** Path; empty for the root. */
  readonly namespace: string;
}

/** Where ECR's clients find what. */
export interface EcrSettings {
  /** The first is the one that others fall back to; none is account 000000000000 at the root. */
  readonly accounts: readonly EcrAccount[];
  /** Host, with its port, that `repositoryUri` names; undefined for the one that the client asked. */
  readonly publicHost?: string | undefined;
  /** Whether a push on the host of an account makes a repository. */
  readonly createOnPush: boolean;
  /** Whether tags of signatures are as others where tags do not move. */
  readonly strict: boolean;
}

const standard: EcrAccount = { id: "000000000000", namespace: "" };
/** Where an account is that is in every region, for those who ask from nowhere. */
export const standardRegion = "us-east-1";

/** Names of hosts that stand for an account: at Amazon it has twelve digits, and people shorten it in examples. */
const accountHost = /^(\d+)\.dkr[.-]ecr(?:-fips)?\.([a-z0-9-]+)\./;

/** The digits in a host's name; undefined where it is no account's. */
export function findHostAccount(host: string): string | undefined {
  return accountHost.exec(host)?.[1];
}

/**
 * The account that is asked: the one that is named, if there is one, else the first that is there in the region.
 * @param named digits of `registryId` or of the host; other accounts than those of the settings fall back, too
 * @throws EcrError InvalidParameterException where no account is in the region
 */
export function chooseAccount(
  settings: EcrSettings,
  region: string,
  named: readonly (string | undefined)[],
): EcrAccount {
  const all = settings.accounts.length === 0 ? [standard] : settings.accounts;
  const here = all.filter((account) => account.region === undefined || account.region === region);
  const [fallback] = here;
  if (fallback === undefined) {
    const regions = [...new Set(all.map((account) => account.region))].join(", ");
    const message = `Invalid parameter at 'region' failed to satisfy constraint: 'There is no registry in ${region}, but in ${regions}: set the region, or ask the operator about ecr.accounts'`;
    throw new EcrError("InvalidParameterException", message);
  }
  for (const digits of named) {
    const found = digits === undefined ? undefined : here.find(({ id }) => id === digits.padStart(12, "0"));
    if (found !== undefined) return found;
  }
  return fallback;
}

/**
 * Where several accounts share a registry, a change that names another account than those is a typing error, which must not
 * change what has the same name in the first one.
 * @throws EcrError InvalidParameterException
 */
export function refuseOther(settings: EcrSettings, account: EcrAccount, named: string | undefined): void {
  if (settings.accounts.length === 0 || named === undefined || named.padStart(12, "0") === account.id) return;
  const message = `Invalid parameter at 'registryId' failed to satisfy constraint: 'There is no account ${named} here: nothing was changed; name the account ${account.id}, or leave it out'`;
  throw new EcrError("InvalidParameterException", message);
}

/** The account that a host or a region stands for, for those who ask about no repository. */
export function findAccount(settings: EcrSettings, host: string, region: string): EcrAccount {
  const all = settings.accounts.length === 0 ? [standard] : settings.accounts;
  const known = all.find(({ id }) => id === findHostAccount(host)?.padStart(12, "0"));
  return known ?? all.find((one) => one.region === undefined || one.region === region) ?? all[0] ?? standard;
}

/** The region in a host's name of an account; undefined in any other. */
export function findHostRegion(host: string): string | undefined {
  return accountHost.exec(host)?.[2];
}

/** An account as what is set of it is kept. */
export function placeOf({ account }: { readonly account: EcrAccount }) {
  return { account: account.id, namespace: account.namespace };
}

/** All accounts as what is set of them is kept. */
export function listAccounts({ accounts }: EcrSettings) {
  const all = accounts.length === 0 ? [standard] : accounts;
  return all.map(({ id, namespace }) => ({ account: id, namespace }));
}

/** Digits of the accounts that a namespace is, each once. */
export function listAccountsOf({ accounts }: EcrSettings, namespace: string): string[] {
  const all = accounts.length === 0 ? [standard] : accounts;
  return [...new Set(all.filter((one) => one.namespace === namespace).map(({ id }) => id))];
}

/** The repository of an account by the name that its clients use. @throws EcrError InvalidParameterException when it is too long */
export function nameWithin({ namespace }: EcrAccount, name: string): RepositoryName {
  const whole = namespace === "" ? name : `${namespace}/${name}`;
  if (isRepositoryName(whole)) return whole;
  const message = `Invalid parameter at 'repositoryName' failed to satisfy constraint: 'must have at most 255 characters, with the namespace of its account'`;
  throw new EcrError("InvalidParameterException", message);
}

/** The name that an account's clients use for a repository below its namespace. */
export function nameFor({ namespace }: EcrAccount, whole: string): string {
  return namespace === "" ? whole : whole.slice(namespace.length + 1);
}

/**
 * Where clients of ECR find a repository: in the account whose namespace is the nearest above it, the first of several. One that
 * is in no account has its whole name in the account 000000000000.
 */
export function placeOfRepository({ accounts }: EcrSettings, whole: string) {
  const all = accounts.length === 0 ? [standard] : accounts;
  const above = all.filter(({ namespace }) => namespace === "" || whole.startsWith(`${namespace}/`));
  const [first = standard, ...others] = above;
  const account = others.reduce((best, one) => (one.namespace.length > best.namespace.length ? one : best), first);
  const region = account.region ?? standardRegion;
  const name = nameFor(account, whole);
  return { account: account.id, region, name, arn: arnOf("ecr", region, account, `repository/${name}`) };
}

/** An ARN; `resource` is empty for the registry itself. */
export function arnOf(
  service: "ecr" | "kms" | "secretsmanager",
  region: string,
  { id }: EcrAccount,
  resource: string,
): string {
  return `arn:${partitionOf(region)}:${service}:${region}:${id}:${resource}`;
}

/** A principal as policies and messages of AWS name one: the same as STS says who it is. */
export function callerArn(region: string, { id }: EcrAccount, principal: Principal): string {
  return describeAwsIdentity(principal, { account: id, region }).arn;
}

/** The account itself, as policies name it. */
export function rootArn(region: string, { id }: EcrAccount): string {
  return `arn:${partitionOf(region)}:iam::${id}:root`;
}

const repositoryArn = /^arn:aws[a-z-]*:ecr:([a-z0-9-]{1,40}):(\d{1,12}):repository\/(.{1,256})$/;

/** What the ARN of a repository says; undefined where it is none, or names what no repository is called. */
export function findRepositoryOf(
  arn: string,
): { readonly region: string; readonly account: string; readonly name: string } | undefined {
  const [, region, account, name] = repositoryArn.exec(arn) ?? [];
  if (region === undefined || account === undefined || name === undefined || !isRepositoryName(name)) return undefined;
  return { region, account, name };
}
