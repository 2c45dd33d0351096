import { RegistryError } from "../../../oci/index.ts";
import {
  changeEcrTemplate,
  createEcrTemplate,
  deleteEcrTemplate,
  listEcrTemplates,
  prefixKey,
} from "../../../registry/index.ts";
import type { EcrTemplate, KeptEcrTemplate } from "../../../registry/index.ts";
import type { EcrCall } from "../call.ts";
import { EcrError } from "../ecr-error.ts";
import { invalidParameter } from "../errors.ts";
import type { InputOf } from "../model/inputs.ts";
import { makePageToken, pageSize, readPageToken } from "../page-token.ts";
import { refusePolicy } from "../refuse-policy.ts";
import { readTags } from "../resource-tags.ts";
import { secondsOf, showMutability } from "../show-repository.ts";
import { managedKey, readMutability } from "./create-repository.ts";
import { readLifecycle } from "./lifecycle-policies.ts";

type Change = Omit<InputOf<"UpdateRepositoryCreationTemplate">, "prefix">;

export async function createRepositoryCreationTemplate(
  call: EcrCall<"CreateRepositoryCreationTemplate">,
): Promise<object> {
  const { registry, caller, account, input } = call;
  const nothing = { description: "", lifecyclePolicy: "", tags: [], customRoleArn: "" };
  const { prefix, appliedFor } = input;
  const template = { ...nothing, mutability: null, encryption: null, ...readChange(call, input), prefix, appliedFor };
  try {
    return show(call, await createEcrTemplate(registry, caller, account.namespace, template, policyOf(call)));
  } catch (error) {
    if (!(error instanceof RegistryError) || error.code !== "CONFLICT") throw refused(error);
    if ((error.detail as { readonly limit?: number } | undefined)?.limit !== undefined) {
      throw new EcrError("LimitExceededException", error.message, {}, error);
    }
    const message = `The repository creation template with prefix '${prefix}' already exists in the registry with id '${account.id}'`;
    throw new EcrError("TemplateAlreadyExistsException", message, {}, error);
  }
}

/** What is not named stays; an empty text takes away what was said. */
export async function updateRepositoryCreationTemplate(
  call: EcrCall<"UpdateRepositoryCreationTemplate">,
): Promise<object> {
  const { registry, caller, account, input } = call;
  const change = readChange(call, input);
  return named(call, changeEcrTemplate(registry, caller, account.namespace, input.prefix, change, policyOf(call)));
}

export async function deleteRepositoryCreationTemplate(
  call: EcrCall<"DeleteRepositoryCreationTemplate">,
): Promise<object> {
  const { registry, caller, account, input } = call;
  return named(call, deleteEcrTemplate(registry, caller, account.namespace, input.prefix));
}

/** By prefix; prefixes that no template has are passed over. */
export async function describeRepositoryCreationTemplates(
  call: EcrCall<"DescribeRepositoryCreationTemplates">,
): Promise<object> {
  const { registry, caller, account, input } = call;
  const { prefixes } = input;
  if (prefixes !== undefined && (input.nextToken !== undefined || input.maxResults !== undefined)) {
    throw invalidParameter("prefixes", "must be given without nextToken and maxResults");
  }
  const after = readPageToken(call) ?? "";
  const size = prefixes === undefined ? pageSize(call) : Infinity;
  const wanted = prefixes === undefined ? undefined : new Set(prefixes.map(prefixKey));
  const all = (await listEcrTemplates(registry, caller, account.namespace)).filter(({ prefix }) => {
    const key = prefixKey(prefix);
    return key > after && (wanted === undefined || wanted.has(key));
  });
  const page = all.slice(0, size);
  const last = page.at(-1);
  return {
    registryId: account.id,
    repositoryCreationTemplates: page.map(showTemplate),
    nextToken: all.length > page.length && last !== undefined ? makePageToken(call, prefixKey(last.prefix)) : undefined,
  };
}

