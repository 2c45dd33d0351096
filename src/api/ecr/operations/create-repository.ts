import { hash } from "node:crypto";
import { RegistryError } from "../../../oci/index.ts";
import { isFilter } from "../../../policy/index.ts";
import type { TagMutability } from "../../../policy/index.ts";
import { createEcrRepository } from "../../../registry/index.ts";
import type { EcrFacts } from "../../../registry/index.ts";
import { arnOf, nameWithin } from "../accounts.ts";
import type { EcrCall } from "../call.ts";
import { EcrError } from "../ecr-error.ts";
import { invalidParameter } from "../errors.ts";
import type { InputOf } from "../model/inputs.ts";
import { readTags } from "../resource-tags.ts";
import { showRepository } from "../show-repository.ts";

export async function createRepository(call: EcrCall<"CreateRepository">): Promise<object> {
  const { registry, caller, account, input } = call;
  const name = nameWithin(account, input.repositoryName);
  const facts: EcrFacts = {
    scanOnPush: input.imageScanningConfiguration?.scanOnPush ?? false,
    encryption: readEncryption(call),
    tags: readTags(input.tags ?? []),
  };
  try {
    const made = await createEcrRepository(registry, caller, name, readMutability(input), facts);
    return { repository: showRepository(call, made) };
  } catch (error) {
    if (!(error instanceof RegistryError) || error.code !== "CONFLICT") throw error;
    const message = `The repository with name '${input.repositoryName}' already exists in the registry with id '${account.id}'`;
    throw new EcrError("RepositoryAlreadyExistsException", message, {}, error);
  }
}

/** What is said of tags; undefined where nothing is. @throws EcrError InvalidParameterException */
export function readMutability({
  imageTagMutability: mode,
  imageTagMutabilityExclusionFilters: given,
}: Pick<InputOf<"CreateRepository">, "imageTagMutability" | "imageTagMutabilityExclusionFilters">):
  | TagMutability
  | undefined {
  const filters = (given ?? []).map(({ filter }) => filter);
  const excludes = mode === "IMMUTABLE_WITH_EXCLUSION" || mode === "MUTABLE_WITH_EXCLUSION";
  if (excludes !== filters.length > 0) {
    const rule = excludes
      ? `ImageTagMutabilityExclusionFilters can't be null when imageTagMutability is set as ${mode}`
      : "must be given with IMMUTABLE_WITH_EXCLUSION or MUTABLE_WITH_EXCLUSION only";
    throw invalidParameter("imageTagMutabilityExclusionFilters", rule);
  }
  if (!filters.every(isFilter)) {
    throw invalidParameter("imageTagMutabilityExclusionFilters", "must have at most two wildcards in each filter");
  }
  return mode === undefined ? undefined : { mode, filters };
}

/** A key is named by Amazon where the client names none; what is named is kept as it was written. */
function readEncryption({ input, account, region }: EcrCall<"CreateRepository">): EcrFacts["encryption"] {
  const { encryptionType: type, kmsKey } = input.encryptionConfiguration ?? { encryptionType: "AES256" as const };
  // PostgreSQL takes no NUL, and halves of characters are none.
  if (kmsKey !== undefined && /[\p{Cc}\p{Cs}]/u.test(kmsKey))
    throw invalidParameter("encryptionConfiguration.kmsKey", "must have no control characters");
  if (type !== "AES256") return { type, key: kmsKey ?? managedKey(region, account) };
  if (kmsKey === undefined) return { type, key: null };
  throw invalidParameter("encryptionConfiguration", "must have no kmsKey when encryptionType is AES256");
}

/** The same for an account and region each time. */
export function managedKey(region: string, account: EcrCall["account"]): string {
  const hex = hash("sha256", `${account.id} ${region} ecr`);
  const id = [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20, 32)].join("-");
  return arnOf("kms", region, account, `key/${id}`);
}
