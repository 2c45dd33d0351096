import {
  changeEcrSetting,
  deleteEcrSetting,
  findEcrSetting,
  listEcrSettings,
  prefixKey,
  pullThroughRules,
} from "../../../registry/index.ts";
import { placeOf } from "../accounts.ts";
import type { EcrCall } from "../call.ts";
import { EcrError } from "../ecr-error.ts";
import { invalidParameter } from "../errors.ts";
import type { InputOf } from "../model/inputs.ts";
import { makePageToken, pageSize, readPageToken } from "../page-token.ts";
import { secondsOf } from "../show-repository.ts";
import { findUpstream } from "../upstreams.ts";

/** A rule as it is kept. Times are milliseconds since 1970. */
interface KeptRule {
  readonly ecrRepositoryPrefix: string;
  readonly upstreamRegistryUrl: string;
  readonly upstreamRegistry: string;
  /** Absent where the client gave none: Terraform would make the rule anew for one that it did not write. */
  readonly upstreamRepositoryPrefix?: string;
  readonly credentialArn?: string;
  readonly customRoleArn?: string;
  readonly createdAt: number;
  readonly updatedAt: number;
}

/** Rules of an account at most, as with Amazon. */
const ruleLimit = 50;

/** Checked as if it acted; nothing is pulled through yet. */
export async function createPullThroughCacheRule(call: EcrCall<"CreatePullThroughCacheRule">): Promise<object> {
  const { registry, caller, account, input, now } = call;
  const { registryId: _account, ...said } = input;
  const { registry: upstreamRegistry } = checkUpstream(input);
  checkRole(input.customRoleArn);
  const rule: KeptRule = { ...said, upstreamRegistry, createdAt: now, updatedAt: now };
  const others = await listEcrSettings(registry, caller, placeOf(call), pullThroughRules);
  const name = nameOf(input.ecrRepositoryPrefix);
  if (others.length >= ruleLimit && !others.some((other) => other.name === name)) {
    throw new EcrError("LimitExceededException", `a registry has at most ${ruleLimit} pull through cache rules`);
  }
  await changeEcrSetting(registry, caller, placeOf(call), name, (before) => {
    if (before === undefined) return JSON.stringify(rule);
    const message = `A pull through cache rule with the prefix '${input.ecrRepositoryPrefix}' already exists in the registry with id '${account.id}'`;
    throw new EcrError("PullThroughCacheRuleAlreadyExistsException", message);
  });
  const { updatedAt: _updated, ...shown } = show(call, rule);
  return shown;
}

/** All of them, or those that are named, which must be there. */
export async function describePullThroughCacheRules(call: EcrCall<"DescribePullThroughCacheRules">): Promise<object> {
  const { registry, caller, input } = call;
  const { ecrRepositoryPrefixes: prefixes } = input;
  if (prefixes !== undefined && (input.nextToken !== undefined || input.maxResults !== undefined)) {
    throw invalidParameter("ecrRepositoryPrefixes", "must be given without nextToken and maxResults");
  }
  const all = await listEcrSettings(registry, caller, placeOf(call), pullThroughRules);
  if (prefixes !== undefined) {
    const kept = new Map(all.map(({ name, value }) => [name, value]));
    const missing = prefixes.filter((prefix) => !kept.has(nameOf(prefix)));
    if (missing.length > 0) throw unknownRule(call, missing.join(", "));
    const values = [...new Set(prefixes.map(nameOf))].map((name) => kept.get(name)!);
    return { pullThroughCacheRules: values.map((value) => show(call, parse(value))) };
  }
  const after = readPageToken(call) ?? "";
  const rest = all.filter(({ name }) => name > after);
  const page = rest.slice(0, pageSize(call));
  const last = page.at(-1);
  return {
    pullThroughCacheRules: page.map(({ value }) => show(call, parse(value))),
    nextToken: rest.length > page.length && last !== undefined ? makePageToken(call, last.name) : undefined,
  };
}