/** @throws EcrError TemplateNotFoundException */
async function named(
  call: EcrCall<"UpdateRepositoryCreationTemplate" | "DeleteRepositoryCreationTemplate">,
  work: Promise<KeptEcrTemplate>,
): Promise<object> {
  try {
    return show(call, await work);
  } catch (error) {
    if (!(error instanceof RegistryError) || error.code !== "NOT_FOUND") throw refused(error);
    const message = `The repository creation template with prefix '${call.input.prefix}' does not exist in the registry with id '${call.account.id}'`;
    throw new EcrError("TemplateNotFoundException", message, {}, error);
  }
}

const refused = (error: unknown) => refusePolicy("repositoryPolicy", "repository", error);

function policyOf({
  account,
  input,
}: EcrCall<"CreateRepositoryCreationTemplate" | "UpdateRepositoryCreationTemplate">) {
  const { repositoryPolicy: text } = input;
  return text === undefined ? undefined : { account: account.id, text };
}

/** What an input says but for its policy, checked. @throws EcrError InvalidParameterException */
function readChange({ account, region }: EcrCall, input: Change): Partial<Omit<EcrTemplate, "repositoryPolicy">> {
  const { description, appliedFor, customRoleArn, lifecyclePolicy, resourceTags, encryptionConfiguration } = input;
  refuseControls("description", description);
  refuseControls("customRoleArn", customRoleArn);
  if (lifecyclePolicy !== undefined && lifecyclePolicy !== "") readLifecycle(lifecyclePolicy);
  const mutability = readMutability(input);
  return {
    ...(description === undefined ? {} : { description }),
    ...(appliedFor === undefined ? {} : { appliedFor }),
    ...(customRoleArn === undefined ? {} : { customRoleArn }),
    ...(lifecyclePolicy === undefined ? {} : { lifecyclePolicy }),
    ...(mutability === undefined ? {} : { mutability }),
    ...(resourceTags === undefined ? {} : { tags: readTags(resourceTags) }),
    ...(encryptionConfiguration === undefined
      ? {}
      : { encryption: readEncryption(encryptionConfiguration, managedKey(region, account)) }),
  };
}

function readEncryption(
  { encryptionType: type, kmsKey = "" }: NonNullable<Change["encryptionConfiguration"]>,
  managed: string,
): EcrTemplate["encryption"] {
  if (type !== "AES256") return { type, key: kmsKey === "" ? managed : kmsKey, named: kmsKey !== "" };
  if (kmsKey === "") return { type, key: null, named: false };
  throw invalidParameter("encryptionConfiguration", "must have no kmsKey when encryptionType is AES256");
}

/** PostgreSQL takes no NUL, and halves of characters are none. */
function refuseControls(name: string, value: string | undefined): void {
  if (value !== undefined && /[\p{Cc}\p{Cs}]/u.test(value))
    throw invalidParameter(name, "must have no control characters");
}

function show({ account }: EcrCall, template: KeptEcrTemplate): object {
  return { registryId: account.id, repositoryCreationTemplate: showTemplate(template) };
}

function showTemplate(template: KeptEcrTemplate): object {
  const { prefix, description, appliedFor, mutability, encryption, tags, customRoleArn } = template;
  const { repositoryPolicy, lifecyclePolicy } = template;
  const { mode, filters } = mutability ?? { mode: "MUTABLE", filters: [] };
  return {
    prefix,
    description: said(description),
    encryptionConfiguration: {
      encryptionType: encryption?.type ?? "AES256",
      kmsKey: encryption?.named === true ? encryption.key : undefined,
    },
    resourceTags: tags.map(({ key, value }) => ({ Key: key, Value: value })),
    ...showMutability(mode, filters),
    repositoryPolicy: repositoryPolicy?.text,
    lifecyclePolicy: said(lifecyclePolicy),
    appliedFor,
    customRoleArn: said(customRoleArn),
    createdAt: secondsOf(template.createdAt),
    updatedAt: secondsOf(template.changedAt),
  };
}

function said(text: string): string | undefined {
  return text === "" ? undefined : text;
}
