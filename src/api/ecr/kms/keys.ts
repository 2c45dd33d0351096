import { changeEcrSetting, findEcrSetting } from "../../../registry/index.ts";
import { arnOf, placeOf } from "../accounts.ts";
import type { SideCall } from "../side-call.ts";
import { EcrError } from "../ecr-error.ts";

/** A key as it is kept: its name and what was said of it. There is no key behind it, and nothing is encrypted. */
export interface KeptKey {
  readonly id: string;
  readonly region: string;
  /** Milliseconds since 1970. */
  readonly createdAt: number;
  readonly description: string;
  readonly policy: string;
  readonly rotates: boolean;
  readonly tags: Readonly<Record<string, string>>;
  /** When it is to be deleted; milliseconds since 1970, null for not. */
  readonly deletedAt: number | null;
}

const idPattern = /^(?:arn:aws[a-z-]*:kms:([a-z0-9-]{1,40}):(\d{1,12}):key\/)?([0-9a-f-]{36})$/;

/** Where a key is kept among the settings of its account. */
export function settingOf(id: string): string {
  return `kms-key/${id}`;
}

export function keyArn({ region, account }: Pick<SideCall, "region" | "account">, id: string): string {
  return arnOf("kms", region, account, `key/${id}`);
}

/** The key that a call names. @throws EcrError NotFoundException, and as `findEcrSetting` does */
export async function getKey(call: SideCall<{ readonly KeyId: string }>): Promise<KeptKey> {
  const { registry, caller } = call;
  const id = idOf(call);
  const text = await findEcrSetting(registry, caller, placeOf(call), settingOf(id));
  return requireKey(call, text);
}

/** Changes it, with others that change it, one after the other. @throws EcrError NotFoundException, KMSInvalidStateException for one that is to be deleted */
export async function changeKey(
  call: SideCall<{ readonly KeyId: string }>,
  change: (key: KeptKey) => KeptKey,
  also: "pending" | "live" = "live",
): Promise<KeptKey> {
  const { registry, caller } = call;
  const changed = await changeEcrSetting(registry, caller, placeOf(call), settingOf(idOf(call)), (text) => {
    const key = requireKey(call, text);
    if (key.deletedAt !== null && also === "live") {
      throw new EcrError("KMSInvalidStateException", `${keyArn(call, key.id)} is pending deletion.`);
    }
    return JSON.stringify(change(key));
  });
  return JSON.parse(changed) as KeptKey;
}

function requireKey(call: SideCall<{ readonly KeyId: string }>, text: string | undefined): KeptKey {
  const key = text === undefined ? undefined : (JSON.parse(text) as KeptKey);
  if (key?.region === call.region) return key;
  throw unknownKey(call);
}

function idOf(call: SideCall<{ readonly KeyId: string }>): string {
  const [, region = call.region, , id] = idPattern.exec(call.input.KeyId) ?? [];
  if (id === undefined || region !== call.region) throw unknownKey(call);
  return id;
}

function unknownKey(call: SideCall<{ readonly KeyId: string }>): EcrError {
  const named = call.input.KeyId.slice(0, 200);
  const arn = named.startsWith("arn:") ? named : keyArn(call, named);
  return new EcrError("NotFoundException", `Key '${arn}' does not exist`);
}