/** What is not named stays. */
export async function updatePullThroughCacheRule(call: EcrCall<"UpdatePullThroughCacheRule">): Promise<object> {
  const { registry, caller, input, now } = call;
  const { credentialArn, customRoleArn } = input;
  checkRole(customRoleArn);
  const text = await changeEcrSetting(registry, caller, placeOf(call), nameOf(input.ecrRepositoryPrefix), (before) => {
    if (before === undefined) throw unknownRule(call, input.ecrRepositoryPrefix);
    const changed: KeptRule = {
      ...parse(before),
      ...(credentialArn === undefined ? {} : { credentialArn }),
      ...(customRoleArn === undefined ? {} : { customRoleArn }),
      updatedAt: now,
    };
    return JSON.stringify(changed);
  });
  const { createdAt: _created, upstreamRegistryUrl: _url, upstreamRegistry: _name, ...shown } = show(call, parse(text));
  return shown;
}

export async function deletePullThroughCacheRule(call: EcrCall<"DeletePullThroughCacheRule">): Promise<object> {
  const { registry, caller, input } = call;
  const text = await deleteEcrSetting(registry, caller, placeOf(call), nameOf(input.ecrRepositoryPrefix));
  if (text === undefined) throw unknownRule(call, input.ecrRepositoryPrefix);
  const { updatedAt: _updated, upstreamRegistry: _name, ...shown } = show(call, parse(text));
  return shown;
}

/** No rule is valid: whoever asks is about to count on it. */
export async function validatePullThroughCacheRule(call: EcrCall<"ValidatePullThroughCacheRule">): Promise<object> {
  const { registry, caller, input } = call;
  const text = await findEcrSetting(registry, caller, placeOf(call), nameOf(input.ecrRepositoryPrefix));
  if (text === undefined) throw unknownRule(call, input.ecrRepositoryPrefix);
  const rule = show(call, parse(text));
  const { createdAt: _created, updatedAt: _updated, upstreamRegistry: _name, ...shown } = rule;
  return { ...shown, isValid: false, failure: "The rule is kept, but nothing is pulled through yet." };
}

function nameOf(prefix: string): string {
  return `${pullThroughRules}${prefixKey(prefix)}`;
}

/** @throws EcrError UnsupportedUpstreamRegistryException; InvalidParameterException for what does not go with the upstream */
function checkUpstream({
  upstreamRegistryUrl: url,
  upstreamRegistry: named,
  credentialArn,
}: InputOf<"CreatePullThroughCacheRule">) {
  const upstream = findUpstream(url);
  if (upstream === undefined) {
    const message = `The upstream registry '${url.slice(0, 200)}' is not supported: name the host of one that is, without a scheme`;
    throw new EcrError("UnsupportedUpstreamRegistryException", message);
  }
  if (named !== undefined && named !== upstream.registry) {
    throw invalidParameter("upstreamRegistry", `must be ${upstream.registry} for ${url}`);
  }
  if (upstream.credentials === "needed" && credentialArn === undefined) {
    throw invalidParameter("credentialArn", `must be given for ${upstream.registry}`);
  }
  return upstream;
}

/** PostgreSQL takes no NUL, and halves of characters are none. */
function checkRole(arn: string | undefined): void {
  if (arn !== undefined && /[\p{Cc}\p{Cs}]/u.test(arn))
    throw invalidParameter("customRoleArn", "must have no control characters");
}

function parse(text: string): KeptRule {
  return JSON.parse(text) as KeptRule;
}

function show({ account }: EcrCall, { createdAt, updatedAt, ...rule }: KeptRule) {
  return { ...rule, registryId: account.id, createdAt: secondsOf(createdAt), updatedAt: secondsOf(updatedAt) };
}

function unknownRule({ account }: EcrCall, prefixes: string): EcrError {
  const message = `The pull through cache rule with prefix '${prefixes.slice(0, 1000)}' does not exist in the registry with id '${account.id}'`;
  return new EcrError("PullThroughCacheRuleNotFoundException", message);
}
